// What a scan over codes keeps: rows that may be among the best, by bounds on their scores.
//
// Scores are t = x.q, under euclidean t = x.q - |x|^2/2 (larger is nearer, too). Where codes give a proven bound, lower
// and upper differ and no row of the `depth` best is ever lost; an estimate is both.
//
// One search at a time, one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "eidetic/vector_index.h"

#include "index/exact_score.h"

namespace eidetic {

struct Candidate {
  float upper = 0;  // bound on its score
  Row row = 0;
};

using Slot = std::uint32_t;  // where a row's codes are; FlatIndex: the row

class Candidates {
 public:
  using RowOf = std::function<std::optional<Row>(Slot)>;  // nullopt: none there, or one that is not wanted

  Candidates(std::size_t depth, RowOf row_of) : depth_(depth), row_of_(std::move(row_of)) { lower_.reserve(depth); }

  // Slots below it need not be offered.
  [[nodiscard]] float threshold() const noexcept { return threshold_; }
  void offer(Slot slot, float lower, float upper);
  // How many were taken, those that have fallen behind since included.
  [[nodiscard]] std::size_t taken() const noexcept { return taken_; }

  // Those that may be among the `depth` best, largest upper bound first.
  [[nodiscard]] std::vector<Candidate> best();

 private:
  void raise_threshold(float lower);

  std::size_t depth_;
  RowOf row_of_;
  std::vector<float> lower_;  // the `depth` largest, least on top
  float threshold_ = -std::numeric_limits<float>::infinity();
  std::size_t taken_ = 0;
  std::vector<Candidate> candidates_;
};

// The k best of them by their full-precision scores. `proven`: no row scores above its bound, so that the rest can be
// left where it is as soon as no bound reaches the k best.
[[nodiscard]] std::vector<Neighbor> rescore(const ExactScore& score, std::span<const Candidate> candidates,
                                            std::size_t k, bool proven);

}  // namespace eidetic
