#include "index/rotation.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/split_mix.h"

namespace eidetic {
namespace {

constexpr std::size_t kPadding = 64;
constexpr int kRounds = 2;

// The Hadamard transform, scaled to keep lengths. The size is a power of two.
void hadamard(std::span<float> values) {
  for (std::size_t half = 1; half < values.size(); half *= 2) {
    for (std::size_t start = 0; start < values.size(); start += 2 * half) {
      float* const low = &values[start];
      float* const high = low + half;
      for (std::size_t i = 0; i < half; ++i) {
        const float a = low[i];
        const float b = high[i];
        low[i] = a + b;
        high[i] = a - b;
      }
    }
  }
  const float scale = 1 / std::sqrt(static_cast<float>(values.size()));
  for (float& value : values) value *= scale;
}

}  // namespace

Rotation::Rotation(std::uint32_t dimensions)
    : padded_((dimensions + kPadding - 1) / kPadding * kPadding),
      power_(std::bit_floor(padded_)),
      signs_(kRounds * padded_) {
  std::uint64_t state = 0;
  for (float& sign : signs_) sign = (split_mix(state += kSplitMixStep) & 1) != 0 ? 1.F : -1.F;
}

void Rotation::apply(std::span<const float> vector, std::span<float> rotated) const {
  std::ranges::copy(vector, rotated.begin());
  std::ranges::fill(rotated.subspan(vector.size()), 0.F);
  for (int round = 0; round < kRounds; ++round) {
    const float* const signs = &signs_[round * padded_];
    for (std::size_t i = 0; i < padded_; ++i) rotated[i] *= signs[i];
    // Two overlapping transforms mix all components where their number is no power of two.
    hadamard(rotated.first(power_));
    if (power_ < padded_) hadamard(rotated.last(power_));
  }
}

}  // namespace eidetic
