// What makes two vectors comparable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

using Vector = std::vector<float>;

// How nearness is measured. For query q and stored x:
//   cosine     similarity = q.x / (|q||x|)        distance = 1 - similarity
//   dot        similarity = q.x                   distance = 1 - similarity
//   euclidean  distance = |q - x|                 similarity = 1 / (1 + distance)
// Similarity: larger is nearer, 1 for the same vector (under `dot` only if it has unit length). Distance: smaller is
// nearer.
enum class Metric { cosine, dot, euclidean };

[[nodiscard]] std::string_view to_string(Metric metric) noexcept;
// "cosine", "dot" or "euclidean"; anything else: invalid_argument listing the three.
[[nodiscard]] Result<Metric> parse_metric(std::string_view name);

// The arithmetic a model runs in. It moves vectors, so it is part of the space.
enum class Precision { f32, bf16 };

[[nodiscard]] std::string_view to_string(Precision precision) noexcept;

// The identity of a vector space, stamped into every collection. Vectors of two spaces are never compared.
struct Space {
  std::string model;  // bundle name, for people; not compared
  std::string hash;   // SHA-256 (hex) over the model file and the bundle fields that change vectors
  std::uint32_t dimensions = 0;
  Metric metric = Metric::cosine;
  Precision precision = Precision::f32;

  // Same vectors: hash, dimensions, metric and precision agree.
  [[nodiscard]] bool matches(const Space& other) const noexcept;
  // "default (256 dimensions, cosine, f32, 3fb2c1…)", for messages.
  [[nodiscard]] std::string describe() const;
};

}  // namespace eidetic
