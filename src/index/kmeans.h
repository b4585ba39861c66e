// k-means clustering (Lloyd 1982) by squared distance: the cells of inverted lists, the code words of quantisers.
// Deterministic: the same vectors give the same centroids, on any number of threads. Pure functions: any thread.
#pragma once

#include <atomic>
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
  ThreadPool* pool = nullptr;               // null: on the calling thread
  const std::atomic<bool>* stop = nullptr;  // where set and true, what there is by then is the answer
};

// `k` centroids, at most as many as there are vectors. A cell that loses all its vectors takes half of the largest's.
[[nodiscard]] Matrix kmeans(MatrixView vectors, std::size_t k, const KmeansOptions& options);

// The place of the nearest centroid of each vector; of equals the first.
[[nodiscard]] std::vector<std::uint32_t> assign(MatrixView vectors, MatrixView centroids, ThreadPool* pool);

// |row|^2 / 2 of each: what `products` lacks to be an order of distances.
[[nodiscard]] std::vector<float> half_squares(MatrixView rows);

}  // namespace eidetic
