// A part of each class put aside, to be judged by. Pure functions: any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace eidetic {

struct HoldOut {
  std::vector<std::uint32_t> kept, held;  // ascending
};

// `share` of each class's rows, rounded, but at least one of each class that has two, and never all; drawn by the seed.
// `classes` are of all rows there are, by number.
[[nodiscard]] HoldOut hold_out(std::span<const std::uint32_t> rows, std::span<const std::uint32_t> classes,
                               double share, std::uint64_t seed);

}  // namespace eidetic
