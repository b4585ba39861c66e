// How FAISS keeps vectors, and what is left of them.
//
// Pure functions: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "eidetic/space.h"

#include "index/faiss_input.h"

namespace eidetic::faiss {

// How the bytes of one vector are decoded.
struct Codec {
  enum class Kind { floats, halves, product, bytes };
  Kind kind = Kind::floats;
  std::uint32_t dimensions = 0;
  std::uint64_t code_bytes = 0;  // of one vector
  // product: centroids, subquantizers x 2^bits x (dimensions / subquantizers); bytes: least values, then ranges
  std::vector<float> table = {};
  std::uint32_t subquantizers = 0;
  std::uint32_t bits = 0;  // of a subquantizer's code
};

// What was done to vectors before they were stored, as it is undone: x = matrix^T (y - before) + after; an empty part
// is left out.
struct Transform {
  std::uint32_t from = 0, to = 0;  // dimensions given and stored
  std::vector<float> matrix = {};  // to x from, orthonormal rows
  std::vector<float> before = {};  // `to` values
  std::vector<float> after = {};   // `from` values
};

// Adds the vector that `code` stands for. Of code_bytes, checked before; any values.
void add_decoded(const Codec& codec, Bytes code, std::span<float> out);
[[nodiscard]] Vector undo(const Transform& step, Vector stored);
// Only then can a matrix be undone. By FAISS's own test and bound (LinearTransform::set_is_orthonormal).
[[nodiscard]] bool has_orthonormal_rows(const Transform& step);

}  // namespace eidetic::faiss
