#include "base/csv.h"

#include <fmt/format.h>

namespace eidetic {
CsvReader::CsvReader(std::string_view text) : rest_(text) {
  if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
}

bool CsvReader::next(std::vector<std::string>& fields) {
  fields.assign(1, "");
  while (!rest_.empty()) {
    const char letter = take();
    if (letter == '"' && fields.back().empty()) {
      if (!take_quoted(fields.back())) return false;
    } else if (letter == ',') {
      fields.emplace_back();
    } else if (letter == '\n') {
      break;
    } else if (letter != '\r' || !rest_.starts_with('\n')) {
      fields.back() += letter;
    }
  }
  return true;
}

char CsvReader::take() {
  const char letter = rest_.front();
  rest_.remove_prefix(1);
  if (letter == '\n') ++line_;
  return letter;
}

bool CsvReader::take_quoted(std::string& field) {
  while (!rest_.empty()) {
    const char letter = take();
    if (letter != '"') {
      field += letter;
    } else if (rest_.starts_with('"')) {
      field += take();
    } else {
      return true;
    }
  }
  return false;
}

Result<CsvTable> parse_csv(std::string_view text, std::string_view what) {
  CsvTable table;
  CsvReader records(text);
  std::vector<std::string> fields;
  while (!records.done()) {
    const std::size_t line = records.line();
    if (!records.next(fields)) {
      return fail(ErrorCode::invalid_argument, fmt::format("{}: the quote opened in line {} never ends", what, line));
    }
    if (fields.size() == 1 && fields.front().empty()) continue;
    if (table.header.empty()) {
      table.header = fields;
      continue;
    }
    if (fields.size() > table.header.size()) {
      return fail(ErrorCode::invalid_argument, fmt::format("{}: line {} has {} fields, the header {}", what, line,
                                                           fields.size(), table.header.size()));
    }
    fields.resize(table.header.size());
    table.rows.push_back(fields);
    table.lines.push_back(line);
  }
  if (table.header.empty()) return fail(ErrorCode::invalid_argument, fmt::format("{} is empty: no header line", what));
  return table;
}

std::string csv_field(std::string_view value) {
  if (value.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(value);
  std::string quoted = "\"";
  for (const char letter : value) {
    if (letter == '"') quoted += '"';
    quoted += letter;
  }
  return quoted + '"';
}

}  // namespace eidetic
