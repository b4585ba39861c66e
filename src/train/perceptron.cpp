#include "train/perceptron.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "base/threads.h"

namespace eidetic {
namespace {

constexpr std::size_t kBlock = 64;  // outputs, or inputs, that one thread works on

// The columns [first, last) of `matrix` as rows.
Matrix columns_of(MatrixView matrix, std::size_t first, std::size_t last) {
  Matrix columns(last - first, matrix.rows());
  for (std::size_t row = 0; row < matrix.rows(); ++row) {
    for (std::size_t i = first; i < last; ++i) columns[i - first][row] = matrix[row][i];
  }
  return columns;
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
    const auto weights = parameters.subspan(shape_.place_of(layer), outputs * inputs);
    const auto biases = parameters.subspan(shape_.place_of(layer) + outputs * inputs, outputs);
    Matrix output(rows.rows(), outputs);
    spread(outputs, [&](std::size_t first, std::size_t last) {
      std::vector<float> part(given.rows() * (last - first));
      products(given, {weights.subspan(first * inputs, (last - first) * inputs), inputs}, part);
      for (std::size_t row = 0; row < given.rows(); ++row) {
        for (std::size_t i = first; i < last; ++i) {
          output[row][i] = part[row * (last - first) + i - first] + biases[i];
        }
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
    const Matrix given_columns = columns_of(given, 0, inputs);
    spread(outputs, [&](std::size_t first, std::size_t last) {
      const Matrix errors = columns_of(by_output, first, last);
      products(errors, given_columns, gradient.subspan(place + first * inputs, (last - first) * inputs));
      for (std::size_t i = first; i < last; ++i) {
        const auto of = errors[i - first];
        float sum = 0;
        for (const float error : of) sum += error;
        gradient[place + outputs * inputs + i] = sum;
      }
    });
    if (layer == 0) return;
    const MatrixView weights(parameters.subspan(place, outputs * inputs), inputs);
    Matrix by_input(given.rows(), inputs);
    spread(inputs, [&](std::size_t first, std::size_t last) {
      std::vector<float> part(given.rows() * (last - first));
      products(by_output, columns_of(weights, first, last), part);
      for (std::size_t row = 0; row < given.rows(); ++row) {
        for (std::size_t i = first; i < last; ++i) {
          by_input[row][i] = given[row][i] > 0 ? part[row * (last - first) + i - first] : 0;
        }
      }
    });
    by_output = std::move(by_input);
  }
}

}  // namespace eidetic
