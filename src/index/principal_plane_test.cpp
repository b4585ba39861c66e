#include "index/principal_plane.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "index/index_plan.h"
#include "index/projection.h"

namespace eidetic {
namespace {

TEST(PrincipalPlane, ShowsTheTwoDirectionsThatMatter) {
  Matrix matrix(100, 5);
  for (std::size_t i = 0; i < 100; ++i) {
    matrix[i][1] = static_cast<float>(i);
    matrix[i][3] = static_cast<float>(i % 10);
    matrix[i][4] = 7;
  }
  const auto plane = PrincipalPlane::of(matrix).value();
  const auto places = plane.places(matrix);
  EXPECT_NEAR(std::abs(places[99].x - places[0].x), 99, 2);
  EXPECT_NEAR(std::abs(places[9].y - places[0].y), 9, 1);
  EXPECT_NEAR(plane.explained_variance(), 1, 1e-6);
}

// Beside eigenvectors of the whole covariance.
TEST(PrincipalPlane, IsThatOfAFullDecomposition) {
  constexpr std::uint32_t kDimensions = 40;
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  Matrix matrix(500, kDimensions);
  for (std::size_t i = 0; i < matrix.rows(); ++i) {
    for (std::size_t j = 0; j < kDimensions; ++j) {
      matrix[i][j] = normal(random) / std::sqrt(1 + static_cast<float>(j)) + 3;
    }
  }
  const IndexPlan plan = {.projection = IndexPlan::Projection::pca, .projected = 2};
  auto full = Projection::of(plan, kDimensions, Metric::euclidean).value();
  ASSERT_TRUE(full.train(matrix, {}));
  const Matrix there = full.apply(matrix);
  const auto plane = PrincipalPlane::of(matrix).value();
  const auto places = plane.places(matrix);
  EXPECT_NEAR(plane.explained_variance(), full.explained_variance(), 1e-4);
  const float first = there[0][0] * places[0].x < 0 ? -1 : 1;
  const float second = there[0][1] * places[0].y < 0 ? -1 : 1;
  for (std::size_t i = 0; i < matrix.rows(); ++i) {
    EXPECT_NEAR(there[i][0], first * places[i].x, .02);
    EXPECT_NEAR(there[i][1], second * places[i].y, .02);
  }
}

TEST(PrincipalPlane, TakesWhatHasNoDirections) {
  EXPECT_EQ(PrincipalPlane::of(Matrix(1, 3))->places(Matrix(1, 3)).size(), 1U);
  const auto line = PrincipalPlane::of(Matrix(4, 1)).value();
  EXPECT_EQ(line.places(Matrix(4, 1))[3].x, 0);
  Matrix numbers(4, 1);
  for (std::size_t i = 0; i < 4; ++i) numbers[i][0] = static_cast<float>(i);
  EXPECT_NEAR(PrincipalPlane::of(numbers)->places(numbers)[3].x, 1.5, 1e-5);
  EXPECT_EQ(PrincipalPlane::of(numbers)->places(numbers)[3].y, 0);
}

}  // namespace
}  // namespace eidetic
