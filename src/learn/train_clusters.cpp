#include "learn/train_clusters.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "index/kmeans.h"
#include "index/vector_math.h"

namespace eidetic {
namespace {

// Rows far from each other, each drawn with a chance that is its squared distance from those before (k-means++, Arthur
// and Vassilvitskii 2007). Of many rows an even part is looked at.
Matrix draw_apart(MatrixView rows, std::size_t count, std::uint64_t seed) {
  constexpr std::size_t kLooked = 256;  // rows a centroid
  const std::size_t looked = std::min(rows.rows(), kLooked * count);
  const auto row = [&](std::size_t i) { return rows[i * rows.rows() / looked]; };
  std::mt19937_64 random(seed);
  std::vector<double> distances(looked, std::numeric_limits<double>::infinity());
  Matrix drawn(count, rows.columns);
  std::size_t next = random() % looked;
  for (std::size_t cluster = 0; cluster < count; ++cluster) {
    std::ranges::copy(row(next), drawn[cluster].begin());
    double sum = 0;
    for (std::size_t i = 0; i < looked; ++i) {
      distances[i] = std::min(distances[i], squared_distance(row(i), drawn[cluster]));
      sum += distances[i];
    }
    double left = std::ldexp(static_cast<double>(random() >> 11U), -53) * sum;
    next = 0;
    while (next + 1 < looked && (left -= distances[next]) >= 0) ++next;
  }
  return drawn;
}

// Numbers without gaps, in order of first appearance; how many there are.
std::size_t renumber(std::span<std::uint32_t> assigned, std::size_t clusters) {
  constexpr auto kUnseen = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> numbers(clusters, kUnseen);
  std::uint32_t next = 0;
  for (std::uint32_t& cluster : assigned) {
    if (numbers[cluster] == kUnseen) numbers[cluster] = next++;
    cluster = numbers[cluster];
  }
  return next;
}

}  // namespace

Result<LearntClusters> train_clusters(MatrixView features, std::size_t clusters, const LearnOptions& options) {
  if (clusters < 2 || clusters > kMaxClasses) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} clusters: 2 to {} are possible", clusters, kMaxClasses));
  }
  if (features.rows() < 2 * clusters) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("{} clusters of {} vectors: at least two vectors a cluster are needed", clusters, features.rows()));
  }
  // Checks that all is finite, too.
  EIDETIC_TRY(const Matrix units, unit_rows(features));
  const MatrixView seen = options.unit ? MatrixView(units) : features;
  const Matrix start = draw_apart(seen, clusters, options.seed);
  const Matrix centroids =
      kmeans(seen, clusters, {.iterations = 50, .start = start, .pool = options.pool, .stop = options.stop});
  auto assigned = assign(seen, centroids, options.pool);
  const std::size_t count = renumber(assigned, clusters);
  if (count < 2) return fail(ErrorCode::invalid_argument, "all vectors are alike: there are no clusters");
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  EIDETIC_TRY(auto learnt, learn(features, assigned, std::move(names), ClassifierKind::clusters, options));
  return LearntClusters{
      .classifier = std::move(learnt.classifier), .report = std::move(learnt.report), .assigned = std::move(assigned)};
}

}  // namespace eidetic
