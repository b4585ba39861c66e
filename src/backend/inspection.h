// How one generation works inside, told in items. Thread-safe functions.
#pragma once

#include <atomic>
#include <span>
#include <vector>

#include "eidetic/inspection.h"

#include "backend/generation.h"
#include "catalog/catalog.h"

namespace eidetic {

[[nodiscard]] Result<IndexView> view_index(const Generation& generation, Catalog& catalog);
// What a search for `query` in this generation did, and found.
[[nodiscard]] Result<SearchWalk> retrace(const Generation& generation, Catalog& catalog, const SearchTrace& trace,
                                         std::span<const float> query, std::vector<Hit> hits);
// As Backend::map. Ends early, with an unavailable, when `stop` becomes true.
[[nodiscard]] Result<CollectionMap> draw_map(const Generation& generation, Catalog& catalog, const MapRequest& request,
                                             const std::atomic<bool>& stop);

}  // namespace eidetic
