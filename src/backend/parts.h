// How the parts of items are kept: as the items of a second collection, one a part, each with a copy of its item's
// facts so that filters pass parts as they pass items. Pure functions; the collection beside a collection is the
// backend's affair.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/backend.h"
#include "eidetic/error.h"
#include "eidetic/filter.h"
#include "eidetic/item.h"

namespace eidetic {

// What is kept of parts [0, parts.size()) of an item, whatever its own `parts`; no vectors where `parts` has empty
// ones.
[[nodiscard]] std::vector<Item> part_items(const Item& item, std::span<const Vector> parts);
// The ids of these parts of an item.
[[nodiscard]] std::vector<std::string> part_ids(std::string_view id, std::size_t first, std::size_t last);
// What a filter of items is for their parts.
[[nodiscard]] Filter filter_of_parts(const Filter& filter);

struct NearestPart {
  std::string id;  // of the item
  std::uint32_t part = 0;
  double similarity = 0, distance = 0;
};
// Of parts that were found, best first, the first of each item. corrupt: a hit is no part.
[[nodiscard]] Result<std::vector<NearestPart>> nearest_parts(std::span<const Hit> hits);

// The items of one collection and where their own vectors and their parts found them, as one answer: each item at the
// nearer of both, best first, ties by id, at most k. `items` are those of `parts`, in their order; nullopt is left out.
[[nodiscard]] std::vector<Hit> join_parts(std::vector<Hit> whole, std::span<const NearestPart> parts,
                                          std::span<const std::optional<Item>> items, std::uint32_t k);

// The search by parts of a collection whose items have at most `most`, from what searches their own vectors, searches
// the parts and reads items.
struct PartsReaders {
  std::function<Result<std::vector<Hit>>(const VectorQuery&)> whole, parts;
  std::function<Result<std::vector<std::optional<Item>>>(std::span<const std::string>)> items;
};
[[nodiscard]] Result<std::vector<Hit>> search_with_parts(const VectorQuery& query, std::size_t most,
                                                         const PartsReaders& readers);

// What is to be stored and taken away for items with their parts, where items have had at most `before` so far.
struct PartsChange {
  std::vector<Result<void>> results;  // one an item, in order; invalid_argument for parts that do not fit the space
  std::size_t most = 0;               // parts that an item has from now on, at most
  std::vector<Item> rows;
  std::vector<std::string> gone;
};
// Of an id that comes twice, the last sound one counts.
[[nodiscard]] PartsChange change_of_parts(std::span<const Item> items, const Space& space, std::size_t before);

// How many parts an item has at most, as the settings of the second collection say it.
[[nodiscard]] std::string parts_settings(std::size_t most);
[[nodiscard]] Result<std::size_t> most_parts(const CollectionSpec& spec);

}  // namespace eidetic
