#include "learn/temperature.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "learn/head.h"

namespace eidetic {
namespace {

// Cross-entropy where the truth has all but `doubt`, which the other classes share.
double cross_entropy_with_doubt(MatrixView scores, std::span<const std::uint32_t> classes, double temperature,
                                double doubt) {
  if (scores.rows() == 0) return 0;
  double sum = 0;
  const auto others = static_cast<double>(std::max<std::size_t>(scores.columns - 1, 1));
  for (std::size_t row = 0; row < scores.rows(); ++row) {
    const auto values = scores[row];
    const double largest = *std::ranges::max_element(values);
    double exponentials = 0;
    double rest = 0;
    for (const float value : values) {
      exponentials += std::exp((value - largest) / temperature);
      rest += value;
    }
    const double truth = values[classes[row]];
    rest = (rest - truth) / others;
    sum += std::log(exponentials) + (largest - (1 - doubt) * truth - doubt * rest) / temperature;
  }
  return sum / static_cast<double>(scores.rows());
}

}  // namespace

double cross_entropy(MatrixView scores, std::span<const std::uint32_t> classes, double temperature) {
  return cross_entropy_with_doubt(scores, classes, temperature, 0);
}

double fit_temperature(MatrixView scores, std::span<const std::uint32_t> classes) {
  if (scores.rows() == 0) return 1;
  const double doubt = 1 / (static_cast<double>(scores.rows()) + 2);
  // Convex in 1 / temperature, so with one valley in its logarithm: golden section.
  constexpr double kGolden = 0.6180339887498949;
  constexpr int kSteps = 40;
  double low = std::log(kMinTemperature);
  double high = std::log(kMaxTemperature);
  const auto value = [&](double logarithm) {
    return cross_entropy_with_doubt(scores, classes, std::exp(logarithm), doubt);
  };
  double left = high - kGolden * (high - low);
  double right = low + kGolden * (high - low);
  double at_left = value(left);
  double at_right = value(right);
  for (int i = 0; i < kSteps && high - low > 1e-4; ++i) {
    if (at_left <= at_right) {
      high = right;
      right = left;
      at_right = at_left;
      left = high - kGolden * (high - low);
      at_left = value(left);
    } else {
      low = left;
      left = right;
      at_left = at_right;
      right = low + kGolden * (high - low);
      at_right = value(right);
    }
  }
  return std::exp((low + high) / 2);
}

double expected_calibration_error(MatrixView scores, std::span<const std::uint32_t> classes, double temperature) {
  constexpr std::size_t kBins = 15;
  struct Bin {
    double confidence = 0, correct = 0;
  };
  std::array<Bin, kBins> bins;
  std::vector<float> shares(scores.columns);
  for (std::size_t row = 0; row < scores.rows(); ++row) {
    std::ranges::copy(scores[row], shares.begin());
    (void)to_probabilities(shares, temperature);
    const auto best = std::ranges::max_element(shares);
    const double confidence = *best;
    const auto place = static_cast<std::size_t>(confidence * kBins);
    Bin& bin = bins[std::min(place, kBins - 1)];
    bin.confidence += confidence;
    bin.correct += best - shares.begin() == classes[row] ? 1 : 0;
  }
  double error = 0;
  for (const Bin& bin : bins) error += std::abs(bin.confidence - bin.correct);
  return scores.rows() == 0 ? 0 : error / static_cast<double>(scores.rows());
}

}  // namespace eidetic
