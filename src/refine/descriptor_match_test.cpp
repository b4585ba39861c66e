#include "refine/descriptor_match.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "refine/test_scenes.h"

namespace eidetic {
namespace {

// Descriptors of about the length that extracted ones have; some copied, with noise, from `from`.
LocalFeatures random_features(std::size_t count, Dice& dice, const LocalFeatures* from = nullptr) {
  LocalFeatures features{.width = 100, .height = 100};
  for (std::size_t i = 0; i < count; ++i) {
    features.keypoints.push_back({.x = 1, .y = 1, .scale = 1, .angle = 0});
    const bool copy = from != nullptr && dice.below(2) == 0;
    const std::size_t origin = copy ? dice.below(from->size()) : 0;
    for (std::size_t d = 0; d < kDescriptorBytes; ++d) {
      const double level = copy ? from->descriptor(origin)[d] + dice.uniform(-12, 12) : dice.uniform(0, 58);
      features.descriptors.push_back(static_cast<std::uint8_t>(std::clamp(level, 0.0, 127.0)));
    }
  }
  return features;
}

int distance(const LocalFeatures& a, std::size_t i, const LocalFeatures& b, std::size_t j) {
  int sum = 0;
  for (std::size_t d = 0; d < kDescriptorBytes; ++d) {
    const int off = a.descriptor(i)[d] - b.descriptor(j)[d];
    sum += off * off;
  }
  return sum;
}

// Index of the nearest where it is clearly nearer than the second nearest, else -1.
int clear_nearest(const LocalFeatures& a, std::size_t i, const LocalFeatures& b, double ratio) {
  std::vector<std::pair<int, int>> all;
  for (std::size_t j = 0; j < b.size(); ++j) all.emplace_back(distance(a, i, b, j), static_cast<int>(j));
  std::ranges::sort(all);
  if (all.size() < 2) return all.empty() ? -1 : all[0].second;
  return all[0].first <= ratio * ratio * all[1].first ? all[0].second : -1;
}

TEST(MatchFeatures, AreMutualClearNearestNeighbours) {
  Dice dice(7);
  for (const auto& [count, other] :
       {std::pair(60U, 75U), std::pair(33U, 16U), std::pair(1U, 20U), std::pair(20U, 1U)}) {
    const LocalFeatures query = random_features(count, dice);
    const LocalFeatures candidate = random_features(other, dice, &query);
    std::vector<std::pair<int, int>> expected;
    for (std::size_t i = 0; i < query.size(); ++i) {
      const int j = clear_nearest(query, i, candidate, 0.8F);
      if (j >= 0 && clear_nearest(candidate, static_cast<std::size_t>(j), query, 0.8F) == static_cast<int>(i)) {
        expected.emplace_back(static_cast<int>(i), j);
      }
    }
    std::vector<std::pair<int, int>> found;
    for (const auto& match : match_features(query, candidate, 0.8F)) found.emplace_back(match.query, match.candidate);
    EXPECT_EQ(found, expected) << count;
    if (count == 60) EXPECT_GT(found.size(), 10U);
  }
}

TEST(MatchFeatures, OfNothingAreNone) {
  Dice dice(8);
  const LocalFeatures some = random_features(5, dice);
  EXPECT_TRUE(match_features(some, {}, 0.8F).empty());
  EXPECT_TRUE(match_features({}, some, 0.8F).empty());
}

TEST(MatchFeatures, TellFarthestApart) {
  LocalFeatures dark{.width = 1, .height = 1, .keypoints = {{}}, .descriptors = std::vector<std::uint8_t>(128, 0)};
  LocalFeatures bright = dark;
  std::ranges::fill(bright.descriptors, kMaxDescriptorByte);
  bright.keypoints.push_back({});
  bright.descriptors.insert(bright.descriptors.end(), dark.descriptors.begin(), dark.descriptors.end());
  const auto matches = match_features(dark, bright, 0.8F);
  ASSERT_EQ(matches.size(), 1U);
  EXPECT_EQ(matches[0].candidate, 1);
}

}  // namespace
}  // namespace eidetic
