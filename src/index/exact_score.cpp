#include "index/exact_score.h"

#include <algorithm>
#include <cmath>

#include "base/threads.h"
#include "index/vector_math.h"

namespace eidetic {

Result<ExactScore> ExactScore::of(std::span<const float> query, const VectorStore& store) {
  EIDETIC_TRY(const double norm, checked_norm(query, store.dimensions(), store.metric(), "the query"));
  return ExactScore(query, store, norm);
}

Scored ExactScore::operator()(Row row) const noexcept {
  const auto vector = store_->vector(row);
  switch (store_->metric()) {
    case Metric::cosine: return {std::clamp(dot_product(query_, vector) / norm_, -1.0, 1.0), row};
    case Metric::dot: return {dot_product(query_, vector), row};
    case Metric::euclidean: break;
  }
  return {-squared_distance(query_, vector), row};
}

Neighbor ExactScore::neighbor(const Scored& scored) const noexcept {
  if (store_->metric() != Metric::euclidean) {
    return {.row = scored.row, .similarity = scored.score, .distance = 1 - scored.score};
  }
  const double distance = std::sqrt(std::max(0.0, -scored.score));
  return {.row = scored.row, .similarity = 1 / (1 + distance), .distance = distance};
}

std::vector<float> ExactScore::prepared() const {
  std::vector<float> vector(query_.begin(), query_.end());
  if (store_->metric() == Metric::cosine) to_unit(vector, norm_);
  return vector;
}

void BestK::offer(const Scored& scored) {
  if (heap_.size() < k_) {
    heap_.push_back(scored);
    std::ranges::push_heap(heap_, before);
  } else if (before(scored, heap_.front())) {
    std::ranges::pop_heap(heap_, before);
    heap_.back() = scored;
    std::ranges::push_heap(heap_, before);
  }
}

std::vector<Neighbor> BestK::take(const ExactScore& score) {
  std::ranges::sort(heap_, before);
  std::vector<Neighbor> neighbors;
  neighbors.reserve(heap_.size());
  for (const Scored& scored : heap_) neighbors.push_back(score.neighbor(scored));
  heap_.clear();
  return neighbors;
}

std::vector<Result<std::vector<Neighbor>>> search_each(const VectorIndex& index,
                                                       std::span<const std::span<const float>> queries,
                                                       const SearchParams& params, ThreadPool* pool) {
  std::vector<Result<std::vector<Neighbor>>> found(queries.size());
  const auto one = [&](std::size_t i) { found[i] = index.search(queries[i], params); };
  if (pool != nullptr && queries.size() > 1) {
    pool->parallel_for(queries.size(), one);
  } else {
    for (std::size_t i = 0; i < queries.size(); ++i) one(i);
  }
  return found;
}

}  // namespace eidetic
