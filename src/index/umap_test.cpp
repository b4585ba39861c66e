#include "index/umap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "index/principal_plane.h"
#include "index/test_vectors.h"
#include "index/vector_math.h"

namespace eidetic {
namespace {

constexpr std::size_t kPoints = 600;
constexpr std::size_t kDimensions = 20;
constexpr std::size_t kNeighbors = 15;

// The nearest of each by `distance`, without itself.
template <typename Distance>
std::vector<PlaneNeighbor> nearest(std::size_t points, std::size_t count, const Distance& distance) {
  std::vector<PlaneNeighbor> all;
  for (std::uint32_t i = 0; i < points; ++i) {
    std::vector<PlaneNeighbor> own;
    for (std::uint32_t j = 0; j < points; ++j) {
      if (i != j) own.push_back({.point = j, .distance = static_cast<float>(distance(i, j))});
    }
    std::ranges::sort(own, {}, &PlaneNeighbor::distance);
    all.insert(all.end(), own.begin(), own.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return all;
}

struct Space {
  TestVectors vectors = clustered_vectors(kPoints, kDimensions, 6, 3);
  Matrix matrix{kPoints, kDimensions};
  std::vector<PlaneNeighbor> neighbors = nearest(kPoints, kNeighbors, [this](std::uint32_t i, std::uint32_t j) {
    return std::sqrt(squared_distance(vectors[i], vectors[j]));
  });
  Space() {
    for (std::size_t i = 0; i < kPoints; ++i) std::ranges::copy(vectors[i], matrix[i].begin());
  }
};

std::vector<PlanePoint> places(const Matrix& vectors) { return PrincipalPlane::of(vectors)->places(vectors); }

// Of the nearest neighbours in space, the share that is among the nearest in the plane.
double kept(const Space& space, const std::vector<PlanePoint>& plane) {
  const auto there = nearest(kPoints, kNeighbors, [&](std::uint32_t i, std::uint32_t j) {
    return std::hypot(plane[i].x - plane[j].x, plane[i].y - plane[j].y);
  });
  std::size_t both = 0;
  for (std::size_t i = 0; i < kPoints; ++i) {
    for (std::size_t j = i * kNeighbors; j < (i + 1) * kNeighbors; ++j) {
      const auto begin = there.begin() + static_cast<std::ptrdiff_t>(i * kNeighbors);
      both += static_cast<std::size_t>(std::count_if(begin, begin + kNeighbors, [&](const PlaneNeighbor& near) {
        return near.point == space.neighbors[j].point;
      }));
    }
  }
  return static_cast<double>(both) / static_cast<double>(kPoints * kNeighbors);
}

TEST(Umap, KeepsNeighboursTogetherBetterThanTheirPrincipalPlane) {
  const Space space;
  const auto plane = places(space.matrix);
  const auto points = umap(space.neighbors, kNeighbors, plane, {});
  EXPECT_GT(kept(space, points), 1.5 * kept(space, plane));
  EXPECT_GT(kept(space, points), .3);
  for (const PlanePoint& point : points) EXPECT_TRUE(std::isfinite(point.x) && std::isfinite(point.y));
}

TEST(Umap, GivesTheSameForTheSame) {
  const Space space;
  const auto plane = places(space.matrix);
  const auto first = umap(space.neighbors, kNeighbors, plane, {.epochs = 20});
  const auto second = umap(space.neighbors, kNeighbors, plane, {.epochs = 20});
  for (std::size_t i = 0; i < kPoints; ++i) {
    ASSERT_EQ(first[i].x, second[i].x);
    ASSERT_EQ(first[i].y, second[i].y);
  }
}

TEST(Umap, TakesFewPointsAndCopies) {
  EXPECT_TRUE(umap({}, 0, {}, {}).empty());
  EXPECT_EQ(umap({}, 0, {{1, 2}}, {}).size(), 1U);
  std::vector<PlaneNeighbor> copies;
  for (std::uint32_t i = 0; i < 10; ++i) {
    for (std::uint32_t j = 1; j < 4; ++j) copies.push_back({.point = (i + j) % 10, .distance = 0});
  }
  const auto plane = places(Matrix(10, 3));
  for (const PlanePoint& point : umap(copies, 3, plane, {.epochs = 50})) {
    EXPECT_TRUE(std::isfinite(point.x) && std::isfinite(point.y));
  }
}

}  // namespace
}  // namespace eidetic
