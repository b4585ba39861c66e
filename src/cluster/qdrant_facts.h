// What an item's metadata is in a Qdrant payload, so that filters, counts and orders can be asked for, and filters in
// Qdrant's terms.
//
// Beside the metadata as text stand its facts, field by field, under keys that Qdrant's paths can name:
//
//   "k": {FIELD: ["\"hat\"", "17", "true"]}   values as JSON texts, each once; "null" of lists alone, and "{}" for what
//                                             equals nothing: objects, lists in lists, empty lists; "~" where a list
//                                             has numbers and others
//   "n": {FIELD: [2.5, 17, 9]}                the numbers among them: the least, the largest, others
//
// FIELD is the path with its names joined by "_-", '_' as "__" and other bytes than [A-Za-z0-9-] as "_" and two digits.
// A field that is null or not there has no key.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "eidetic/error.h"
#include "eidetic/filter.h"

#include "base/filter_node.h"
#include "base/json.h"

namespace eidetic {

// A payload key that is to be indexed, and how: "keyword", "float" or "integer".
using QdrantIndex = std::pair<std::string, std::string>;

[[nodiscard]] std::string qdrant_field(const FieldName& field);
// Where the values of a field are found: "k.…", or the payload key of @id and @uri, which hold strings as they are.
[[nodiscard]] std::string qdrant_values_key(const FieldName& field);
[[nodiscard]] std::string qdrant_numbers_key(const FieldName& field);
// The least number of each item, or the largest: Qdrant walks past an item at each number that a key holds, and gives
// fewer than it was asked for where it met one twice.
[[nodiscard]] std::string qdrant_first_number_key(const FieldName& field, bool largest);
// A value as `k` has it; what equals nothing is "{}".
[[nodiscard]] std::string qdrant_token(const Json& value);

struct QdrantFacts {
  Json values = Json::object();   // "k"
  Json numbers = Json::object();  // "n"
};
[[nodiscard]] QdrantFacts qdrant_facts(const Json& metadata);

// The id of the point that stands for an item or a note: UUID of version 8 (RFC 9562) of the SHA-256 of its name.
[[nodiscard]] std::string qdrant_point_id(std::string_view name);

struct QdrantFilter {
  enum class Passes { none, some, all };
  Passes passes = Passes::all;
  Json condition;                      // of some: one condition, as stands in "must"
  std::set<QdrantIndex> indexes = {};  // that it is answered from
};
// unsupported naming field, comparison and Qdrant: strings by their order, whole numbers beyond 2^53 by theirs, too
// deep.
[[nodiscard]] Result<QdrantFilter> qdrant_filter(const Filter& filter);

// A condition of several. Empty lists: what passes always, or never.
[[nodiscard]] Json qdrant_match_any(const std::string& key, Json values);
[[nodiscard]] Json qdrant_not(Json condition);
// The field has a value that is no number.
[[nodiscard]] Json qdrant_not_only_numbers(const FieldName& field);
// The field is null or not there, or a list with a null.
[[nodiscard]] Json qdrant_is_null(const FieldName& field);

}  // namespace eidetic
