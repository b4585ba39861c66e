// A filter as a tree, for those who evaluate it in another way than item by item.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/filter.h"

#include "base/json.h"

namespace eidetic {

using FieldName = std::vector<std::string>;  // from the outside in

// Fields that are no metadata.
inline constexpr std::string_view kIdField = "@id";
inline constexpr std::string_view kUriField = "@uri";

struct Filter::Node {
  enum class Kind { any, all, negation, equal, less, less_or_equal, greater, greater_or_equal };
  Kind kind = Kind::all;
  std::vector<std::shared_ptr<const Node>> parts = {};  // of any, all and negation
  FieldName field = {};                                 // of comparisons
  std::vector<Json> values = {};                        // `equal` passes for one of them; the others have one
};

// Whether a comparison passes for one value. An item passes with what its field holds or, of a list, with any entry; a
// field that is not there holds null.
[[nodiscard]] bool value_passes(const Filter::Node& comparison, const Json& value);
// The fields that a filter looks at, each time it does.
[[nodiscard]] std::vector<FieldName> fields_of(const Filter& filter);
// The same filter, which looks at the field `to` in place of `from`, both outermost names; its text stays.
[[nodiscard]] Filter rename_field(const Filter& filter, std::string_view from, std::string_view to);
// A field alone, as filters spell it. invalid_argument naming the text.
[[nodiscard]] Result<FieldName> parse_field(std::string_view text);
// As parse_field reads it.
[[nodiscard]] std::string to_string(const FieldName& field);
// What the field holds; null: it is not there.
[[nodiscard]] const Json* find_field(const Json& metadata, std::span<const std::string> names);

}  // namespace eidetic
