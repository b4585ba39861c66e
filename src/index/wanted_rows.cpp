#include "index/wanted_rows.h"

#include <array>

namespace eidetic {

std::vector<Neighbor> WantedRows::nearest(const ExactScore& score, const SearchParams& params) const {
  constexpr std::size_t kAhead = 4;
  BestK best(params.k);
  // A vector is asked for a few rows before it is needed.
  std::array<Row, kAhead> coming{};
  std::size_t seen = 0;
  const auto look_at = [&](Row row) {
    if (contains(row)) best.offer(score(row));
  };
  const auto pass = [&](Row row) {
    if (row >= end_) return;
    score.prefetch(row);
    Row& place = coming[seen % kAhead];
    if (seen++ >= kAhead) look_at(place);
    place = row;
  };
  if (among_ != nullptr) {
    among_->for_each(pass);
  } else {
    for (Row row = 0; row < end_; ++row) pass(row);
  }
  for (std::size_t i = seen < kAhead ? 0 : seen - kAhead; i < seen; ++i) look_at(coming[i % kAhead]);
  std::vector<Neighbor> found = best.take(score);
  if (params.trace != nullptr) {
    params.trace->scanned = true;
    for (const Neighbor& near : found) {
      params.trace->candidates.push_back({.row = near.row, .estimate = near.similarity, .similarity = near.similarity});
    }
  }
  return found;
}

}  // namespace eidetic
