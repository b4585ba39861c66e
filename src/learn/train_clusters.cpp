#include "learn/train_clusters.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "index/kmeans.h"
#include "index/vector_math.h"

namespace eidetic {
namespace {

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
  const Matrix centroids =
      kmeans(seen, clusters, {.iterations = 50, .seed = options.seed, .pool = options.pool, .stop = options.stop});
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
