#include "index/candidates.h"

#include <algorithm>
#include <cmath>

namespace eidetic {
namespace {

constexpr float kThresholdRounding = 1e-6F;

}  // namespace

void Candidates::offer(Slot slot, float lower, float upper) {
  if (upper < threshold_) return;
  const auto row = row_of_(slot);
  if (!row) return;
  ++taken_;
  // What has fallen behind is let go now and then, so that memory stays with `depth`.
  if (candidates_.size() >= 4 * depth_ + 1024) {
    std::erase_if(candidates_, [this](const Candidate& candidate) { return candidate.upper < threshold_; });
  }
  candidates_.push_back({upper, *row});
  raise_threshold(lower);
}

// `depth` rows score at least the smallest of the largest lower bounds, so nothing below it can be among them.
void Candidates::raise_threshold(float lower) {
  if (lower_.size() == depth_) {
    if (lower <= lower_.front()) return;
    std::ranges::pop_heap(lower_, std::greater{});
    lower_.pop_back();
  }
  lower_.push_back(lower);
  std::ranges::push_heap(lower_, std::greater{});
  if (lower_.size() < depth_) return;
  threshold_ = lower_.front() - kThresholdRounding * std::abs(lower_.front());
}

std::vector<Candidate> Candidates::best() {
  std::erase_if(candidates_, [this](const Candidate& candidate) { return candidate.upper < threshold_; });
  std::ranges::sort(candidates_, [](const Candidate& a, const Candidate& b) {
    return a.upper != b.upper ? a.upper > b.upper : a.row < b.row;
  });
  return std::move(candidates_);
}

std::vector<Neighbor> rescore(const ExactScore& score, std::span<const Candidate> candidates, std::size_t k,
                              bool proven) {
  constexpr std::size_t kAhead = 4;
  BestK best(k);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (proven && best.full() && candidates[i].upper < score.scan_score(best.worst().score)) break;
    if (i + kAhead < candidates.size()) score.prefetch(candidates[i + kAhead].row);
    best.offer(score(candidates[i].row));
  }
  return best.take(score);
}

}  // namespace eidetic
