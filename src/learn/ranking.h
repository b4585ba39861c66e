// The arithmetic of leave-one-out evaluation: every vector ranks all others, exactly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "eidetic/evaluation.h"
#include "eidetic/space.h"

#include "base/threads.h"
#include "index/matrix.h"

namespace eidetic {

// Vectors with a class each, laid out for scoring.
class LabelledVectors {
 public:
  LabelledVectors(std::uint32_t dimensions, Metric metric);

  // `vector` has `dimensions` values.
  void add(std::span<const float> vector, std::uint32_t label);

  [[nodiscard]] std::size_t size() const noexcept { return labels_.size(); }
  [[nodiscard]] std::span<const std::uint32_t> labels() const noexcept { return labels_; }
  // All of them, of length 1 under cosine; rows may be padded with zeros.
  [[nodiscard]] MatrixView rows() const noexcept { return {values_, stride_}; }
  // scores[q * size() + i]: how near item i is to query first + q, for `count` queries; only their order means
  // anything.
  void score(std::size_t first, std::size_t count, std::span<float> scores) const;

 private:
  const std::uint32_t dimensions_;
  const Metric metric_;
  const std::size_t stride_;  // floats a row, padded with zeros
  std::vector<float> values_;
  std::vector<float> offsets_;  // added to an item's dot products
  std::vector<std::uint32_t> labels_;
};

struct RankingQuality {
  std::uint64_t queries = 0;  // items whose class has another item
  RetrievalMeasures mean, margin;
  std::vector<double> recall;  // one a k
  struct Class {
    std::uint32_t label = 0;
    std::uint64_t queries = 0;
    RetrievalMeasures mean;
  };
  std::vector<Class> by_class;  // by label; those with queries
  // Of each item the nearest other one; empty where there are fewer than two.
  struct Neighbor {
    std::uint32_t item = 0;
    float score = 0;  // as LabelledVectors::score has it
  };
  std::vector<Neighbor> nearest;
};

// Equal scores rank by position. Memory: a few MB a thread for 100,000 vectors, and 56 bytes a query.
[[nodiscard]] RankingQuality rank_all(const LabelledVectors& vectors, std::span<const std::uint32_t> recall_k,
                                      ThreadPool& pool);

}  // namespace eidetic
