// Points of the plane that lie as vectors do in space: UMAP (McInnes, Healy, Melville 2018), from the nearest
// neighbours of each, and the first two principal components, which it starts from. Pure functions: any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "eidetic/error.h"

#include "index/matrix.h"

namespace eidetic {

struct PlanePoint {
  float x = 0;
  float y = 0;
};

// The vectors' first two principal components. Errors as symmetric_eigen; unsupported: more than
// Projection::kMaxDimensions.
[[nodiscard]] Result<std::vector<PlanePoint>> principal_plane(MatrixView vectors);

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
// over). The same input gives the same plane. One thread; about 20 us a point and 100 epochs.
[[nodiscard]] std::vector<PlanePoint> umap(std::span<const PlaneNeighbor> neighbors, std::size_t count,
                                           std::vector<PlanePoint> start, const UmapOptions& options);

}  // namespace eidetic
