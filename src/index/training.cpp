#include "index/training.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <vector>

namespace eidetic {

Result<Matrix> Training::sample(const VectorStore& store) {
  if (rows_.size() < plan_->least_rows()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("index '{}' is learnt from at least {} vectors, and there are {}", plan_->to_string(),
                            plan_->least_rows(), rows_.size()));
  }
  constexpr std::uint64_t kMostBytes = std::uint64_t{256} << 20;
  const std::uint64_t fitting = kMostBytes / sizeof(float) / store.dimensions();
  const std::uint64_t most = std::max(plan_->least_rows(), std::min(plan_->most_rows(), fitting));
  std::vector<Row> chosen;
  std::mt19937_64 random(1);
  std::ranges::sample(rows_, std::back_inserter(chosen), static_cast<std::ptrdiff_t>(most), random);
  sampled_ = chosen.size();
  return store.gathered(chosen);
}

Result<TrainingReport> Training::report(const Projection& projection, const IndexOptions& options) const {
  if (options.stop != nullptr && *options.stop) return fail(ErrorCode::unavailable, "stopped");
  return TrainingReport{.rows = rows_.size(),
                        .sampled = sampled_,
                        .explained_variance = projection.explained_variance(),
                        .seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count()};
}

Result<void> check_trained(const IndexPlan& plan, const TrainingReport& training) {
  if (!plan.needs_training() || training.rows > 0) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("index '{}' has to be trained before vectors are added", plan.to_string()));
}

}  // namespace eidetic
