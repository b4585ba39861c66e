// Exact arithmetic over full-precision vectors: float32 in, double throughout, so that equal vectors score equally
// under every index and processor rounding never reorders hits. Pure functions: any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "eidetic/error.h"
#include "eidetic/space.h"

namespace eidetic {

// Beyond it, squares leave the range of float32.
inline constexpr double kMaxNorm = 1e15;

// Spans of equal length.
[[nodiscard]] double dot_product(std::span<const float> a, std::span<const float> b) noexcept;
[[nodiscard]] double squared_distance(std::span<const float> a, std::span<const float> b) noexcept;

[[nodiscard]] bool all_finite(std::span<const float> values) noexcept;

// The norm of a vector that may be stored or searched for: `dimensions` finite values, not all zero under cosine.
// Otherwise invalid_argument; `what` leads the message ("the vector", "the query").
[[nodiscard]] Result<double> checked_norm(std::span<const float> vector, std::uint32_t dimensions, Metric metric,
                                          std::string_view what);
// Divides by the norm. A vector that is unit already stays bit for bit what it is, so that a stored vector, searched
// for, is the same vector again.
void to_unit(std::span<float> vector, double norm) noexcept;

}  // namespace eidetic
