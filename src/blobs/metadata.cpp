#include "blobs/metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/file.h"

namespace eidetic {
namespace {

template <typename T>
bool parse(const std::string& text, T& value) {
  const auto* end = text.data() + text.size();
  return std::from_chars(text.data(), end, value).ptr == end;
}

std::string id_of_cell(std::string cell) {
  std::ranges::replace(cell, '\\', '/');
  while (cell.starts_with("./")) cell.erase(0, 2);
  return cell;
}

}  // namespace

Json json_of_cell(const std::string& cell) {
  std::int64_t integer = 0;
  double real = 0;
  Json number = cell;
  if (parse(cell, integer)) {
    number = integer;
  } else if (parse(cell, real) && std::isfinite(real)) {
    number = real;
  }
  return dump_json(number) == cell ? number : Json(cell);
}

Result<std::size_t> id_column(const CsvTable& table, const std::string& what) {
  for (const std::string_view wanted : {"file", "id"}) {
    const auto found = std::ranges::find(table.header, wanted);
    if (found != table.header.end()) return static_cast<std::size_t>(found - table.header.begin());
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' has no column `file` (or `id`); it has: {}", what, fmt::join(table.header, ", ")));
}

std::string metadata_of_row(std::span<const std::string> header, std::span<const std::string> cells, std::size_t key) {
  Json object = Json::object();
  for (std::size_t column = 0; column < cells.size(); ++column) {
    if (column != key && !header[column].empty()) object[header[column]] = json_of_cell(cells[column]);
  }
  return dump_json(object);
}

Result<MetadataTable> MetadataTable::read(const std::filesystem::path& csv, std::vector<ItemError>& errors) {
  EIDETIC_TRY(const std::string text, read_text(csv));
  EIDETIC_TRY(const CsvTable table, parse_csv(text, csv.native()));
  EIDETIC_TRY(const std::size_t key, id_column(table, csv.native()));
  MetadataTable result;
  result.name_ = csv.native();
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const auto& cells = table.rows[row];
    const std::string id = id_of_cell(cells[key]);
    const auto problem = [&](std::string_view what) {
      errors.push_back(
          {id, {ErrorCode::invalid_argument, fmt::format("'{}', line {}: {}", result.name_, table.lines[row], what)}});
    };
    if (id.empty()) {
      problem(fmt::format("the column `{}` is empty", table.header[key]));
    } else if (!result.rows_.try_emplace(id, Row{metadata_of_row(table.header, cells, key), table.lines[row]}).second) {
      problem(fmt::format("'{}' has a row already; the first one counts", id));
    }
  }
  return result;
}

const std::string* MetadataTable::find(std::string_view id) {
  const auto found = rows_.find(std::string(id));
  if (found == rows_.end()) return nullptr;
  found->second.used = true;
  return &found->second.metadata;
}

void MetadataTable::report_unused(std::vector<ItemError>& errors) const {
  std::vector<const std::pair<const std::string, Row>*> unused;
  for (const auto& row : rows_) {
    if (!row.second.used) unused.push_back(&row);
  }
  std::ranges::sort(unused, {}, [](const auto* row) { return row->second.line; });
  for (const auto* row : unused) {
    errors.push_back({row->first,
                      {ErrorCode::not_found,
                       fmt::format("'{}', line {}: no picture '{}' was found", name_, row->second.line, row->first)}});
  }
}

}  // namespace eidetic
