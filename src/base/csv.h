// Comma-separated values as in RFC 4180, with LF or CRLF line ends and an optional byte-order mark.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

// One record after the other, of texts of any size. Not thread-safe. `text` must outlive it.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text);

  [[nodiscard]] bool done() const noexcept { return rest_.empty(); }
  [[nodiscard]] std::size_t line() const noexcept { return line_; }         // where the next record begins, from 1
  [[nodiscard]] std::size_t left() const noexcept { return rest_.size(); }  // bytes
  // The fields of the next record; one empty field for an empty line. False: a quoted field is never closed, and
  // nothing is left.
  [[nodiscard]] bool next(std::vector<std::string>& fields);

 private:
  char take();
  [[nodiscard]] bool take_quoted(std::string& field);

  std::string_view rest_;
  std::size_t line_ = 1;
};

struct CsvTable {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>>
      rows;                        // each as long as the header: short rows are filled with "", empty lines left out
  std::vector<std::size_t> lines;  // line number of each row, from 1, for messages
};

// Errors: invalid_argument naming `what` and the line (no header, a row longer than the header, a quote that never
// ends).
[[nodiscard]] Result<CsvTable> parse_csv(std::string_view text, std::string_view what);

// A field as it is written: quoted where it holds a comma, a quote or a line end.
[[nodiscard]] std::string csv_field(std::string_view value);

}  // namespace eidetic
