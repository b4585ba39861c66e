// SplitMix64 (Steele, Lea, Flood 2014): numbers that look drawn at random and are the same on every machine.
#pragma once

#include <cstdint>

namespace eidetic {

inline constexpr std::uint64_t kSplitMixStep = 0x9E3779B97F4A7C15U;

// The number that belongs to a state; the next state is kSplitMixStep further.
[[nodiscard]] constexpr std::uint64_t split_mix(std::uint64_t state) noexcept {
  std::uint64_t mixed = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9U;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBU;
  return mixed ^ (mixed >> 31);
}

}  // namespace eidetic
