// Confidences that mean what they say: of answers given with 0.8, eight in ten are right (Guo, Pleiss, Sun, Weinberger
// 2017, "On Calibration of Modern Neural Networks"). Pure functions: any thread.
#pragma once

#include <cstdint>
#include <span>

#include "index/matrix.h"

namespace eidetic {

inline constexpr double kMinTemperature = 0.01;
inline constexpr double kMaxTemperature = 100;

// The temperature, within the bounds above, at which softmax(scores / temperature) has the least cross-entropy; 1 where
// there are no rows. As if one more row had been answered wrongly (Platt 1999), so that a few rows without a mistake do
// not make it sure of everything. `scores` are of rows that nothing was learnt from, `classes` the truth.
[[nodiscard]] double fit_temperature(MatrixView scores, std::span<const std::uint32_t> classes);

// Mean cross-entropy at a temperature.
[[nodiscard]] double cross_entropy(MatrixView scores, std::span<const std::uint32_t> classes, double temperature);

// How far confidence and accuracy are apart: in 15 bins of confidence, weighted by their answers. 0 to 1; 0 for none.
[[nodiscard]] double expected_calibration_error(MatrixView scores, std::span<const std::uint32_t> classes,
                                                double temperature);

}  // namespace eidetic
