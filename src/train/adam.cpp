#include "train/adam.h"

#include <algorithm>
#include <cmath>

#include "base/multiversion.h"
#include "base/threads.h"

namespace eidetic {
namespace {

constexpr double kBeta1 = 0.9, kBeta2 = 0.999;
constexpr float kEpsilon = 1e-8F;
constexpr std::size_t kChunk = std::size_t{1} << 15;

struct Factors {
  float rate;              // learning rate / (1 - beta1^steps)
  float second_root;       // 1 / sqrt(1 - beta2^steps)
  float decay_in_moments;  // of Adam
  float kept;              // what AdamW keeps of a weight
};

EIDETIC_MULTIVERSION void update(float* parameters, const float* gradient, float* first, float* second,
                                 std::size_t count, Factors by) {
  constexpr auto kKeep1 = static_cast<float>(kBeta1), kKeep2 = static_cast<float>(kBeta2);
  constexpr auto kNew1 = static_cast<float>(1 - kBeta1), kNew2 = static_cast<float>(1 - kBeta2);
  for (std::size_t i = 0; i < count; ++i) {
    const float slope = gradient[i] + by.decay_in_moments * parameters[i];
    first[i] = kKeep1 * first[i] + kNew1 * slope;
    second[i] = kKeep2 * second[i] + kNew2 * slope * slope;
    // Unlike std::sqrt it tells no errors, so that the compiler computes many at once.
    const float size = __builtin_elementwise_sqrt(second[i]) * by.second_root + kEpsilon;
    parameters[i] = by.kept * parameters[i] - by.rate * first[i] / size;
  }
}

}  // namespace

Adam::Adam(std::size_t parameters, double weight_decay, bool decoupled, ThreadPool* pool)
    : weight_decay_(weight_decay),
      decoupled_(decoupled),
      pool_(pool),
      state_{.first = std::vector<float>(parameters), .second = std::vector<float>(parameters)} {}

void Adam::step(std::span<float> parameters, std::span<const float> gradient, double learning_rate) {
  const auto steps = static_cast<double>(++state_.steps);
  const Factors by = {
      .rate = static_cast<float>(learning_rate / (1 - std::pow(kBeta1, steps))),
      .second_root = static_cast<float>(1 / std::sqrt(1 - std::pow(kBeta2, steps))),
      .decay_in_moments = decoupled_ ? 0 : static_cast<float>(weight_decay_),
      .kept = decoupled_ ? static_cast<float>(1 - learning_rate * weight_decay_) : 1,
  };
  const std::size_t chunks = (parameters.size() + kChunk - 1) / kChunk;
  const auto chunk = [&](std::size_t i) {
    const std::size_t from = i * kChunk;
    update(parameters.data() + from, gradient.data() + from, state_.first.data() + from, state_.second.data() + from,
           std::min(kChunk, parameters.size() - from), by);
  };
  if (pool_ != nullptr) return pool_->parallel_for(chunks, chunk);
  for (std::size_t i = 0; i < chunks; ++i) chunk(i);
}

}  // namespace eidetic
