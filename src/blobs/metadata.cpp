#include "blobs/metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/file.h"
#include "base/text.h"

namespace eidetic {
namespace {

template <typename T>
bool parse(const std::string& text, T& value) {
  const auto* end = text.data() + text.size();
  return std::from_chars(text.data(), end, value).ptr == end;
}

// As deep as the metadata of an item may be.
constexpr std::size_t kMaxDepth = 64;

void drop_nulls(Json& json) {
  if (json.is_array()) std::ranges::for_each(json, drop_nulls);
  if (!json.is_object()) return;
  for (auto field = json.begin(); field != json.end();) {
    if (field->is_null()) {
      field = json.erase(field);
    } else {
      drop_nulls(*field);
      ++field;
    }
  }
}

bool is_json_lines(std::string_view text, const std::filesystem::path& file) {
  const std::string ending = to_lower(file.extension().native());
  if (ending == ".jsonl" || ending == ".ndjson") return true;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return ending != ".csv" && trim(text).starts_with('{');
}

}  // namespace

std::string id_of_path(std::string path) {
  std::ranges::replace(path, '\\', '/');
  while (path.starts_with("./")) path.erase(0, 2);
  return path;
}

Result<Json> parse_metadata(std::string_view text, const std::string& what) {
  if (json_depth(text) > kMaxDepth) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} nests deeper than {} levels", what, kMaxDepth));
  }
  EIDETIC_TRY(Json object, parse_json_object(text, what));
  drop_nulls(object);
  return object;
}

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

Result<std::size_t> id_column(std::span<const std::string> header, const std::string& what) {
  for (const std::string_view wanted : {"file", "id"}) {
    const auto found = std::ranges::find(header, wanted);
    if (found != header.end()) return static_cast<std::size_t>(found - header.begin());
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' has no column `file` (or `id`); it has: {}", what, fmt::join(header, ", ")));
}

std::string metadata_of_row(std::span<const std::string> header, std::span<const std::string> cells, std::size_t key) {
  Json object = Json::object();
  for (std::size_t column = 0; column < cells.size(); ++column) {
    if (column != key && !header[column].empty()) object[header[column]] = json_of_cell(cells[column]);
  }
  return dump_json(object);
}

Result<MetadataTable> MetadataTable::read(const std::filesystem::path& file, std::vector<ItemError>& errors) {
  EIDETIC_TRY(const std::string text, read_text(file));
  return parse(text, file, errors);
}

Result<MetadataTable> MetadataTable::parse(std::string_view text, const std::filesystem::path& file,
                                           std::vector<ItemError>& errors) {
  MetadataTable table;
  table.name_ = file.native();
  if (is_json_lines(text, file)) {
    table.parse_lines(text, errors);
  } else {
    EIDETIC_CHECK(table.parse_rows(text, errors));
  }
  return table;
}

Result<void> MetadataTable::parse_rows(std::string_view text, std::vector<ItemError>& errors) {
  CsvReader records(text);
  std::vector<std::string> header;
  std::vector<std::string> cells;
  std::size_t key = 0;
  while (!records.done()) {
    const std::size_t line = records.line();
    if (!records.next(cells)) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("'{}': the quote opened in line {} never ends", name_, line));
    }
    if (cells.size() == 1 && cells.front().empty()) continue;
    if (header.empty()) {
      header = cells;
      if (trim(header.front()).starts_with('[')) {
        return fail(
            ErrorCode::invalid_argument,
            fmt::format("'{}' is a JSON list; CSV and JSON lines are read, one object a line: jq -c '.[]' makes "
                        "them of a list",
                        name_));
      }
      EIDETIC_TRY(key, id_column(header, name_));
    } else if (cells.size() > header.size()) {
      report(key < cells.size() ? id_of_path(cells[key]) : "", line,
             fmt::format("{} fields, where the header has {}", cells.size(), header.size()), errors);
    } else {
      cells.resize(header.size());
      add(id_of_path(cells[key]), metadata_of_row(header, cells, key), line, errors);
    }
  }
  if (header.empty()) return fail(ErrorCode::invalid_argument, fmt::format("'{}' is empty: no header line", name_));
  return {};
}

void MetadataTable::parse_lines(std::string_view text, std::vector<ItemError>& errors) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    auto object = parse_metadata(line, "the line");
    if (!object) {
      report("", number, object.error().message, errors);
      continue;
    }
    const char* const key = object->contains("file") ? "file" : "id";
    const auto named = object->find(key);
    if (named == object->end() || !(named->is_string() || named->is_number_integer())) {
      report("", number, "no text in `file` (or `id`) names a picture", errors);
      continue;
    }
    std::string id = named->is_string() ? named->get<std::string>() : named->dump();
    object->erase(key);
    add(id_of_path(std::move(id)), dump_json(*object), number, errors);
  }
}

void MetadataTable::add(std::string id, std::string metadata, std::size_t line, std::vector<ItemError>& errors) {
  if (id.empty()) return report("", line, "`file` (or `id`) is empty", errors);
  const bool is_new = rows_.try_emplace(id, Row{std::move(metadata), line}).second;
  if (!is_new) report(id, line, fmt::format("'{}' has a row already; the first one counts", id), errors);
}

void MetadataTable::report(std::string id, std::size_t line, std::string_view what,
                           std::vector<ItemError>& errors) const {
  if (id.empty()) id = name_;
  errors.push_back({std::move(id), {ErrorCode::invalid_argument, fmt::format("'{}', line {}: {}", name_, line, what)}});
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
