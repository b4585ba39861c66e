// Vectors in 7 bits a component, each with its own scale, and approximate distances between them: what a graph is
// walked by. Distances: minus the product, under euclidean the squared distance. Pure functions: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "eidetic/space.h"

#include "index/reads_beside_writes.h"
#include "index/simd.h"

namespace eidetic {

// A stored row: `padded` bytes of components (0 to 127, 64 is zero), then its ByteTerms.
struct ByteTerms {
  float scale = 0;
  float square = 0;           // |x|^2 under euclidean, otherwise 0
  std::int32_t code_sum = 0;  // of the components, less their zero point
};
[[nodiscard]] constexpr std::size_t byte_row_size(std::size_t padded) noexcept { return padded + sizeof(ByteTerms); }
[[nodiscard]] inline ByteTerms byte_terms(const std::uint8_t* row, std::size_t padded) noexcept {
  ByteTerms terms;
  std::memcpy(&terms, row + padded, sizeof(terms));
  return terms;
}

// `rotated` has `padded` components.
void encode_bytes(std::span<const float> rotated, Metric metric, std::uint8_t* row);

// The other side of a distance.
class ByteQuery {
 public:
  ByteQuery(std::size_t padded, Metric metric, Simd simd = best_simd());

  void set(std::span<const float> rotated);
  void set(const std::uint8_t* row);

  [[nodiscard]] float distance(const std::uint8_t* row) const noexcept {
    const ByteTerms terms = byte_terms(row, codes_.size());
    return terms.square + square_ +
           terms.scale * scale_ * static_cast<float>(product_(row, codes_.data(), codes_.size()) - offset_);
  }
  // The same of a row that may be being written: any number, then.
  [[nodiscard]] EIDETIC_READS_BESIDE_WRITES float distance_beside_writes(const std::uint8_t* row) const noexcept {
    ByteTerms terms;
    __builtin_memcpy_inline(&terms, row + codes_.size(), sizeof(terms));
    return terms.square + square_ +
           terms.scale * scale_ * static_cast<float>(product_(row, codes_.data(), codes_.size()) - offset_);
  }

 private:
  using Product = std::int32_t (*)(const std::uint8_t* row, const std::int8_t* query, std::size_t count);

  void finish(const ByteTerms& terms);

  Metric metric_;
  Product product_;
  std::vector<std::int8_t> codes_;
  std::int32_t offset_ = 0;  // what the rows' zero point adds to every product
  float scale_ = 0;          // with the metric's factor: -1, or -2 under euclidean
  float square_ = 0;
};

}  // namespace eidetic
