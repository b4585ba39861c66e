// The inner loops of resampling and normalising, compiled for the baseline processor and for AVX2 and chosen when first
// called. One source for all: fixed-size vectors and plain loops, inlined into a function per processor.
#include <cstring>

#include "image/resample.h"

namespace eidetic {
namespace {

constexpr std::int32_t kHalf = 1 << (kWeightBits - 1);

// Vectors wider than the baseline's registers are never passed by a call: everything that takes them is inlined.
#pragma clang diagnostic ignored "-Wpsabi"
#define EIDETIC_INLINE [[gnu::always_inline]] inline

using Int8 = std::int32_t __attribute__((ext_vector_type(8)));
using Byte8 = std::uint8_t __attribute__((ext_vector_type(8)));

// One pixel of two rows, four bytes each: the fourth belongs to the next pixel and is never looked at.
EIDETIC_INLINE Int8 load_pixels(const std::uint8_t* a, const std::uint8_t* b) {
  Byte8 bytes;
  std::memcpy(&bytes, a, 4);
  std::memcpy(reinterpret_cast<char*>(&bytes) + 4, b, 4);
  return __builtin_convertvector(bytes, Int8);
}

// The fourth byte is overwritten by the next pixel of the row.
EIDETIC_INLINE void store_pixels(Int8 sums, std::uint8_t* a, std::uint8_t* b) {
  const Int8 clipped = __builtin_elementwise_min(__builtin_elementwise_max(sums >> kWeightBits, Int8(0)), Int8(255));
  const Byte8 bytes = __builtin_convertvector(clipped, Byte8);
  std::memcpy(a, &bytes, 4);
  std::memcpy(b, reinterpret_cast<const char*>(&bytes) + 4, 4);
}

EIDETIC_INLINE void rows(const std::array<const std::uint8_t*, kRowGroup>& in, const AxisWeights& weights,
                         const std::array<std::uint8_t*, kRowGroup>& out) {
  const std::int32_t* weight = weights.weights.data();
  const std::size_t size = weights.size();
  for (std::size_t x = 0; x < size; ++x) {
    std::size_t at = std::size_t{3} * weights.first[x];
    const std::uint32_t taps = weights.start[x + 1] - weights.start[x];
    Int8 upper = Int8(kHalf);
    Int8 lower = Int8(kHalf);
    for (std::uint32_t t = 0; t < taps; ++t, ++weight, at += 3) {
      upper += load_pixels(in[0] + at, in[1] + at) * *weight;
      lower += load_pixels(in[2] + at, in[3] + at) * *weight;
    }
    store_pixels(upper, out[0] + 3 * x, out[1] + 3 * x);
    store_pixels(lower, out[2] + 3 * x, out[3] + 3 * x);
  }
}

constexpr std::size_t kBlock = 32;

template <std::size_t kBytes>
EIDETIC_INLINE void column_block(const std::uint8_t* in, std::size_t stride, const std::int32_t* weights,
                                 std::size_t taps, std::uint8_t* out) {
  std::int32_t sums[kBytes];
  for (std::int32_t& sum : sums) sum = kHalf;
  for (std::size_t t = 0; t < taps; ++t) {
    const std::uint8_t* row = in + t * stride;
    for (std::size_t i = 0; i < kBytes; ++i) sums[i] += row[i] * weights[t];
  }
  for (std::size_t i = 0; i < kBytes; ++i) {
    const std::int32_t value = sums[i] >> kWeightBits;
    out[i] = static_cast<std::uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
  }
}

EIDETIC_INLINE void columns(const std::uint8_t* in, std::size_t stride, const std::int32_t* weights, std::size_t taps,
                            std::size_t bytes, std::uint8_t* out) {
  std::size_t i = 0;
  for (; i + kBlock <= bytes; i += kBlock) column_block<kBlock>(in + i, stride, weights, taps, out + i);
  for (; i < bytes; ++i) column_block<1>(in + i, stride, weights, taps, out + i);
}

EIDETIC_INLINE void planes(const std::uint8_t* in, std::size_t width, const ToFloat& map,
                           const std::array<float*, 3>& out) {
  float* __restrict const r = out[map.bgr ? 2 : 0];
  float* __restrict const g = out[1];
  float* __restrict const b = out[map.bgr ? 0 : 2];
  const std::size_t first = map.bgr ? 2 : 0;
  const float scale[3] = {map.scale[first], map.scale[1], map.scale[2 - first]};
  const float offset[3] = {map.offset[first], map.offset[1], map.offset[2 - first]};
  for (std::size_t x = 0; x < width; ++x) {
    r[x] = static_cast<float>(in[3 * x]) * scale[0] + offset[0];
    g[x] = static_cast<float>(in[3 * x + 1]) * scale[1] + offset[1];
    b[x] = static_cast<float>(in[3 * x + 2]) * scale[2] + offset[2];
  }
}

struct Kernels {
  decltype(&resample_rows) rows;
  decltype(&resample_columns) columns;
  decltype(&row_to_planes) planes;
};

#define EIDETIC_KERNELS(suffix, target)                                                                       \
  target void rows_##suffix(const std::array<const std::uint8_t*, kRowGroup>& in, const AxisWeights& weights, \
                            const std::array<std::uint8_t*, kRowGroup>& out) {                                \
    rows(in, weights, out);                                                                                   \
  }                                                                                                           \
  target void columns_##suffix(const std::uint8_t* in, std::size_t stride, const std::int32_t* weights,       \
                               std::size_t taps, std::size_t bytes, std::uint8_t* out) {                      \
    columns(in, stride, weights, taps, bytes, out);                                                           \
  }                                                                                                           \
  target void planes_##suffix(const std::uint8_t* in, std::size_t width, const ToFloat& map,                  \
                              const std::array<float*, 3>& out) {                                             \
    planes(in, width, map, out);                                                                              \
  }                                                                                                           \
  constexpr Kernels kKernels_##suffix = {rows_##suffix, columns_##suffix, planes_##suffix}

EIDETIC_KERNELS(baseline, );
#ifdef __x86_64__
EIDETIC_KERNELS(avx2, [[gnu::target("avx2,fma")]]);
#endif

const Kernels& kernels() {
#ifdef __x86_64__
  static const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2) return kKernels_avx2;
#endif
  return kKernels_baseline;
}

}  // namespace

void resample_rows(const std::array<const std::uint8_t*, kRowGroup>& in, const AxisWeights& weights,
                   const std::array<std::uint8_t*, kRowGroup>& out) {
  kernels().rows(in, weights, out);
}

void resample_columns(const std::uint8_t* in, std::size_t stride, const std::int32_t* weights, std::size_t taps,
                      std::size_t bytes, std::uint8_t* out) {
  kernels().columns(in, stride, weights, taps, bytes, out);
}

void row_to_planes(const std::uint8_t* in, std::size_t width, const ToFloat& map, const std::array<float*, 3>& planes) {
  kernels().planes(in, width, map, planes);
}

void row_to_interleaved(const std::uint8_t* in, std::size_t width, const ToFloat& map, float* out) {
  const std::size_t first = map.bgr ? 2 : 0;
  for (std::size_t x = 0; x < width; ++x, in += 3, out += 3) {
    out[0] = static_cast<float>(in[first]) * map.scale[0] + map.offset[0];
    out[1] = static_cast<float>(in[1]) * map.scale[1] + map.offset[1];
    out[2] = static_cast<float>(in[2 - first]) * map.scale[2] + map.offset[2];
  }
}

}  // namespace eidetic
