// Vectors as comma-separated values: rows of an optional name, the numbers, and further cells that become metadata,
// with or without a header line. docs/file-formats.md has the layout. For files from outside: whatever is wrong with a
// row is the error of that row.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/space.h"

#include "base/csv.h"

namespace eidetic {

struct VectorRow {
  std::size_t line = 0;  // where it begins, from 1
  std::string id;        // its name with slashes; of rows without names, their number from 0
  bool named = false;
  Vector vector;
  std::string metadata;  // JSON object
};

// Not thread-safe. `text` must outlive it.
class VectorTable {
 public:
  // Finds the layout from the header line, or else from the first row. `dimensions`: those of where the vectors go,
  // which decide what a row without a header leaves open; 0: not known. `what` leads every message. invalid_argument:
  // no row at all, a header or first row without numbers, other dimensions than asked for.
  [[nodiscard]] static Result<VectorTable> open(std::string_view text, std::string what, std::uint32_t dimensions);

  [[nodiscard]] std::uint32_t dimensions() const noexcept { return dimensions_; }
  // The next row, or what is wrong with it; nullopt after the last.
  [[nodiscard]] std::optional<Result<VectorRow>> next();

 private:
  VectorTable(std::string_view text, std::string what) : records_(text), what_(std::move(what)) {}

  [[nodiscard]] bool read_header(const std::vector<std::string>& cells);
  [[nodiscard]] bool read_layout(const std::vector<std::string>& cells, std::uint32_t dimensions);
  [[nodiscard]] bool next_record();
  [[nodiscard]] Result<VectorRow> row();
  [[nodiscard]] std::unexpected<Error> wrong(std::string_view why) const;

  CsvReader records_;
  std::string what_;
  std::vector<std::string> cells_;
  std::size_t line_ = 0;
  bool pending_ = false;  // the first record was no header: it is the first row
  bool broken_ = false;   // a quote never ended
  std::uint64_t rows_ = 0;

  // Places of cells.
  std::optional<std::size_t> name_;
  std::size_t first_ = 0;
  std::uint32_t dimensions_ = 0;
  std::size_t width_ = 0;
  std::vector<std::string> header_;  // names of metadata; empty ones are left out
};

}  // namespace eidetic
