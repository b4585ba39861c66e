// Which labelled items are learnt from and which are held out.
// Thread rule: pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace eidetic {

struct Division {
  std::vector<std::uint32_t> learnt, held_out;  // places of items, rising
};

// Of each class a share is learnt from, at least one item and, of a class of two or more, not all. `groups`, where
// given one an item, are kept together: then shares are as near as they let them be.
[[nodiscard]] Division divide_within(std::span<const std::uint32_t> classes, std::span<const std::uint32_t> groups,
                                     double share, std::uint64_t seed);
// Whole classes, about that share of them, at least one either way.
[[nodiscard]] Division divide_classes(std::span<const std::uint32_t> classes, double share, std::uint64_t seed);

}  // namespace eidetic
