// TOML documents (https://toml.io, version 1.0) as JSON values, with the line of every key. Wraps toml++, whose types
// and exceptions stay here. Thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "eidetic/error.h"

#include "base/json.h"

namespace eidetic {

struct TomlDocument {
  Json values = Json::object();  // dates and times, which JSON has none of, are null
  // Of tables and keys by their path, "data.paths", from 1. What is inside of lists has none.
  std::map<std::string, std::size_t, std::less<>> lines = {};

  // 0: no such key.
  [[nodiscard]] std::size_t line(std::string_view path) const;
};

// invalid_argument for what is no TOML, naming `what`, line and column.
[[nodiscard]] Result<TomlDocument> parse_toml(std::string_view text, std::string_view what);

}  // namespace eidetic
