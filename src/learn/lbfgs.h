// Minimising a smooth function by L-BFGS (Liu and Nocedal 1989), with a line search for the weak Wolfe conditions by
// bisection (Lewis and Overton 2013). Pure: any thread.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace eidetic {

struct LbfgsOptions {
  unsigned iterations = 200;
  unsigned memory = 10;     // steps that the curvature is guessed from
  double tolerance = 1e-4;  // it ends when the gradient's norm is this share of the first one's
};

// The value there, and its gradient.
using Objective = std::function<double(std::span<const float> at, std::span<float> gradient)>;
// After each iteration, the first is 1. False: it ends here.
using Watcher = std::function<bool(unsigned iteration, std::span<const float> at)>;

// Moves `at` to where it ended; the number of iterations. It ends early, too, where no step makes it smaller: float32
// is exhausted there.
unsigned minimize(std::vector<float>& at, const Objective& objective, const LbfgsOptions& options,
                  const Watcher& watcher);

}  // namespace eidetic
