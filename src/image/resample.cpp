#include "image/resample.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "base/text.h"

namespace eidetic {
namespace {

double triangle(double x) {
  x = std::abs(x);
  return x < 1 ? 1 - x : 0;
}

double catmull_rom(double x) {
  constexpr double kSlope = -0.5;  // at 1
  x = std::abs(x);
  if (x < 1) return ((kSlope + 2) * x - (kSlope + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * kSlope;
  return 0;
}

double gaussian(double x) { return std::exp(-2 * x * x); }  // sigma 1/2

double sinc(double x) {
  if (x == 0) return 1;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos3(double x) { return -3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0; }

struct Kernel {
  double (*function)(double);
  double support;
};

Kernel kernel_of(ResampleFilter filter) {
  switch (filter) {
    case ResampleFilter::nearest:
    case ResampleFilter::bilinear: return {triangle, 1};
    case ResampleFilter::bicubic: return {catmull_rom, 2};
    case ResampleFilter::gaussian: return {gaussian, 3};
    case ResampleFilter::lanczos3: return {lanczos3, 3};
  }
  return {triangle, 1};
}

std::int32_t to_fixed(double weight) {
  return static_cast<std::int32_t>((weight < 0 ? -0.5 : 0.5) + weight * (1 << kWeightBits));
}

// Added up step by step as Pillow does: where a center falls between two pixels, rounding errors decide.
void pick_nearest(std::int32_t input, double scale, std::int32_t begin, std::int32_t count, AxisWeights& weights) {
  weights.taps = 1;
  weights.weights.assign(count, 1 << kWeightBits);
  double center = scale * 0.5;
  for (std::int32_t i = 0; i < begin + count; ++i, center += scale) {
    if (i >= begin) weights.first[i - begin] = std::clamp(static_cast<std::int32_t>(center), 0, input - 1);
  }
}

struct FilterName {
  std::string_view name;
  ResampleFilter filter;
};
constexpr std::array kFilterNames = {
    FilterName{"nearest", ResampleFilter::nearest},   FilterName{"bilinear", ResampleFilter::bilinear},
    FilterName{"triangle", ResampleFilter::bilinear}, FilterName{"linear", ResampleFilter::bilinear},
    FilterName{"bicubic", ResampleFilter::bicubic},   FilterName{"catmullrom", ResampleFilter::bicubic},
    FilterName{"cubic", ResampleFilter::bicubic},     FilterName{"gaussian", ResampleFilter::gaussian},
    FilterName{"lanczos3", ResampleFilter::lanczos3}, FilterName{"lanczos", ResampleFilter::lanczos3},
};

}  // namespace

std::optional<ResampleFilter> parse_resample_filter(std::string_view name) {
  const auto* found = std::ranges::find(kFilterNames, to_lower(name), &FilterName::name);
  if (found == kFilterNames.end()) return std::nullopt;
  return found->filter;
}

void make_weights(std::int32_t input, std::int32_t output, std::int32_t begin, std::int32_t count,
                  Resampling resampling, AxisWeights& weights) {
  weights.first.resize(count);
  const double scale = static_cast<double>(input) / output;
  if (resampling.filter == ResampleFilter::nearest) return pick_nearest(input, scale, begin, count, weights);
  const double filter_scale = resampling.antialias ? std::max(scale, 1.0) : 1.0;
  const Kernel kernel = kernel_of(resampling.filter);
  const double support = kernel.support * filter_scale;
  const auto bounds = [&](double center) {
    return std::pair(std::max(static_cast<std::int32_t>(center - support + 0.5), 0),
                     std::min(static_cast<std::int32_t>(center + support + 0.5), input));
  };
  std::int32_t taps = 0;
  for (std::int32_t i = begin; i < begin + count; ++i) {
    const auto [first, end] = bounds((i + 0.5) * scale);
    taps = std::max(taps, end - first);
  }
  weights.taps = taps;
  weights.weights.assign(std::size_t{1} * count * taps, 0);
  for (std::int32_t i = begin; i < begin + count; ++i) {
    const double center = (i + 0.5) * scale;
    const auto [first, end] = bounds(center);
    const auto value = [&](std::int32_t x) { return kernel.function((x - center + 0.5) * (1.0 / filter_scale)); };
    double sum = 0;
    for (std::int32_t x = first; x < end; ++x) sum += value(x);
    const std::int32_t start = std::min(first, input - taps);
    std::int32_t* const weight = &weights.weights[std::size_t{1} * (i - begin) * taps];
    for (std::int32_t x = first; x < end; ++x) weight[x - start] = to_fixed(sum == 0 ? 0 : value(x) / sum);
    weights.first[i - begin] = start;
  }
}

}  // namespace eidetic
