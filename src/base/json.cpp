#include "base/json.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace eidetic {
namespace {

template <typename T>
struct Kind;
template <>
struct Kind<bool> {
  static constexpr std::string_view kName = "true or false";
  static bool matches(const Json& json) { return json.is_boolean(); }
};
template <>
struct Kind<std::int64_t> {
  static constexpr std::string_view kName = "a whole number";
  static bool matches(const Json& json) {
    return json.is_number_integer() && (!json.is_number_unsigned() || json.get<std::uint64_t>() <= INT64_MAX);
  }
};
template <>
struct Kind<double> {
  static constexpr std::string_view kName = "a number";
  static bool matches(const Json& json) { return json.is_number(); }
};
template <>
struct Kind<std::string> {
  static constexpr std::string_view kName = "a string";
  static bool matches(const Json& json) { return json.is_string(); }
};
template <>
struct Kind<std::vector<double>> {
  static constexpr std::string_view kName = "a list of numbers";
  static bool matches(const Json& json) {
    return json.is_array() && std::ranges::all_of(json, [](const Json& entry) { return entry.is_number(); });
  }
};
template <>
struct Kind<std::vector<std::string>> {
  static constexpr std::string_view kName = "a list of strings";
  static bool matches(const Json& json) {
    return json.is_array() && std::ranges::all_of(json, [](const Json& entry) { return entry.is_string(); });
  }
};
template <>
struct Kind<Json> {
  static constexpr std::string_view kName = "a value";
  static bool matches(const Json& /*json*/) { return true; }
};

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view what) {
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: …": only what follows the library's own tag.
    std::string_view reason = error.what();
    if (const auto end = reason.find("] "); end != std::string_view::npos) reason.remove_prefix(end + 2);
    return fail(ErrorCode::invalid_argument, fmt::format("{} is no valid JSON: {}", what, reason));
  }
}

Result<Json> parse_json_object(std::string_view text, std::string_view what) {
  EIDETIC_TRY(Json json, parse_json(text, what));
  if (!json.is_object()) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} must be a JSON object, not {}", what, json.type_name()));
  }
  return json;
}

std::string dump_json(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::size_t json_depth(std::string_view text) noexcept {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && (c == '{' || c == '[')) {
      deepest = std::max(deepest, ++depth);
    } else if (!in_string && (c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

Result<JsonReader> JsonReader::of(const Json& object, std::string where) {
  if (!object.is_object()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} must be a JSON object, not {}", where, object.type_name()));
  }
  return JsonReader(object, std::move(where));
}

bool JsonReader::has(std::string_view field) const {
  const auto found = object_->find(field);
  return found != object_->end() && !found->is_null();
}

template <typename T>
Result<T> JsonReader::get(std::string_view field) {
  seen_.emplace_back(field);
  const auto found = object_->find(field);
  if (found == object_->end()) {
    return fail(ErrorCode::invalid_argument, fmt::format("{}: field '{}' is missing", where_, field));
  }
  if (!Kind<T>::matches(*found)) {
    return fail(ErrorCode::invalid_argument, fmt::format("{}: field '{}' must be {}", where_, field, Kind<T>::kName));
  }
  return found->template get<T>();
}

template Result<bool> JsonReader::get(std::string_view);
template Result<std::int64_t> JsonReader::get(std::string_view);
template Result<double> JsonReader::get(std::string_view);
template Result<std::string> JsonReader::get(std::string_view);
template Result<std::vector<double>> JsonReader::get(std::string_view);
template Result<std::vector<std::string>> JsonReader::get(std::string_view);
template Result<Json> JsonReader::get(std::string_view);

Result<void> JsonReader::finish() const {
  for (const auto& [field, value] : object_->items()) {
    if (std::ranges::find(seen_, field) != seen_.end()) continue;
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}: unknown field '{}'{}", where_, field, did_you_mean(field, seen_)));
  }
  return {};
}

bool same_json(const std::string& a, const std::string& b) {
  return a == b || Json::parse(a, nullptr, false) == Json::parse(b, nullptr, false);
}

}  // namespace eidetic
