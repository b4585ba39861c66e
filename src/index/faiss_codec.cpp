#include "index/faiss_codec.h"

#include <cmath>
#include <cstring>
#include <utility>

#include "index/vector_math.h"

namespace eidetic::faiss {
namespace {

// Codes of a few bits each, the lowest bits of each byte first.
std::uint32_t take_bits(Bytes code, std::uint64_t offset, std::uint32_t count) {
  std::uint32_t value = 0;
  for (std::uint32_t taken = 0; taken < count;) {
    const auto bit = static_cast<std::uint32_t>((offset + taken) % 8);
    value |= (std::to_integer<std::uint32_t>(code[(offset + taken) / 8]) >> bit) << taken;
    taken += 8 - bit;
  }
  return value & ((1U << count) - 1);
}

}  // namespace

void add_decoded(const Codec& codec, Bytes code, std::span<float> out) {
  switch (codec.kind) {
    case Codec::Kind::floats:
      for (std::size_t i = 0; i < out.size(); ++i) {
        float value = 0;
        std::memcpy(&value, code.data() + i * sizeof(value), sizeof(value));
        out[i] += value;
      }
      break;
    case Codec::Kind::halves:
      for (std::size_t i = 0; i < out.size(); ++i) {
        _Float16 value = 0;
        std::memcpy(&value, code.data() + i * sizeof(value), sizeof(value));
        out[i] += static_cast<float>(value);
      }
      break;
    case Codec::Kind::bytes:
      for (std::size_t i = 0; i < out.size(); ++i) {
        const float step = (static_cast<float>(std::to_integer<int>(code[i])) + 0.5F) / 255.0F;
        out[i] += codec.table[i] + step * codec.table[codec.dimensions + i];
      }
      break;
    case Codec::Kind::product: {
      const std::size_t width = codec.dimensions / codec.subquantizers;
      for (std::size_t m = 0; m < codec.subquantizers; ++m) {
        const std::size_t centroid = (m << codec.bits) + take_bits(code, m * codec.bits, codec.bits);
        for (std::size_t i = 0; i < width; ++i) out[m * width + i] += codec.table[centroid * width + i];
      }
      break;
    }
  }
}

Vector undo(const Transform& step, Vector stored) {
  for (std::size_t i = 0; i < step.before.size(); ++i) stored[i] -= step.before[i];
  if (!step.matrix.empty()) {
    Vector given(step.from);
    for (std::size_t i = 0; i < step.to; ++i) {
      const float* const row = step.matrix.data() + i * step.from;
      for (std::size_t j = 0; j < step.from; ++j) given[j] += stored[i] * row[j];
    }
    stored = std::move(given);
  }
  for (std::size_t i = 0; i < step.after.size(); ++i) stored[i] += step.after[i];
  return stored;
}

bool has_orthonormal_rows(const Transform& step) {
  constexpr double kTolerance = 4e-5;
  if (step.to > step.from) return false;
  const auto row = [&](std::size_t i) { return std::span(step.matrix).subspan(i * step.from, step.from); };
  for (std::size_t i = 0; i < step.to; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const double expected = i == j ? 1 : 0;
      if (!(std::abs(dot_product(row(i), row(j)) - expected) <= kTolerance)) return false;
    }
  }
  return true;
}

}  // namespace eidetic::faiss
