#include "refine/plane_map.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "refine/test_scenes.h"

namespace eidetic {
namespace {

std::vector<PositionPair> pairs_under(const PlaneMap& map, std::size_t count, double noise) {
  Dice dice(11);
  std::vector<PositionPair> pairs;
  for (std::size_t i = 0; i < count; ++i) {
    const PlanePosition from{dice.uniform(0, 640), dice.uniform(0, 480)};
    PlanePosition to = map(from).value();
    to.x += dice.uniform(-noise, noise);
    to.y += dice.uniform(-noise, noise);
    pairs.push_back({from, to});
  }
  return pairs;
}

void expect_same(const std::optional<PlaneMap>& fitted, const PlaneMap& truth, double within) {
  ASSERT_TRUE(fitted);
  for (const PlanePosition corner : corners_of(640, 480)) {
    const auto a = (*fitted)(corner).value();
    const auto b = truth(corner).value();
    EXPECT_NEAR(a.x, b.x, within);
    EXPECT_NEAR(a.y, b.y, within);
  }
}

const PlaneMap kSimilarity = similarity_of({{10, 20}, {300, 100}}, 0.7, 2.5);
constexpr PlaneMap kAffine = {{0.8, -0.3, 40, 0.2, 1.1, -25, 0, 0, 1}};
constexpr PlaneMap kHomography = {{0.9, -0.2, 30, 0.1, 1.1, 12, 4e-4, -2e-4, 1}};

TEST(PlaneMap, IsFittedExactly) {
  expect_same(fit_similarity(pairs_under(kSimilarity, 2, 0)), kSimilarity, 1e-6);
  expect_same(fit_affine(pairs_under(kAffine, 3, 0)), kAffine, 1e-6);
  expect_same(fit_homography(pairs_under(kHomography, 4, 0)), kHomography, 1e-5);
}

TEST(PlaneMap, IsFittedThroughNoise) {
  expect_same(fit_similarity(pairs_under(kSimilarity, 50, 1)), kSimilarity, 1);
  expect_same(fit_affine(pairs_under(kAffine, 50, 1)), kAffine, 1);
  expect_same(fit_homography(pairs_under(kHomography, 100, 1)), kHomography, 3);
}

TEST(PlaneMap, IsNotFittedToLinesAndPoints) {
  std::vector<PositionPair> line;
  for (int i = 0; i < 20; ++i) line.push_back({{10.0 * i, 5.0 * i}, {3.0 * i, 7.0 * i}});
  EXPECT_TRUE(fit_similarity(line));
  EXPECT_FALSE(fit_affine(line));
  EXPECT_FALSE(fit_homography(line));
  const std::vector<PositionPair> point(5, {{1, 2}, {3, 4}});
  EXPECT_FALSE(fit_similarity(point));
  EXPECT_FALSE(fit_affine({}));
}

TEST(PlaneMap, GoesBack) {
  const PlaneMap back = kHomography.inverse().value();
  const PlanePosition there = kHomography({100, 200}).value();
  EXPECT_NEAR(back(there)->x, 100, 1e-9);
  EXPECT_NEAR(back(there)->y, 200, 1e-9);
  EXPECT_NEAR(kHomography.area_factor({100, 200}) * back.area_factor(there), 1, 1e-9);
  EXPECT_FALSE((PlaneMap{{1, 0, 0, 2, 0, 0, 0, 0, 1}}.inverse()));
  EXPECT_LT((PlaneMap{{-1, 0, 0, 0, 1, 0, 0, 0, 1}}.area_factor({0, 0})), 0);
  EXPECT_FALSE((PlaneMap{{1, 0, 0, 0, 1, 0, -0.01, 0, 1}}({200, 0})));  // beyond the horizon
}

TEST(PlaneMap, TurnsAsPicturesAreSeen) {
  const PlaneMap quarter = similarity_of({{0, 0}, {0, 0}}, 2, std::numbers::pi / 2);
  EXPECT_NEAR(quarter({1, 0})->y, 2, 1e-12);  // from x towards y
  EXPECT_NEAR(quarter.area_factor({3, 3}), 4, 1e-12);
}

TEST(Polygons, AreMeasuredAndClipped) {
  const Quad square = corners_of(10, 10);
  EXPECT_TRUE(is_convex(square));
  EXPECT_FALSE(is_convex({{{0, 0}, {0, 10}, {10, 10}, {10, 0}}}));  // mirrored
  EXPECT_FALSE(is_convex({{{0, 0}, {10, 10}, {10, 0}, {0, 10}}}));  // crossed
  EXPECT_FALSE(is_convex({{{0, 0}, {10, 0}, {2, 2}, {0, 10}}}));    // dented
  EXPECT_DOUBLE_EQ(signed_area(square), 100);
  const Quad diamond = {{{5, -2}, {12, 5}, {5, 12}, {-2, 5}}};
  EXPECT_NEAR(signed_area(clipped(diamond, square)), 98 - 4 * 4, 1e-9);
  EXPECT_NEAR(signed_area(clipped(square, diamond)), 98 - 4 * 4, 1e-9);
  EXPECT_TRUE(clipped(square, {{{20, 20}, {30, 20}, {30, 30}, {20, 30}}}).empty());
}

}  // namespace
}  // namespace eidetic
