// Copies among the hits of one answer, told with the best of them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "eidetic/engine.h"

#include "engine/query_parts.h"

namespace eidetic {

// Moves every hit that is a copy of a better one into that one's `copies`; hits are best first. Each is judged by the
// hash of its picture, which is made and kept where it is not known yet. How many were moved.
[[nodiscard]] Result<std::uint32_t> collapse_copies(const QueryParts& parts, std::string_view collection,
                                                    std::vector<SearchHit>& hits);

}  // namespace eidetic
