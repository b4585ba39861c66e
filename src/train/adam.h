// Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019), as PyTorch computes them, with their defaults:
// betas 0.9 and 0.999, epsilon 1e-8. Thread rule: one thread at a time. The same bits on any number of the pool's
// threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace eidetic {

class ThreadPool;

class Adam {
 public:
  struct State {
    std::uint64_t steps = 0;
    std::vector<float> first, second;  // moments, as long as the parameters
  };

  // decoupled: AdamW, where the decay of the weights does not go through the moments. `pool` may be null.
  Adam(std::size_t parameters, double weight_decay, bool decoupled, ThreadPool* pool);

  void step(std::span<float> parameters, std::span<const float> gradient, double learning_rate);

  // All that another one of the same settings needs to go on from here.
  [[nodiscard]] const State& state() const noexcept { return state_; }
  void set_state(State state) { state_ = std::move(state); }

 private:
  double weight_decay_;
  bool decoupled_;
  ThreadPool* pool_;
  State state_;
};

}  // namespace eidetic
