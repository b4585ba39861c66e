#include "learn/head.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include "base/threads.h"

namespace eidetic {
namespace {

constexpr std::size_t kBlockRows = 256;  // rows computed at once: with their scores, within the caches
constexpr std::size_t kMostShares = 16;

// A dense layer within the parameters.
template <typename Value>
struct Layer {
  std::size_t inputs, outputs;
  std::span<Value> weights, biases;
};

template <typename Value>
struct Layers {
  Layer<Value> between;  // of no outputs where there is none
  Layer<Value> last;
};

template <typename Value>
Layer<Value> take_layer(std::span<Value>& rest, std::size_t inputs, std::size_t outputs) {
  const Layer<Value> layer{.inputs = inputs,
                           .outputs = outputs,
                           .weights = rest.first(inputs * outputs),
                           .biases = rest.subspan(inputs * outputs, outputs)};
  rest = rest.subspan((inputs + 1) * outputs);
  return layer;
}

template <typename Value>
Layers<Value> layers_of(const HeadShape& shape, std::span<Value> parameters) {
  const auto between = take_layer(parameters, shape.inputs, shape.hidden);
  return {.between = between, .last = take_layer(parameters, shape.last(), shape.classes)};
}

MatrixView part_of(MatrixView rows, std::size_t first, std::size_t count) {
  return {rows.values.subspan(first * rows.columns, count * rows.columns), rows.columns};
}

Matrix apply(const Layer<const float>& layer, MatrixView rows) {
  Matrix out(rows.rows(), layer.outputs);
  products(rows, {layer.weights, layer.inputs}, out.values());
  for (std::size_t row = 0; row < out.rows(); ++row) {
    const auto values = out[row];
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += layer.biases[i];
  }
  return out;
}

void keep_positive(std::span<float> values) {
  for (float& value : values) value = std::max(value, 0.F);
}

Matrix transposed(MatrixView rows) {
  constexpr std::size_t kTile = 16;
  const std::size_t height = rows.rows();
  const std::size_t width = rows.columns;
  Matrix out(width, height);
  for (std::size_t top = 0; top < height; top += kTile) {
    for (std::size_t left = 0; left < width; left += kTile) {
      for (std::size_t j = left; j < std::min(left + kTile, width); ++j) {
        for (std::size_t i = top; i < std::min(top + kTile, height); ++i) {
          out.values()[j * height + i] = rows.values[i * width + j];
        }
      }
    }
  }
  return out;
}

// Adds what `errors` at a layer's outputs (rows x outputs) say of its parameters.
void add_gradient(MatrixView errors, MatrixView inputs, const Layer<float>& sums) {
  std::vector<float> part(sums.weights.size());
  products(transposed(errors), transposed(inputs), part);
  for (std::size_t i = 0; i < part.size(); ++i) sums.weights[i] += part[i];
  for (std::size_t row = 0; row < errors.rows(); ++row) {
    for (std::size_t i = 0; i < sums.outputs; ++i) sums.biases[i] += errors[row][i];
  }
}

// Turns scores into the loss's derivatives by them, each divided by `rows`; the sum of the cross-entropies.
double to_errors(Matrix& scores, std::span<const std::uint32_t> classes, std::size_t rows) {
  double loss = 0;
  const float share = 1 / static_cast<float>(rows);
  for (std::size_t row = 0; row < scores.rows(); ++row) {
    const auto values = scores[row];
    const double score = values[classes[row]];
    loss += to_probabilities(values, 1) - score;
    values[classes[row]] -= 1;
    for (float& value : values) value *= share;
  }
  return loss;
}

double squares(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * value;
  return sum;
}

double add_decay(double decay, std::span<const float> weights, std::span<float> gradient) {
  const auto factor = static_cast<float>(decay);
  for (std::size_t i = 0; i < weights.size(); ++i) gradient[i] += factor * weights[i];
  return decay / 2 * squares(weights);
}

// One block of rows: its part of the loss, and its gradient added to `sums`.
double add_block(const HeadLoss& of, const Layers<const float>& layers, const Layers<float>& sums, std::size_t first,
                 std::size_t count) {
  const MatrixView rows = part_of(of.rows, first, count);
  const auto classes = of.classes.subspan(first, count);
  if (of.shape.hidden == 0) {
    Matrix errors = apply(layers.last, rows);
    const double loss = to_errors(errors, classes, of.rows.rows());
    add_gradient(errors, rows, sums.last);
    return loss;
  }
  Matrix between = apply(layers.between, rows);
  keep_positive(between.values());
  Matrix errors = apply(layers.last, between);
  const double loss = to_errors(errors, classes, of.rows.rows());
  add_gradient(errors, between, sums.last);
  Matrix back(count, of.shape.hidden);
  products(errors, transposed({layers.last.weights, layers.last.inputs}), back.values());
  for (std::size_t i = 0; i < back.values().size(); ++i) {
    if (between.values()[i] <= 0) back.values()[i] = 0;
  }
  add_gradient(back, rows, sums.between);
  return loss;
}

}  // namespace

double to_probabilities(std::span<float> scores, double temperature) noexcept {
  const float largest = *std::ranges::max_element(scores);
  const auto factor = static_cast<float>(1 / temperature);
  double sum = 0;
  for (float& score : scores) {
    score = std::exp((score - largest) * factor);
    sum += score;
  }
  const auto share = static_cast<float>(1 / sum);
  for (float& score : scores) score *= share;
  return std::log(sum) + largest / temperature;
}

Matrix head_scores(const HeadShape& shape, std::span<const float> parameters, MatrixView rows) {
  const auto layers = layers_of(shape, parameters);
  if (shape.hidden == 0) return apply(layers.last, rows);
  Matrix between = apply(layers.between, rows);
  keep_positive(between.values());
  return apply(layers.last, between);
}

std::vector<float> fresh_parameters(const HeadShape& shape, std::uint64_t seed) {
  std::vector<float> parameters(shape.parameters());
  if (shape.hidden == 0) return parameters;
  std::mt19937_64 random(seed);
  const auto layers = layers_of(shape, std::span(parameters));
  for (const auto& layer : {layers.between, layers.last}) {
    const double spread = std::sqrt(6.0 / static_cast<double>(layer.inputs));
    for (float& weight : layer.weights) {
      weight = static_cast<float>(spread * (std::ldexp(static_cast<double>(random() >> 11U), -52) - 1));
    }
  }
  return parameters;
}

double HeadLoss::at(std::span<const float> parameters, std::span<float> gradient) const {
  const std::size_t count = rows.rows();
  // As many shares as the rows make, not as there are threads: sums come out the same on any number.
  const std::size_t shares = std::clamp<std::size_t>(count / kBlockRows, 1, kMostShares);
  const auto layers = layers_of(shape, parameters);
  std::vector<double> losses(shares);
  std::vector<std::vector<float>> gradients(shares);
  const auto work = [&](std::size_t share) {
    gradients[share].resize(parameters.size());
    const auto sums = layers_of(shape, std::span(gradients[share]));
    const std::size_t end = count * (share + 1) / shares;
    for (std::size_t first = count * share / shares; first < end; first += kBlockRows) {
      if (stop != nullptr && *stop) return;
      losses[share] += add_block(*this, layers, sums, first, std::min(kBlockRows, end - first));
    }
  };
  if (pool != nullptr && shares > 1) {
    pool->parallel_for(shares, work);
  } else {
    for (std::size_t share = 0; share < shares; ++share) work(share);
  }
  std::ranges::fill(gradient, 0.F);
  double loss = 0;
  for (std::size_t share = 0; share < shares; ++share) {
    loss += losses[share];
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] += gradients[share][i];
  }
  const auto sums = layers_of(shape, gradient);
  return loss / static_cast<double>(count) + add_decay(decay, layers.between.weights, sums.between.weights) +
         add_decay(decay, layers.last.weights, sums.last.weights);
}

}  // namespace eidetic
