// The layers that are learnt on top of a frozen trunk: each a ReLU, then a dense layer. So the first looks at what is
// positive of the trunk's features, and the last is linear.
// Thread rule: pure; any thread. The same bits on any number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "index/matrix.h"

namespace eidetic {

class ThreadPool;

struct PerceptronShape {
  std::size_t inputs = 0;
  std::vector<std::size_t> layers;  // their outputs, at least one

  [[nodiscard]] std::size_t outputs() const noexcept { return layers.back(); }
  [[nodiscard]] std::size_t inputs_of(std::size_t layer) const noexcept {
    return layer == 0 ? inputs : layers[layer - 1];
  }
  // Where a layer's parameters begin: weights (outputs x inputs), then biases.
  [[nodiscard]] std::size_t place_of(std::size_t layer) const noexcept;
  [[nodiscard]] std::size_t parameters() const noexcept { return place_of(layers.size()); }
};

// Uniform within 1 / sqrt(inputs of the layer), weights and biases, as PyTorch's nn.Linear begins.
[[nodiscard]] std::vector<float> fresh_parameters(const PerceptronShape& shape, std::uint64_t seed);

class Perceptron {
 public:
  // `pool` may be null: on the calling thread.
  Perceptron(PerceptronShape shape, ThreadPool* pool) : shape_(std::move(shape)), pool_(pool) {}

  [[nodiscard]] const PerceptronShape& shape() const noexcept { return shape_; }
  // rows x outputs. Keeps what backward needs.
  [[nodiscard]] const Matrix& forward(std::span<const float> parameters, MatrixView rows);
  // Of the rows of the last forward: `by_output` (rows x outputs) to the gradient by all parameters, which it replaces.
  void backward(std::span<const float> parameters, Matrix by_output, std::span<float> gradient);

 private:
  void spread(std::size_t count, const std::function<void(std::size_t first, std::size_t last)>& work) const;

  PerceptronShape shape_;
  ThreadPool* pool_;
  std::vector<Matrix> rectified_;  // what each layer was given, after its ReLU
  Matrix output_;
};

}  // namespace eidetic
