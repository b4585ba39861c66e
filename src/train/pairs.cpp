#include "train/pairs.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "train/distance.h"

namespace eidetic {
namespace {

constexpr double kEpsilon = 0.1;
constexpr double kSemiHardMargin = 0.2;

Mined multi_similarity(MatrixView cosines, std::span<const std::uint32_t> classes) {
  constexpr float kFar = std::numeric_limits<float>::infinity();
  Mined mined;
  for (std::uint32_t a = 0; a < classes.size(); ++a) {
    float least_positive = kFar;
    float most_negative = -kFar;
    for (std::uint32_t b = 0; b < classes.size(); ++b) {
      if (a == b) continue;
      if (classes[a] == classes[b]) {
        least_positive = std::min(least_positive, cosines[a][b]);
      } else {
        most_negative = std::max(most_negative, cosines[a][b]);
      }
    }
    for (std::uint32_t b = 0; b < classes.size(); ++b) {
      if (a == b) continue;
      if (classes[a] == classes[b] && cosines[a][b] - kEpsilon < most_negative) mined.positives.push_back({a, b});
      if (classes[a] != classes[b] && cosines[a][b] + kEpsilon > least_positive) mined.negatives.push_back({a, b});
    }
  }
  return mined;
}

Mined semi_hard(MatrixView cosines, std::span<const std::uint32_t> classes) {
  Mined mined;
  for (const Triplet& triplet : triplets_of(all_pairs(classes))) {
    const auto& [anchor, positive, negative] = triplet;
    const double margin = distance_of(cosines[anchor][negative]) - distance_of(cosines[anchor][positive]);
    if (margin > 0 && margin <= kSemiHardMargin) mined.triplets.push_back(triplet);
  }
  return mined;
}

Mined hard(MatrixView cosines, std::span<const std::uint32_t> classes) {
  Mined mined;
  const auto count = static_cast<std::uint32_t>(classes.size());
  for (std::uint32_t a = 0; a < count; ++a) {
    std::uint32_t positive = count;
    std::uint32_t negative = count;
    for (std::uint32_t b = 0; b < count; ++b) {
      if (a == b) continue;
      auto& best = classes[a] == classes[b] ? positive : negative;
      const bool nearer = best != count && cosines[a][b] > cosines[a][best];
      const bool further = best != count && cosines[a][b] < cosines[a][best];
      if (best == count || (classes[a] == classes[b] ? further : nearer)) best = b;
    }
    if (positive != count && negative != count) mined.triplets.push_back({a, positive, negative});
  }
  return mined;
}

}  // namespace

Mined all_pairs(std::span<const std::uint32_t> classes) {
  Mined mined;
  for (std::uint32_t a = 0; a < classes.size(); ++a) {
    for (std::uint32_t b = 0; b < classes.size(); ++b) {
      if (a != b) (classes[a] == classes[b] ? mined.positives : mined.negatives).push_back({a, b});
    }
  }
  return mined;
}

std::vector<Triplet> triplets_of(const Mined& mined) {
  std::vector<Triplet> triplets = mined.triplets;
  for (const Pair& positive : mined.positives) {
    const auto negatives = std::ranges::equal_range(mined.negatives, positive.anchor, {}, &Pair::anchor);
    for (const Pair& negative : negatives) {
      triplets.push_back({positive.anchor, positive.other, negative.other});
    }
  }
  return triplets;
}

Mined pairs_of(const Mined& mined) {
  Mined pairs{.positives = mined.positives, .negatives = mined.negatives, .triplets = {}};
  for (const auto& [anchor, positive, negative] : mined.triplets) {
    pairs.positives.push_back({anchor, positive});
    pairs.negatives.push_back({anchor, negative});
  }
  return pairs;
}

Mined mine(Miner miner, MatrixView cosines, std::span<const std::uint32_t> classes) {
  switch (miner) {
    case Miner::none: return all_pairs(classes);
    case Miner::multi_similarity: return multi_similarity(cosines, classes);
    case Miner::semi_hard: return semi_hard(cosines, classes);
    case Miner::hard: return hard(cosines, classes);
  }
  std::unreachable();
}

}  // namespace eidetic
