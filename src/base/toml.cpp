#include "base/toml.h"

#include <fmt/format.h>
#include <toml++/toml.h>

namespace eidetic {
namespace {

// Depth is bounded by the parser (256 levels).
Json json_of(const toml::node& node) {
  if (const auto* table = node.as_table()) {
    Json object = Json::object();
    for (const auto& [key, value] : *table) object[std::string(key.str())] = json_of(value);
    return object;
  }
  if (const auto* array = node.as_array()) {
    Json list = Json::array();
    for (const auto& element : *array) list.push_back(json_of(element));
    return list;
  }
  if (const auto flag = node.value_exact<bool>()) return *flag;
  if (const auto whole = node.value_exact<std::int64_t>()) return *whole;
  if (const auto number = node.value_exact<double>()) return *number;
  if (const auto text = node.value_exact<std::string>()) return *text;
  return nullptr;
}

void collect_lines(const toml::table& table, const std::string& prefix, TomlDocument& document) {
  for (const auto& [key, value] : table) {
    const std::string path = prefix.empty() ? std::string(key.str()) : fmt::format("{}.{}", prefix, key.str());
    document.lines[path] = key.source().begin.line;
    if (const auto* inner = value.as_table()) collect_lines(*inner, path, document);
  }
}

}  // namespace

std::size_t TomlDocument::line(std::string_view path) const {
  const auto found = lines.find(path);
  return found == lines.end() ? 0 : found->second;
}

Result<TomlDocument> parse_toml(std::string_view text, std::string_view what) {
  try {
    const toml::table table = toml::parse(text);
    TomlDocument document{.values = json_of(table)};
    collect_lines(table, "", document);
    return document;
  } catch (const toml::parse_error& error) {
    const auto& place = error.source().begin;
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}: line {}, column {}: {}", what, place.line, place.column, error.description()));
  }
}

}  // namespace eidetic
