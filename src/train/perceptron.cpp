#include "train/perceptron.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "base/threads.h"

namespace eidetic {
namespace {

constexpr std::size_t kBlock = 64;  // outputs, or inputs, that one thread works on

// Its columns as rows.
Matrix transposed(MatrixView matrix) {
  Matrix columns(matrix.columns, matrix.rows());
  for (std::size_t row = 0; row < matrix.rows(); ++row) {
    for (std::size_t i = 0; i < matrix.columns; ++i) columns[i][row] = matrix[row][i];
  }
  return columns;
}

// Of a whole row each.
MatrixView rows_of(MatrixView matrix, std::size_t first, std::size_t last) {
  return {matrix.values.subspan(first * matrix.columns, (last - first) * matrix.columns), matrix.columns};
}

Matrix rectified(MatrixView rows) {
  Matrix positive(rows.rows(), rows.columns);
  std::ranges::transform(rows.values, positive.values().begin(), [](float value) { return std::max(value, 0.F); });
  return positive;
}

}  // namespace

std::size_t PerceptronShape::place_of(std::size_t layer) const noexcept {
  std::size_t place = 0;
  for (std::size_t i = 0; i < layer; ++i) place += layers[i] * (inputs_of(i) + 1);
  return place;
}

std::vector<float> fresh_parameters(const PerceptronShape& shape, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<float> parameters(shape.parameters());
  for (std::size_t layer = 0; layer < shape.layers.size(); ++layer) {
    const float bound = 1 / std::sqrt(static_cast<float>(shape.inputs_of(layer)));
    std::uniform_real_distribution<float> spread(-bound, bound);
    for (std::size_t i = shape.place_of(layer); i < shape.place_of(layer + 1); ++i) parameters[i] = spread(random);
  }
  return parameters;
}

void Perceptron::spread(std::size_t count, const std::function<void(std::size_t first, std::size_t last)>& work) const {
  const auto block = [&](std::size_t i) { work(i * kBlock, std::min(count, (i + 1) * kBlock)); };
  const std::size_t blocks = (count + kBlock - 1) / kBlock;
  if (pool_ != nullptr) return pool_->parallel_for(blocks, block);
  for (std::size_t i = 0; i < blocks; ++i) block(i);
}

const Matrix& Perceptron::forward(std::span<const float> parameters, MatrixView rows) {
  rectified_.clear();
  for (std::size_t layer = 0; layer < shape_.layers.size(); ++layer) {
    const Matrix& given = rectified_.emplace_back(rectified(layer == 0 ? rows : MatrixView(output_)));
    const std::size_t inputs = shape_.inputs_of(layer);
    const std::size_t outputs = shape_.layers[layer];
    const MatrixView weights(parameters.subspan(shape_.place_of(layer), outputs * inputs), inputs);
    const auto biases = parameters.subspan(shape_.place_of(layer) + outputs * inputs, outputs);
    // Weights are far more than rows: it is the rows that are turned.
    const Matrix columns = transposed(given);
    Matrix output(rows.rows(), outputs);
    spread(outputs, [&](std::size_t first, std::size_t last) {
      Matrix part(last - first, rows.rows());
      multiply(rows_of(weights, first, last), columns, part.values());
      for (std::size_t row = 0; row < rows.rows(); ++row) {
        for (std::size_t i = first; i < last; ++i) output[row][i] = part[i - first][row] + biases[i];
      }
    });
    output_ = std::move(output);
  }
  return output_;
}

void Perceptron::backward(std::span<const float> parameters, Matrix by_output, std::span<float> gradient) {
  for (std::size_t layer = shape_.layers.size(); layer-- > 0;) {
    const Matrix& given = rectified_[layer];
    const std::size_t inputs = shape_.inputs_of(layer);
    const std::size_t outputs = shape_.layers[layer];
    const std::size_t place = shape_.place_of(layer);
    const Matrix errors = transposed(by_output);
    spread(outputs, [&](std::size_t first, std::size_t last) {
      multiply(rows_of(errors, first, last), given, gradient.subspan(place + first * inputs, (last - first) * inputs));
      for (std::size_t i = first; i < last; ++i) {
        float sum = 0;
        for (const float error : errors[i]) sum += error;
        gradient[place + outputs * inputs + i] = sum;
      }
    });
    if (layer == 0) return;
    const MatrixView weights(parameters.subspan(place, outputs * inputs), inputs);
    Matrix by_input(given.rows(), inputs);
    spread(inputs, [&](std::size_t first, std::size_t last) {
      Matrix part(given.rows(), last - first);
      multiply(by_output, weights, first, last, part.values());
      for (std::size_t row = 0; row < given.rows(); ++row) {
        for (std::size_t i = first; i < last; ++i) by_input[row][i] = given[row][i] > 0 ? part[row][i - first] : 0;
      }
    });
    by_output = std::move(by_input);
  }
}

}  // namespace eidetic
