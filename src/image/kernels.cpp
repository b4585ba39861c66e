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

// kTaps: how many taps there are, where that is known when compiling; 0: weights.taps.
template <std::size_t kTaps>
EIDETIC_INLINE void rows_of(const std::array<const std::uint8_t*, kRowGroup>& in, const AxisWeights& weights,
                            const std::array<std::uint8_t*, kRowGroup>& out) {
  // Copies, because stores of bytes might as well change what lies behind the references.
  const auto [in0, in1, in2, in3] = in;
  const auto [out0, out1, out2, out3] = out;
  const std::size_t taps = kTaps == 0 ? weights.taps : kTaps;
  const std::size_t end = 3 * weights.size();
  const std::int32_t* first = weights.first.data();
  const std::int32_t* weight = weights.weights.data();
  for (std::size_t x = 0; x < end; x += 3) {
    std::size_t at = std::size_t{3} * *first++;
    Int8 upper = Int8(kHalf);
    Int8 lower = Int8(kHalf);
    for (std::size_t t = 0; t < taps; ++t, ++weight, at += 3) {
      upper += load_pixels(in0 + at, in1 + at) * *weight;
      lower += load_pixels(in2 + at, in3 + at) * *weight;
    }
    store_pixels(upper, out0 + x, out1 + x);
    store_pixels(lower, out2 + x, out3 + x);
  }
}

EIDETIC_INLINE void rows(const std::array<const std::uint8_t*, kRowGroup>& in, const AxisWeights& weights,
                         const std::array<std::uint8_t*, kRowGroup>& out) {
  switch (weights.taps) {
    case 2: return rows_of<2>(in, weights, out);
    case 3: return rows_of<3>(in, weights, out);
    case 4: return rows_of<4>(in, weights, out);
    case 5: return rows_of<5>(in, weights, out);
    default: return rows_of<0>(in, weights, out);
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
  if (bytes < kBlock) {
    for (std::size_t i = 0; i < bytes; ++i) column_block<1>(in + i, stride, weights, taps, out + i);
    return;
  }
  // The last block begins where it still fits, over bytes that are there already.
  for (std::size_t i = 0; i < bytes; i += kBlock) {
    const std::size_t at = i + kBlock <= bytes ? i : bytes - kBlock;
    column_block<kBlock>(in + at, stride, weights, taps, out + at);
  }
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
