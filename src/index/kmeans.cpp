#include "index/kmeans.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "base/multiversion.h"
#include "base/threads.h"
#include "index/vector_math.h"

namespace eidetic {
namespace {

constexpr std::size_t kBlockValues = std::size_t{1} << 18;  // products computed at once: 1 MB, within the caches

// The place of the largest of products[i] - half[i].
EIDETIC_MULTIVERSION std::uint32_t largest(const float* products, const float* half, std::size_t count) {
  constexpr std::size_t kLanes = 16;
  float best[kLanes];           // NOLINT(*-avoid-c-arrays): a register's worth, in a function of several versions
  std::uint32_t place[kLanes];  // NOLINT(*-avoid-c-arrays)
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    best[lane] = -INFINITY;
    place[lane] = 0;
  }
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float score = products[i + lane] - half[i + lane];
      const bool better = score > best[lane];
      best[lane] = better ? score : best[lane];
      place[lane] = better ? static_cast<std::uint32_t>(i + lane) : place[lane];
    }
  }
  for (std::size_t lane = 0; i < count; ++i, ++lane) {
    const float score = products[i] - half[i];
    if (score > best[lane]) {
      best[lane] = score;
      place[lane] = static_cast<std::uint32_t>(i);
    }
  }
  std::size_t winner = 0;
  for (std::size_t lane = 1; lane < kLanes; ++lane) {
    if (best[lane] > best[winner] || (best[lane] == best[winner] && place[lane] < place[winner])) winner = lane;
  }
  return place[winner];
}

void for_each_block(ThreadPool* pool, std::size_t blocks, const std::function<void(std::size_t)>& work) {
  if (pool != nullptr && blocks > 1) {
    pool->parallel_for(blocks, work);
  } else {
    for (std::size_t block = 0; block < blocks; ++block) work(block);
  }
}

// Means of the vectors of each cell; cells without vectors keep their centroid. Returns the sizes.
std::vector<std::uint64_t> move_to_means(MatrixView vectors, std::span<const std::uint32_t> assigned,
                                         Matrix& centroids) {
  const std::size_t width = centroids.columns();
  std::vector<std::uint64_t> sizes(centroids.rows());
  std::vector<double> sums(centroids.values().size());
  for (std::size_t i = 0; i < assigned.size(); ++i) {
    const std::size_t cell = assigned[i];
    ++sizes[cell];
    double* const sum = &sums[cell * width];
    const float* const vector = vectors[i].data();
    for (std::size_t j = 0; j < width; ++j) sum[j] += static_cast<double>(vector[j]);
  }
  for (std::size_t cell = 0; cell < sizes.size(); ++cell) {
    if (sizes[cell] == 0) continue;
    for (std::size_t j = 0; j < width; ++j) {
      centroids[cell][j] = static_cast<float>(sums[cell * width + j] / static_cast<double>(sizes[cell]));
    }
  }
  return sizes;
}

// An empty cell becomes the largest's twin, both moved apart a little, so that they share what that one had.
void split_into_empty(std::vector<std::uint64_t>& sizes, Matrix& centroids) {
  constexpr float kApart = 1.F / 1024;
  for (std::size_t cell = 0; cell < sizes.size(); ++cell) {
    if (sizes[cell] != 0) continue;
    const auto from = static_cast<std::size_t>(std::ranges::max_element(sizes) - sizes.begin());
    if (sizes[from] < 2) return;
    for (std::size_t j = 0; j < centroids.columns(); ++j) {
      const float value = centroids[from][j];
      const float step = j % 2 == 0 ? kApart : -kApart;
      centroids[cell][j] = value * (1 + step);
      centroids[from][j] = value * (1 - step);
    }
    sizes[cell] = sizes[from] / 2;
    sizes[from] -= sizes[cell];
  }
}

Matrix draw(MatrixView vectors, std::size_t k, std::uint64_t seed) {
  std::vector<std::uint32_t> order(vectors.rows());
  std::iota(order.begin(), order.end(), 0U);
  std::mt19937_64 random(seed);
  Matrix drawn(k, vectors.columns);
  for (std::size_t i = 0; i < k; ++i) {
    std::swap(order[i], order[i + random() % (order.size() - i)]);
    std::ranges::copy(vectors[order[i]], drawn[i].begin());
  }
  return drawn;
}

}  // namespace

std::vector<float> half_squares(MatrixView rows) {
  std::vector<float> half(rows.rows());
  for (std::size_t row = 0; row < half.size(); ++row) {
    half[row] = static_cast<float>(dot_product(rows[row], rows[row]) / 2);
  }
  return half;
}

std::vector<std::uint32_t> assign(MatrixView vectors, MatrixView centroids, ThreadPool* pool) {
  std::vector<std::uint32_t> assigned(vectors.rows());
  const std::vector<float> half = half_squares(centroids);
  const std::size_t rows = std::clamp<std::size_t>(kBlockValues / centroids.rows(), 16, 1024);
  const std::size_t blocks = (vectors.rows() + rows - 1) / rows;
  for_each_block(pool, blocks, [&](std::size_t block) {
    const std::size_t first = block * rows;
    const std::size_t count = std::min(rows, vectors.rows() - first);
    const MatrixView part(vectors.values.subspan(first * vectors.columns, count * vectors.columns), vectors.columns);
    std::vector<float> scores(count * centroids.rows());
    products(part, centroids, scores);
    for (std::size_t i = 0; i < count; ++i) {
      assigned[first + i] = largest(&scores[i * centroids.rows()], half.data(), half.size());
    }
  });
  return assigned;
}

Matrix kmeans(MatrixView vectors, std::size_t k, const KmeansOptions& options) {
  k = std::min(k, vectors.rows());
  Matrix centroids(k, vectors.columns);
  if (options.start.rows() == k) {
    std::ranges::copy(options.start.values, centroids.values().begin());
  } else {
    centroids = draw(vectors, k, options.seed);
  }
  for (unsigned iteration = 0; iteration < options.iterations && k < vectors.rows(); ++iteration) {
    if (options.stop != nullptr && *options.stop) break;
    const auto assigned = assign(vectors, centroids, options.pool);
    auto sizes = move_to_means(vectors, assigned, centroids);
    split_into_empty(sizes, centroids);
  }
  return centroids;
}

}  // namespace eidetic
