// How much two ways of dividing items into groups agree.
#pragma once

#include <cstdint>
#include <span>

namespace eidetic {

struct MutualInformation {
  double normalized = 0;  // by the mean of both entropies: 0 to 1
  double adjusted = 0;  // as well, less what chance gives (Vinh, Epps and Bailey 2010): 1 for the same groups, about 0
};

// `a` and `b` give each item's group, numbered from 0 without large gaps; as many of one as of the other. Where both
// have a single group, they agree: 1.
[[nodiscard]] MutualInformation mutual_information(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b);

}  // namespace eidetic
