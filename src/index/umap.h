// Points of the plane whose neighbours are those that they have in space: UMAP (McInnes, Healy, Melville 2018). Pure:
// any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "eidetic/inspection.h"

namespace eidetic {

// A neighbour of a point, by its place.
struct PlaneNeighbor {
  std::uint32_t point = 0;
  float distance = 0;  // 0 or more; any measure that grows with unlikeness
};

struct UmapOptions {
  unsigned epochs = 0;     // 0: 500 for up to 10,000 points, 200 for more
  float min_distance = 0;  // of neighbours in the plane; 0: 0.1
  std::uint64_t seed = 1;
};

// `neighbors` are `count` of each point, nearest first, without the point itself (a place of the point's own is passed
// over). `start` is where the points lie at first: principal components, say. The same input gives the same plane. One
// thread.
[[nodiscard]] std::vector<PlanePoint> umap(std::span<const PlaneNeighbor> neighbors, std::size_t count,
                                           std::vector<PlanePoint> start, const UmapOptions& options);

}  // namespace eidetic
