// k-means clustering (Lloyd 1982) by squared distance: the cells of inverted lists, the code words of quantisers.
// Deterministic: the same vectors give the same centroids, on any number of threads. Pure functions: any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "index/matrix.h"

namespace eidetic {

class ThreadPool;

struct KmeansOptions {
  unsigned iterations = 20;
  // Where given (k x columns), iteration starts from it; else from k of the vectors, drawn at random.
  MatrixView start = {{}, 0};
  std::uint64_t seed = 1;
  ThreadPool* pool = nullptr;  // null: on the calling thread
};

// `k` centroids, at most as many as there are vectors. A cell that loses all its vectors takes half of the largest's.
[[nodiscard]] Matrix kmeans(MatrixView vectors, std::size_t k, const KmeansOptions& options);

struct Assigned {
  std::uint32_t centroid = 0;
  float distance = 0;  // squared, with the rounding of |x|^2 + |c|^2 - 2 x.c; not below 0
};
// The nearest centroid of each vector; of equals the first.
[[nodiscard]] std::vector<Assigned> assign(MatrixView vectors, MatrixView centroids, ThreadPool* pool);

// |row|^2 / 2 of each: what `products` lacks to be an order of distances.
[[nodiscard]] std::vector<float> half_squares(MatrixView rows);

}  // namespace eidetic
