#include "learn/lbfgs.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>

#include "index/vector_math.h"

namespace eidetic {
namespace {

void add_scaled(std::span<float> to, double factor, std::span<const float> values) {
  const auto scale = static_cast<float>(factor);
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += scale * values[i];
}

std::vector<float> difference(std::span<const float> a, std::span<const float> b) {
  std::vector<float> result(a.begin(), a.end());
  add_scaled(result, -1, b);
  return result;
}

// What was learnt of the curvature: steps, and what they changed in the gradient.
class Curvature {
 public:
  explicit Curvature(unsigned memory) : memory_(memory) {}

  void learn(std::vector<float> step, std::vector<float> change) {
    const double product = dot_product(step, change);
    // Otherwise directions would not lead down.
    if (product <= 1e-10 * dot_product(change, change)) return;
    if (pairs_.size() == memory_) pairs_.pop_front();
    pairs_.push_back({std::move(step), std::move(change), product});
  }
  void forget() { pairs_.clear(); }
  [[nodiscard]] bool empty() const { return pairs_.empty(); }

  [[nodiscard]] std::vector<float> direction(std::span<const float> gradient) const {
    std::vector<float> result(gradient.begin(), gradient.end());
    std::vector<double> factors(pairs_.size());
    for (std::size_t i = pairs_.size(); i-- > 0;) {
      factors[i] = dot_product(pairs_[i].step, result) / pairs_[i].product;
      add_scaled(result, -factors[i], pairs_[i].change);
    }
    double scale = 1;
    if (pairs_.empty()) {
      scale = 1 / std::max(1e-30, std::sqrt(dot_product(gradient, gradient)));
    } else {
      const Pair& last = pairs_.back();
      scale = last.product / dot_product(last.change, last.change);
    }
    for (float& value : result) value = static_cast<float>(value * -scale);
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      const double back = dot_product(pairs_[i].change, result) / pairs_[i].product;
      add_scaled(result, -factors[i] - back, pairs_[i].step);
    }
    return result;
  }

 private:
  struct Pair {
    std::vector<float> step, change;
    double product;
  };
  unsigned memory_;
  std::deque<Pair> pairs_;
};

struct Point {
  std::vector<float> at;
  std::vector<float> gradient;
  double value = 0;
};

// Moves `point` along; false where no length of step will do.
bool step_along(Point& point, std::span<const float> direction, const Objective& objective) {
  constexpr int kMostTries = 24;
  constexpr double kEnough = 1e-4;  // of the decrease that the slope promises
  constexpr double kFlat = .9;      // of the slope may be left
  const double slope = dot_product(point.gradient, direction);
  if (!(slope < 0)) return false;
  double length = 1;
  double shortest = 0;
  double longest = std::numeric_limits<double>::infinity();
  Point next{.at = {}, .gradient = std::vector<float>(point.at.size())};
  for (int i = 0; i < kMostTries; ++i) {
    next.at = point.at;
    add_scaled(next.at, length, direction);
    next.value = objective(next.at, next.gradient);
    if (!(next.value <= point.value + kEnough * length * slope)) {
      longest = length;
    } else if (dot_product(next.gradient, direction) < kFlat * slope) {
      shortest = length;
    } else {
      point = std::move(next);
      return true;
    }
    length = std::isinf(longest) ? 2 * shortest : (shortest + longest) / 2;
  }
  return false;
}

}  // namespace

unsigned minimize(std::vector<float>& at, const Objective& objective, const LbfgsOptions& options,
                  const Watcher& watcher) {
  Point point{.at = std::move(at), .gradient = {}};
  point.gradient.resize(point.at.size());
  point.value = objective(point.at, point.gradient);
  const double enough = options.tolerance * std::sqrt(dot_product(point.gradient, point.gradient));
  Curvature curvature(options.memory);
  unsigned iteration = 0;
  while (iteration < options.iterations && std::sqrt(dot_product(point.gradient, point.gradient)) > enough) {
    const std::vector<float> at_before = point.at;
    const std::vector<float> gradient_before = point.gradient;
    if (!step_along(point, curvature.direction(point.gradient), objective)) {
      // What was learnt may have gone stale: once more, straight down.
      if (curvature.empty()) break;
      curvature.forget();
      continue;
    }
    curvature.learn(difference(point.at, at_before), difference(point.gradient, gradient_before));
    ++iteration;
    if (watcher && !watcher(iteration, point.at)) break;
  }
  at = std::move(point.at);
  return iteration;
}

}  // namespace eidetic
