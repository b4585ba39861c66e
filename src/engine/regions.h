// Which parts the pictures of a collection are divided into.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/engine.h"
#include "eidetic/error.h"

namespace eidetic {

struct RegionPlan {
  std::string name;  // empty: none
  std::vector<Crop> regions;
};

// Of a collection, by its settings.
[[nodiscard]] Result<RegionPlan> region_plan(const CollectionSpec& collection);

// What a collection of bare vectors is asked for.
[[nodiscard]] std::unexpected<Error> no_regions_of_vectors(std::string_view collection, ErrorCode code);

// Sets the parts of items from what is stored.
[[nodiscard]] Result<void> read_parts(Backend& backend, std::string_view collection, std::span<Item> items);

// What has been embedded by another plan than the collection's, as of now, has no parts that could be stored.
void drop_parts_of(const RegionPlan& plan, const RegionPlan& now, std::span<Item> items);

}  // namespace eidetic
