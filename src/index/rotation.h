// A fixed random rotation of space. It keeps all products and distances, and spreads every vector evenly over its
// components, so that quantising loses the same little whatever a model's outputs look like. Immutable: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace eidetic {

class Rotation {
 public:
  explicit Rotation(std::uint32_t dimensions);

  // `dimensions` rounded up to a multiple of 64.
  [[nodiscard]] std::size_t padded() const noexcept { return padded_; }
  // `vector` has `dimensions` values, `rotated` padded(). Lengths and products agree within 1e-6 of the lengths.
  void apply(std::span<const float> vector, std::span<float> rotated) const;

 private:
  std::size_t padded_;
  std::size_t power_;         // the largest power of two that fits
  std::vector<float> signs_;  // kRounds x padded_
};

}  // namespace eidetic
