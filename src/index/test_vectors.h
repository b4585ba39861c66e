// For tests and benchmarks: vectors made from a seed.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace eidetic {

class TestVectors {
 public:
  TestVectors(std::size_t count, std::size_t dimensions) : dimensions_(dimensions), values_(count * dimensions) {}

  [[nodiscard]] std::size_t size() const { return values_.size() / dimensions_; }
  [[nodiscard]] std::span<const float> operator[](std::size_t i) const {
    return std::span(values_).subspan(i * dimensions_, dimensions_);
  }
  [[nodiscard]] std::span<float> operator[](std::size_t i) {
    return std::span(values_).subspan(i * dimensions_, dimensions_);
  }

 private:
  std::size_t dimensions_;
  std::vector<float> values_;
};

// Independent normal components.
inline TestVectors random_vectors(std::size_t count, std::size_t dimensions, std::uint64_t seed) {
  TestVectors vectors(count, dimensions);
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  for (std::size_t i = 0; i < count; ++i) {
    for (float& value : vectors[i]) value = normal(random);
  }
  return vectors;
}

// Around `centers` centres, with noise as wide as the centres are apart: what collections of pictures look like.
inline TestVectors clustered_vectors(std::size_t count, std::size_t dimensions, std::size_t centers,
                                     std::uint64_t seed) {
  const TestVectors middle = random_vectors(centers, dimensions, seed);
  TestVectors vectors = random_vectors(count, dimensions, seed + 1);
  std::mt19937_64 random(seed + 2);
  for (std::size_t i = 0; i < count; ++i) {
    const auto center = middle[random() % centers];
    for (std::size_t j = 0; j < dimensions; ++j) vectors[i][j] += center[j];
  }
  return vectors;
}

}  // namespace eidetic
