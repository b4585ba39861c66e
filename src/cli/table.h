// A table of text for people: columns as wide as their content, made to fit the terminal.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/terminal.h"

namespace eidetic {

struct Column {
  std::string title;
  bool right_aligned = false;  // numbers
  std::size_t least = 0;       // columns that it may be shortened to; 0: it is shown in full
  Cut cut = Cut::tail;         // the end that is left out when shortened
  bool optional = false;       // left out when all shortening is not enough
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as columns; control characters in them are replaced.
  void add(std::vector<std::string> cells);
  // The titles and all rows, each with its line end, at most `width` columns wide; 0: no limit. Where the columns that
  // must stay do not fit, lines are longer.
  [[nodiscard]] std::string render(std::size_t width) const;
  // To standard output, made to fit the terminal there.
  void print() const;

 private:
  [[nodiscard]] std::vector<std::size_t> fit(std::size_t width) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace eidetic
