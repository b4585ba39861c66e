// Which items of a batch a loss looks at: pairs and triplets, all that there are or those that a miner picks.
// Thread rule: pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "index/matrix.h"

namespace eidetic {

struct Pair {
  std::uint32_t anchor = 0, other = 0;
  friend auto operator<=>(const Pair&, const Pair&) = default;
};

struct Triplet {
  std::uint32_t anchor = 0, positive = 0, negative = 0;
  friend auto operator<=>(const Triplet&, const Triplet&) = default;
};

// Either pairs or triplets; each loss takes both, and makes of them what it needs.
struct Mined {
  std::vector<Pair> positives, negatives;  // of the same class; of different ones
  std::vector<Triplet> triplets;
};

// Every ordered pair of different items.
[[nodiscard]] Mined all_pairs(std::span<const std::uint32_t> classes);

// Those of an anchor in both lists of pairs, each positive with each negative; the triplets there are already.
[[nodiscard]] std::vector<Triplet> triplets_of(const Mined& mined);
// Of each triplet its two pairs, as often as they come; the pairs there are already.
[[nodiscard]] Mined pairs_of(const Mined& mined);

// none: all pairs. multi_similarity (Wang et al. 2019, epsilon 0.1): positives less similar than the most similar
// negative and a little, negatives more similar than the least similar positive less a little. semi_hard (Schroff et
// al. 2015): triplets whose negative is further off than the positive, by at most 0.2. hard (Hermans et al. 2017): of
// each anchor the furthest positive with the nearest negative.
enum class Miner { none, multi_similarity, semi_hard, hard };

// `cosines` (n x n) of the batch's items with each other.
[[nodiscard]] Mined mine(Miner miner, MatrixView cosines, std::span<const std::uint32_t> classes);

}  // namespace eidetic
