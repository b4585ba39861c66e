#include "index/vector_math.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/multiversion.h"

namespace eidetic {
namespace {

constexpr std::size_t kLanes = 16;       // independent sums: what lets the compiler use whole registers
constexpr double kUnitTolerance = 1e-7;  // a norm after rounding to float32
constexpr double kMinNorm = 1e-30;       // smaller ones cannot be told from rounding

EIDETIC_MULTIVERSION double sum_of_products(const float* a, const float* b, std::size_t count) {
  std::array<double, kLanes> sums{};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      sums[lane] += static_cast<double>(a[i + lane]) * static_cast<double>(b[i + lane]);
    }
  }
  for (std::size_t lane = 0; i < count; ++i, ++lane)
    sums[lane] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

EIDETIC_MULTIVERSION double sum_of_squares(const float* a, const float* b, std::size_t count) {
  std::array<double, kLanes> sums{};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double difference = static_cast<double>(a[i + lane]) - static_cast<double>(b[i + lane]);
      sums[lane] += difference * difference;
    }
  }
  for (std::size_t lane = 0; i < count; ++i, ++lane) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sums[lane] += difference * difference;
  }
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace

double dot_product(std::span<const float> a, std::span<const float> b) noexcept {
  return sum_of_products(a.data(), b.data(), a.size());
}

double squared_distance(std::span<const float> a, std::span<const float> b) noexcept {
  return sum_of_squares(a.data(), b.data(), a.size());
}

bool all_finite(std::span<const float> values) noexcept {
  return std::ranges::all_of(values, [](float value) { return std::isfinite(value); });
}

Result<double> checked_norm(std::span<const float> vector, std::uint32_t dimensions, Metric metric,
                            std::string_view what) {
  if (vector.size() != dimensions) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} has {} values; here vectors have {}", what, vector.size(), dimensions));
  }
  const double norm = std::sqrt(dot_product(vector, vector));
  if (!std::isfinite(norm)) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} holds a value that is not a finite number", what));
  }
  if (norm > kMaxNorm) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} has length {:.3g}; the limit is {:g}", what, norm, kMaxNorm));
  }
  if (metric == Metric::cosine && norm < kMinNorm) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is zero, which has no direction to compare by cosine", what));
  }
  return norm;
}

void to_unit(std::span<float> vector, double norm) noexcept {
  if (std::abs(norm - 1) < kUnitTolerance) return;
  for (float& value : vector) value = static_cast<float>(value / norm);
}

}  // namespace eidetic
