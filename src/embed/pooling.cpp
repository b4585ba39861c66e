#include "embed/pooling.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace eidetic {
namespace {

// Folds the positions of each channel, whichever way they lie in memory.
template <typename Fold>
std::vector<double> fold_positions(std::span<const float> values, const PoolPlan& plan, double start, Fold fold) {
  std::vector<double> folded(plan.channels, start);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t channel = plan.channels_last ? i % plan.channels : i / plan.positions;
    folded[channel] = fold(folded[channel], static_cast<double>(values[i]));
  }
  return folded;
}

}  // namespace

Result<PoolPlan> plan_pooling(std::span<const std::size_t> shape, bool planar, const ModelBundle& bundle) {
  const std::size_t size = std::reduce(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>());
  if (shape.empty() || shape[0] != 1 || shape.size() > 4 || size == 0) {
    return fail(ErrorCode::unsupported,
                fmt::format("an output of shape [{}] makes no vector: it must be [1, values], [1, tokens, channels] or "
                            "a picture's [1, …, …, …]",
                            fmt::join(shape, ",")));
  }
  PoolPlan plan{.pooling = bundle.pooling, .gem_p = bundle.gem_p, .channels = size};
  if (shape.size() >= 3) {
    plan.channels_last = shape.size() == 3 || !planar;
    plan.channels = plan.channels_last ? shape.back() : shape[1];
    plan.positions = size / plan.channels;
  }
  return plan;
}

Vector pool(std::span<const float> values, const PoolPlan& plan) {
  if (plan.pooling == Pooling::none || plan.positions == 1) return {values.begin(), values.end()};
  const auto count = static_cast<double>(plan.positions);
  std::vector<double> pooled;
  switch (plan.pooling) {
    case Pooling::none: break;
    case Pooling::avg:
      pooled = fold_positions(values, plan, 0, std::plus<>());
      for (double& value : pooled) value /= count;
      break;
    case Pooling::max:
      // Not std::max, which drops a NaN on its right: what is not finite must reach the caller.
      pooled =
          fold_positions(values, plan, -INFINITY, [](double a, double b) { return b > a || std::isnan(b) ? b : a; });
      break;
    case Pooling::gem: {
      constexpr double kLeast = 1e-6;  // as in the paper's code: the mean is over positive values
      pooled = fold_positions(values, plan, 0, [&](double sum, double value) {
        return sum + std::pow(value < kLeast ? kLeast : value, plan.gem_p);
      });
      for (double& value : pooled) value = std::pow(value / count, 1 / plan.gem_p);
      break;
    }
  }
  Vector vector(pooled.size());
  std::ranges::transform(pooled, vector.begin(), [](double value) { return static_cast<float>(value); });
  return vector;
}

void l2_normalize(std::span<float> vector) noexcept {
  double sum = 0;
  for (const float value : vector) sum += static_cast<double>(value) * value;
  if (sum <= 0) return;
  const double scale = 1 / std::sqrt(sum);
  for (float& value : vector) value = static_cast<float>(value * scale);
}

}  // namespace eidetic
