// A query against full-precision vectors: the score that every hit is given, under every index.
#pragma once

#include <span>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/vector_index.h"

#include "index/vector_store.h"

namespace eidetic {

// Larger is nearer: cosine, product, or minus the squared distance.
struct Scored {
  double score = 0;
  Row row = 0;
};
// The order of hits: nearer first, then by row.
[[nodiscard]] inline bool before(const Scored& a, const Scored& b) noexcept {
  return a.score != b.score ? a.score > b.score : a.row < b.row;
}

// Reads the query and the store while it is used. Immutable: any thread.
class ExactScore {
 public:
  // invalid_argument: the query has other dimensions, is not finite, too long, or under cosine zero.
  [[nodiscard]] static Result<ExactScore> of(std::span<const float> query, const VectorStore& store);

  [[nodiscard]] Scored operator()(Row row) const noexcept;
  [[nodiscard]] Neighbor neighbor(const Scored& scored) const noexcept;
  // A score as scans have it: x.q, under euclidean x.q - |x|^2/2.
  [[nodiscard]] double scan_score(double score) const noexcept {
    return store_->metric() == Metric::euclidean ? (norm_ * norm_ + score) / 2 : score;
  }
  // The similarity that goes with a score, exact or estimated.
  [[nodiscard]] double similarity(double score) const noexcept {
    return neighbor({.score = score, .row = 0}).similarity;
  }
  // And back.
  [[nodiscard]] double score_of_scan(double scan) const noexcept {
    return store_->metric() == Metric::euclidean ? 2 * scan - norm_ * norm_ : scan;
  }
  void prefetch(Row row) const noexcept { __builtin_prefetch(store_->vector(row).data()); }
  // The query as approximate structures want it: of unit length under cosine.
  [[nodiscard]] std::vector<float> prepared() const;
  [[nodiscard]] double norm() const noexcept { return norm_; }

 private:
  ExactScore(std::span<const float> query, const VectorStore& store, double norm)
      : query_(query), store_(&store), norm_(norm) {}

  std::span<const float> query_;
  const VectorStore* store_;
  double norm_;
};

// The k best of what is offered to it.
class BestK {
 public:
  explicit BestK(std::size_t k) : k_(k) { heap_.reserve(k); }

  void offer(const Scored& scored);
  [[nodiscard]] bool full() const noexcept { return heap_.size() == k_; }
  [[nodiscard]] const Scored& worst() const noexcept { return heap_.front(); }  // of at least one
  [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }
  // Best first; leaves nothing.
  [[nodiscard]] std::vector<Neighbor> take(const ExactScore& score);

 private:
  std::size_t k_;
  std::vector<Scored> heap_;
};

// One search after the other, on all threads of the pool where one is given.
[[nodiscard]] std::vector<Result<std::vector<Neighbor>>> search_each(const VectorIndex& index,
                                                                     std::span<const std::span<const float>> queries,
                                                                     const SearchParams& params, ThreadPool* pool);

}  // namespace eidetic
