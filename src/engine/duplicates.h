// Engine::duplicates: the copies in a whole collection.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string_view>
#include <vector>

#include "eidetic/backend.h"
#include "eidetic/engine.h"

#include "engine/copies.h"

namespace eidetic {

[[nodiscard]] Result<DuplicatesReport> find_duplicates(Backend& backend, std::string_view collection,
                                                       const CopyParts& parts, const DuplicatesRequest& request,
                                                       const std::function<void(const DuplicatesProgress&)>& progress,
                                                       const std::stop_token& stop);

// Groups of copies, from pairs of them (places in `sizes`): every member of a group is in a pair with its centre, the
// one that has most copies that no group has taken before; of equally many, the one of the largest size, then the
// lowest. So what is like what is like something does not end up in its group.
struct Star {
  std::uint32_t centre = 0;
  std::vector<std::uint32_t> others;  // places in `edges`
};
struct CopyEdge {
  std::uint32_t a = 0, b = 0;
};
[[nodiscard]] std::vector<Star> make_stars(std::span<const std::uint64_t> sizes, std::span<const CopyEdge> edges);

}  // namespace eidetic
