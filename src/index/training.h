// What indexes that learn have in common: which vectors they learn from, and what they say of it. One training, one
// thread.
#pragma once

#include <chrono>
#include <span>

#include "eidetic/error.h"
#include "eidetic/vector_index.h"

#include "index/index_plan.h"
#include "index/matrix.h"
#include "index/projection.h"
#include "index/vector_store.h"

namespace eidetic {

class Training {
 public:
  Training(const IndexPlan& plan, std::span<const Row> rows) : plan_(&plan), rows_(rows) {}

  // As many of the rows as the plan can use, drawn evenly; the same ones each time. invalid_argument: too few.
  [[nodiscard]] Result<Matrix> sample(const VectorStore& store);
  // unavailable: it was stopped.
  [[nodiscard]] Result<TrainingReport> report(const Projection& projection, const IndexOptions& options) const;

 private:
  const IndexPlan* plan_;
  std::span<const Row> rows_;
  std::size_t sampled_ = 0;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// invalid_argument: the plan needs training, and there was none.
[[nodiscard]] Result<void> check_trained(const IndexPlan& plan, const TrainingReport& training);

}  // namespace eidetic
