#pragma once

#include <algorithm>
#include <cmath>

namespace eidetic {

// Between two vectors of length 1, from their cosine.
[[nodiscard]] inline double distance_of(double cosine) noexcept { return std::sqrt(std::max(0.0, 2 - 2 * cosine)); }

}  // namespace eidetic
