// JSON from outside, read with errors that name the document and the field. Wraps nlohmann::json, whose exceptions stay
// here.
#pragma once

#include <nlohmann/json.hpp>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

using Json = nlohmann::json;

// One JSON document. Errors: invalid_argument, naming `what` ("model.json", "the metadata of 'a.jpg'") and the
// position.
[[nodiscard]] Result<Json> parse_json(std::string_view text, std::string_view what);
// As parse_json; anything but an object is an invalid_argument.
[[nodiscard]] Result<Json> parse_json_object(std::string_view text, std::string_view what);
// How deep objects and lists of a valid JSON text nest. Readers and writers of JSON recurse, so depth has to have an
// end.
[[nodiscard]] std::size_t json_depth(std::string_view text) noexcept;
// One line, keys sorted, invalid UTF-8 replaced: never throws.
[[nodiscard]] std::string dump_json(const Json& json);

// A JSON object whose fields are read one by one; afterwards `finish` refuses the fields that nobody asked for.
class JsonReader {
 public:
  // `where` leads every message: "model.json: steps[2]". `object` must outlive the reader.
  // An object of another type: invalid_argument.
  [[nodiscard]] static Result<JsonReader> of(const Json& object, std::string where);

  [[nodiscard]] bool has(std::string_view field) const;
  // The field as T: bool, int64_t, double, std::string, std::vector<double>, std::vector<std::string> or Json. Missing,
  // or of another type: invalid_argument naming both. The second form takes `fallback` when the field is missing or
  // null.
  template <typename T>
  [[nodiscard]] Result<T> get(std::string_view field);
  template <typename T>
  [[nodiscard]] Result<T> get_or(std::string_view field, T fallback) {
    seen_.emplace_back(field);
    if (!has(field)) return fallback;
    return get<T>(field);
  }
  // invalid_argument for a field that was never read, with the nearest known name.
  [[nodiscard]] Result<void> finish() const;
  [[nodiscard]] const std::string& where() const noexcept { return where_; }

 private:
  JsonReader(const Json& object, std::string where) : object_(&object), where_(std::move(where)) {}

  const Json* object_;
  std::string where_;
  std::vector<std::string> seen_;
};

// Whether two documents say the same, whatever the order of their fields.
[[nodiscard]] bool same_json(const std::string& a, const std::string& b);

}  // namespace eidetic
