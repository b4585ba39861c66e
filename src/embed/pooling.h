// From an output tensor to a vector. Pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/space.h"

#include "embed/bundle.h"

namespace eidetic {

// How a tensor [1, …] is pooled: `channels` values, each from `positions` ones.
struct PoolPlan {
  Pooling pooling = Pooling::none;
  double gem_p = 3;
  std::size_t channels = 0;
  std::size_t positions = 1;
  bool channels_last = false;  // [1, H, W, C] and [1, tokens, C]

  // Values in the vector.
  [[nodiscard]] std::size_t dimensions() const noexcept {
    return pooling == Pooling::none ? channels * positions : channels;
  }
};

// For an output of this shape. Of four dimensions, the channels are where `planar` says; of three they are the last
// ([1, tokens, channels]); of fewer there is nothing to pool. Errors: unsupported (first dimension not 1, more than
// four, a size of 0).
[[nodiscard]] Result<PoolPlan> plan_pooling(std::span<const std::size_t> shape, bool planar, const ModelBundle& bundle);

// `values`: as many as the tensor has.
[[nodiscard]] Vector pool(std::span<const float> values, const PoolPlan& plan);

// To unit length; the zero vector stays.
void l2_normalize(std::span<float> vector) noexcept;

}  // namespace eidetic
