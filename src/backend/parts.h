// How the parts of items are kept: as the items of a second collection, one a part, each with a copy of its item's
// facts so that filters pass parts as they pass items. Pure functions; the collection beside a collection is the
// backend's affair.
#pragma once

#include <cstdint>
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

// How many parts an item has at most, as the settings of the second collection say it.
[[nodiscard]] std::string parts_settings(std::size_t most);
[[nodiscard]] Result<std::size_t> most_parts(const CollectionSpec& spec);

}  // namespace eidetic
