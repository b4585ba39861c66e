#include "refine/spatial_check.h"

#include <gtest/gtest.h>

#include <cmath>

#include "refine/test_scenes.h"

namespace eidetic {
namespace {

constexpr SpatialCheck kCheck{.query_tolerance = 3, .candidate_tolerance = 3, .candidate_area = 640.0 * 480};

class SpatialFitTest : public testing::Test {
 protected:
  // Keypoints as a view through the map would have them, their position, scale and angle a bit off.
  void add_view(const PlaneMap& map, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const PlanePosition from{dice_.uniform(100, 400), dice_.uniform(100, 300)};
      const PlanePosition beside{from.x + 0.01, from.y};
      PlanePosition to = map(from).value();
      const PlanePosition to_beside = map(beside).value();
      const double turn = std::atan2(to_beside.y - to.y, to_beside.x - to.x);
      to.x += dice_.uniform(-1, 1);
      to.y += dice_.uniform(-1, 1);
      add({from, to}, std::sqrt(std::abs(map.area_factor(from))) * dice_.uniform(0.8, 1.25),
          turn + dice_.uniform(-0.2, 0.2));
    }
  }
  void add_chance(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      add({{dice_.uniform(0, 640), dice_.uniform(0, 480)}, {dice_.uniform(0, 640), dice_.uniform(0, 480)}},
          std::exp2(dice_.uniform(-2, 2)), dice_.uniform(-3, 3));
    }
  }
  void add(PositionPair at, double scale, double turn) {
    pairs_.push_back({.at = at, .scale = scale, .turn = turn, .match = static_cast<std::int32_t>(pairs_.size())});
  }
  // Worst distance between where two maps take the part that the view shows.
  static double apart(const PlaneMap& a, const PlaneMap& b) {
    double worst = 0;
    for (const PlanePosition at : {PlanePosition{100, 100}, {400, 100}, {400, 300}, {100, 300}}) {
      const auto one = a(at).value();
      const auto other = b(at).value();
      worst = std::max(worst, std::hypot(one.x - other.x, one.y - other.y));
    }
    return worst;
  }

  Dice dice_{17};
  std::vector<KeypointPair> pairs_;
};

TEST_F(SpatialFitTest, FindsTheViewAmongChance) {
  const PlaneMap truth = similarity_of({{250, 200}, {300, 240}}, 1.3, 0.5);
  add_chance(150);
  add_view(truth, 20);
  add_chance(150);
  const auto fit = find_spatial_fit(pairs_, kCheck);
  ASSERT_TRUE(fit);
  EXPECT_GE(fit->inliers.size(), 19U);
  EXPECT_LE(fit->inliers.size(), 22U);
  EXPECT_LT(apart(fit->map, truth), 3);
  EXPECT_LT(fit->log10_false_alarms, -30);
  const auto again = find_spatial_fit(pairs_, kCheck);
  EXPECT_EQ(again->map.h, fit->map.h);
}

TEST_F(SpatialFitTest, FindsPerspective) {
  const PlaneMap truth = {{1.1, 0.1, 10, -0.1, 1.2, 40, 6e-4, 3e-4, 1}};
  add_view(truth, 80);
  add_chance(80);
  const auto fit = find_spatial_fit(pairs_, kCheck);
  ASSERT_TRUE(fit);
  EXPECT_GE(fit->inliers.size(), 78U);
  EXPECT_LT(apart(fit->map, truth), 3);
}

TEST_F(SpatialFitTest, IsNotSureOfChance) {
  for (int round = 0; round < 20; ++round) {
    pairs_.clear();
    add_chance(300);
    const auto fit = find_spatial_fit(pairs_, kCheck);
    EXPECT_TRUE(!fit || fit->log10_false_alarms > -4) << fit->log10_false_alarms;
  }
}

TEST_F(SpatialFitTest, KnowsNoMirrorAndNoSqueeze) {
  add_view({{-1, 0, 500, 0, 1, 0, 0, 0, 1}}, 60);
  auto fit = find_spatial_fit(pairs_, kCheck);
  EXPECT_TRUE(!fit || fit->inliers.size() < 8);
  pairs_.clear();
  add_view({{1.5, 0, 0, 0, 0.1, 0, 0, 0, 1}}, 60);
  fit = find_spatial_fit(pairs_, kCheck);
  EXPECT_TRUE(!fit || std::abs(fit->map.h[4]) > 0.2);
}

TEST_F(SpatialFitTest, AsksForTurnAndScaleToo) {
  add_view(similarity_of({{250, 200}, {300, 240}}, 1.3, 0.5), 60);
  for (std::size_t i = 0; i < 20; ++i) pairs_[i].turn += 2;
  for (std::size_t i = 20; i < 40; ++i) pairs_[i].scale *= 4;
  const auto fit = find_spatial_fit(pairs_, kCheck);
  ASSERT_TRUE(fit);
  EXPECT_EQ(fit->inliers.size(), 20U);
}

TEST_F(SpatialFitTest, CountsNothingTwice) {
  const PlaneMap truth = similarity_of({{250, 200}, {300, 240}}, 1, 0.2);
  add_view(truth, 5);
  const std::vector<KeypointPair> once = pairs_;
  for (int i = 0; i < 3; ++i) pairs_.insert(pairs_.end(), once.begin(), once.end());
  const auto fit = find_spatial_fit(pairs_, kCheck);
  ASSERT_TRUE(fit);
  EXPECT_EQ(fit->inliers.size(), 5U);
  EXPECT_FALSE(find_spatial_fit({}, kCheck));
  EXPECT_FALSE(find_spatial_fit(std::span(once).first(2), kCheck));
}

}  // namespace
}  // namespace eidetic
