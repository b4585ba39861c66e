// Comma-separated values as in RFC 4180, with LF or CRLF line ends and an optional byte-order mark.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

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
