// Which rows a search may find: live ones, of those it is kept to, without those left out.
//
// Reads the parameters and the states while it is used. Any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "eidetic/vector_index.h"

#include "index/exact_score.h"
#include "index/row_states.h"

namespace eidetic {

class WantedRows {
 public:
  // Rows that come in from now on are none of them.
  WantedRows(const SearchParams& params, const RowStates& states)
      : among_(params.among), without_(params.without), states_(&states), end_(states.end()) {}

  [[nodiscard]] bool contains(Row row) const noexcept {
    return row < end_ && states_->live(row) && (among_ == nullptr || among_->contains(row)) &&
           (without_.empty() || !std::ranges::binary_search(without_, row));
  }
  // Of a search that is kept to some rows: the share that these are of all. 1: it is not.
  [[nodiscard]] double share() const noexcept {
    if (among_ == nullptr || states_->live_count() == 0) return 1;
    return std::min(1.0, static_cast<double>(among_->count()) / static_cast<double>(states_->live_count()));
  }

  // The k best of them all, each scored in full. Where a trace is given, they are its candidates.
  [[nodiscard]] std::vector<Neighbor> nearest(const ExactScore& score, const SearchParams& params) const;

 private:
  const RowSet* among_;
  std::span<const Row> without_;
  const RowStates* states_;
  Row end_;
};

}  // namespace eidetic
