// Which items of one generation are near each other. Thread-safe functions.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <stop_token>

#include "eidetic/backend.h"

#include "backend/generation.h"
#include "catalog/catalog.h"

namespace eidetic {

// As Backend::near_pairs; the filter's fields have columns. Ends early, with an unavailable, when `closing` becomes
// true, too.
[[nodiscard]] Result<NearPairs> find_near_pairs(
    const Generation& generation, Catalog& catalog, const NearRequest& request,
    const std::function<void(std::uint64_t done, std::uint64_t total)>& progress, const std::stop_token& stop,
    const std::atomic<bool>& closing);

}  // namespace eidetic
