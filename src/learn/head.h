// The layers that turn a vector into a score a class: one dense layer, or two with ReLU between them. What is scored
// with and what is learnt are here; how it is learnt is in trainer.h.
//
// Thread rule: constant while it is used; any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "index/matrix.h"

namespace eidetic {

class ThreadPool;

struct HeadShape {
  std::size_t inputs = 0;
  std::size_t hidden = 0;  // width of the layer between; 0: none
  std::size_t classes = 0;

  // Inputs of the last layer.
  [[nodiscard]] std::size_t last() const noexcept { return hidden == 0 ? inputs : hidden; }
  [[nodiscard]] std::size_t parameters() const noexcept {
    return (hidden == 0 ? 0 : hidden * (inputs + 1)) + classes * (last() + 1);
  }
  friend bool operator==(const HeadShape&, const HeadShape&) = default;
};

// Parameters lie one after the other: of the layer between, weights (hidden x inputs) and biases; of the last, weights
// (classes x its inputs) and biases. `parameters` has shape.parameters() of them.
//
// Scores of each row (rows x classes). Rows are shape.inputs wide.
[[nodiscard]] Matrix head_scores(const HeadShape& shape, std::span<const float> parameters, MatrixView rows);

// What a head begins with: zeros without a layer between, where it does not matter; otherwise uniform weights of a
// spread that keeps the size of what goes through (He et al. 2015), drawn by the seed.
[[nodiscard]] std::vector<float> fresh_parameters(const HeadShape& shape, std::uint64_t seed);

// softmax of scores / temperature, in place, without overflow. The logarithm of their sum before.
double to_probabilities(std::span<float> scores, double temperature) noexcept;

struct HeadLoss {
  HeadShape shape;
  MatrixView rows;
  std::span<const std::uint32_t> classes;  // of each row
  double decay = 0;
  ThreadPool* pool = nullptr;               // null: on the calling thread
  const std::atomic<bool>* stop = nullptr;  // where set and true, the answer is any

  // Mean cross-entropy of the softmax, plus decay / 2 times the squares of all weights (not of the biases), and its
  // gradient. The same on any number of threads.
  [[nodiscard]] double at(std::span<const float> parameters, std::span<float> gradient) const;
};

}  // namespace eidetic
