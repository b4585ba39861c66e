#include "learn/hold_out.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

namespace eidetic {

HoldOut hold_out(std::span<const std::uint32_t> rows, std::span<const std::uint32_t> classes, double share,
                 std::uint64_t seed) {
  std::map<std::uint32_t, std::vector<std::uint32_t>> by_class;
  for (const std::uint32_t row : rows) by_class[classes[row]].push_back(row);
  std::mt19937_64 random(seed);
  HoldOut parts;
  for (auto& [number, members] : by_class) {
    std::size_t count = 0;
    if (members.size() > 1) {
      const auto wanted = static_cast<std::size_t>(std::llround(share * static_cast<double>(members.size())));
      count = std::clamp<std::size_t>(wanted, 1, members.size() - 1);
    }
    for (std::size_t i = 0; i < count; ++i) std::swap(members[i], members[i + random() % (members.size() - i)]);
    const auto middle = members.begin() + static_cast<std::ptrdiff_t>(count);
    parts.held.insert(parts.held.end(), members.begin(), middle);
    parts.kept.insert(parts.kept.end(), middle, members.end());
  }
  std::ranges::sort(parts.kept);
  std::ranges::sort(parts.held);
  return parts;
}

}  // namespace eidetic
