// Items in the order of a field, which Qdrant knows of numbers alone and without saying which of equal ones comes
// first.
//
// A list is made of groups of items that are equal in it. Within one, Qdrant gives them by version, which is the order
// of their adding. Numbers: Qdrant walks through them, and a page of what it gives is whole groups and one that may go
// on behind it. Strings, false and true: their distinct values are counted, ordered here, and their items asked for,
// as many groups in one request as fill a page. Then come what equals nothing, and items without a value.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/backend.h"
#include "eidetic/error.h"

#include "base/filter_node.h"
#include "base/json.h"
#include "cluster/qdrant_facts.h"

namespace eidetic {

// Of one field. More are not asked for.
inline constexpr std::size_t kMostDistinct = 100'000;

struct QdrantValue {
  Json value;
  std::uint64_t items = 0;
};

// Numbers, strings, false and true, other values.
[[nodiscard]] bool qdrant_value_before(const Json& a, const Json& b);

// Where an item stands in a list: by the value that counts, then by version and point. What equals nothing has {} for a
// value, and what has none null.
struct QdrantPlace {
  Json value;
  std::uint64_t version = 0;
  std::string point;

  [[nodiscard]] bool follows(const QdrantPlace& other) const {  // of the same group
    return version != other.version ? version > other.version : point > other.point;
  }
  [[nodiscard]] std::string cursor() const;
  // invalid_argument naming it.
  [[nodiscard]] static Result<QdrantPlace> parse(const std::string& cursor);
};

// Where a walk by version begins so that it meets all from `version` on. Qdrant reads the beginning as a double, and
// versions are beyond 2^53: so many at most come before.
struct QdrantStart {
  std::uint64_t from = 0;
  std::size_t before = 0;
};
[[nodiscard]] QdrantStart qdrant_start(std::uint64_t version);

struct QdrantListed {
  QdrantPlace place;
  Item item;
};

// What a list asks of a table.
struct QdrantTable {
  // {"points": …} of a scroll with this body's fields.
  std::function<Result<Json>(const Json& body)> scroll;
  std::function<Result<std::vector<QdrantValue>>(const FieldName& field, Json must)> distinct;
  // The filter of the list.
  Json must = Json::array();
};

// The `limit` items that come after `from`, or first.
[[nodiscard]] Result<std::vector<QdrantListed>> qdrant_ordered(const QdrantTable& table, const FieldName& field,
                                                               bool descending, const std::optional<QdrantPlace>& from,
                                                               std::size_t limit);
// The same, in the order that chance has for a seed: by one of the numbers of qdrant_draws, from some place on and
// round.
[[nodiscard]] Result<std::vector<QdrantListed>> qdrant_shuffled(const QdrantTable& table, std::uint64_t seed,
                                                                bool descending, const std::optional<QdrantPlace>& from,
                                                                std::size_t limit);
// The key of the draws that a seed lists by.
[[nodiscard]] std::string qdrant_draw_key(std::uint64_t seed);

}  // namespace eidetic
