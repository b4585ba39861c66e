#include "index/flat_scan.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <algorithm>
#include <cmath>
#include <cstring>

#include "index/reads_beside_writes.h"
#include "index/vector_math.h"

#define EIDETIC_INLINE __attribute__((always_inline)) inline

namespace eidetic {
namespace {

constexpr int kMaxCode = 119;  // the largest that rounds to a high part of 7
constexpr int kHighStep = 16;
constexpr int kOffset = 8;  // nibbles are stored as 0 to 15
constexpr int kMaxQueryCode = 127;
// The processor's own prefetching stops at each page; with this, scans of what no cache holds ran 1.6 times as fast.
constexpr std::size_t kPrefetchBytes = 4096;
// Rounding of the rotation and of float32 arithmetic on it, relative to |x||q|: measured below 1e-6.
constexpr float kRounding = 1e-5F;
// The same for |x|^2, and for the difference under the root.
constexpr float kSquareRounding = 4e-6F;
constexpr float kTiny = 1e-36F;  // below it float32 loses its precision: such rows are always looked at
// Of |q|^2: how far distances can be told apart in double when |q| is much larger than |x|.
constexpr float kDistanceRounding = 1e-12F;

struct Fit {
  float scale = 0;
  float error = 0;
};

// The multiple of `codes` whose difference from `x` is orthogonal to x, and the length of that difference.
template <typename Code>
Fit fit(std::span<const float> x, std::span<const Code> codes, double squared_norm) {
  double product = 0;
  double squared_codes = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    product += static_cast<double>(x[i]) * codes[i];
    squared_codes += static_cast<double>(codes[i]) * codes[i];
  }
  if (product <= 0) return {};  // x is zero
  const auto scale = static_cast<float>(squared_norm / product);
  const double squared_error = double{scale} * scale * squared_codes - 2 * double{scale} * product + squared_norm;
  return {scale, static_cast<float>(std::sqrt(std::max(0.0, squared_error)))};
}

// --- products of one plane of a block with the query's codes ---

[[maybe_unused]] EIDETIC_READS_BESIDE_WRITES EIDETIC_INLINE void products_generic(const std::uint8_t* plane,
                                                                                  std::span<const std::int8_t> query,
                                                                                  ScanSums& sums) {
  sums.fill(0);
  for (std::size_t i = 0; i < query.size(); i += 8) {
    for (std::size_t lane = 0; lane < kScanRows; ++lane) {
      for (std::size_t j = 0; j < 4; ++j) {
        const int byte = *plane++;
        sums[lane] += (byte & 15) * query[i + j] + (byte >> 4) * query[i + 4 + j];
      }
    }
  }
}

#ifdef __x86_64__
__attribute__((target("avx2,fma"))) EIDETIC_READS_BESIDE_WRITES EIDETIC_INLINE void products_avx2(
    const std::uint8_t* plane, std::span<const std::int8_t> query, ScanSums& sums) {
  const __m256i nibble = _mm256_set1_epi8(15);
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i total0 = _mm256_setzero_si256();
  __m256i total1 = _mm256_setzero_si256();
  const std::int8_t* q = query.data();
  for (const std::int8_t* const end = q + query.size(); q != end;) {
    // Eight products of at most 2 x 15 x 127 fit into 16 bits.
    __m256i sum0 = _mm256_setzero_si256();
    __m256i sum1 = _mm256_setzero_si256();
#pragma unroll
    for (int step = 0; step < 4; ++step, q += 8, plane += 64) {
      __builtin_prefetch(plane + kPrefetchBytes);
      std::int32_t fours[2];
      std::memcpy(fours, q, sizeof(fours));
      const __m256i q_low = _mm256_set1_epi32(fours[0]);
      const __m256i q_high = _mm256_set1_epi32(fours[1]);
      const __m256i rows0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(plane));
      const __m256i rows1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(plane + 32));
      sum0 = _mm256_add_epi16(sum0, _mm256_maddubs_epi16(_mm256_and_si256(rows0, nibble), q_low));
      sum1 = _mm256_add_epi16(sum1, _mm256_maddubs_epi16(_mm256_and_si256(rows1, nibble), q_low));
      sum0 =
          _mm256_add_epi16(sum0, _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(rows0, 4), nibble), q_high));
      sum1 =
          _mm256_add_epi16(sum1, _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(rows1, 4), nibble), q_high));
    }
    total0 = _mm256_add_epi32(total0, _mm256_madd_epi16(sum0, ones));
    total1 = _mm256_add_epi32(total1, _mm256_madd_epi16(sum1, ones));
  }
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums.data()), total0);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums.data() + 8), total1);
}

__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))) EIDETIC_READS_BESIDE_WRITES EIDETIC_INLINE void
products_vnni(const std::uint8_t* plane, std::span<const std::int8_t> query, ScanSums& sums) {
  const __m512i nibble = _mm512_set1_epi8(15);
  __m512i low = _mm512_setzero_si512();
  __m512i high = _mm512_setzero_si512();
  const std::int8_t* q = query.data();
  for (const std::int8_t* const end = q + query.size(); q != end; q += 8, plane += 64) {
    __builtin_prefetch(plane + kPrefetchBytes);
    std::int32_t fours[2];
    std::memcpy(fours, q, sizeof(fours));
    const __m512i rows = _mm512_loadu_si512(plane);
    low = _mm512_dpbusd_epi32(low, _mm512_and_si512(rows, nibble), _mm512_set1_epi32(fours[0]));
    high = _mm512_dpbusd_epi32(high, _mm512_and_si512(_mm512_srli_epi16(rows, 4), nibble), _mm512_set1_epi32(fours[1]));
  }
  _mm512_storeu_si512(sums.data(), _mm512_add_epi32(low, high));
}
#endif

// --- bounds ---

using Floats = float __attribute__((vector_size(sizeof(float) * kScanRows)));
using Ints = std::int32_t __attribute__((vector_size(sizeof(std::int32_t) * kScanRows)));

template <typename Vector, typename Array>
EIDETIC_READS_BESIDE_WRITES EIDETIC_INLINE void load(Vector& vector, const Array& array) {
  std::memcpy(&vector, array.data(), sizeof(Vector));
}

// The largest t that a row with this estimate can have if it reaches the threshold; below the threshold: it cannot.
EIDETIC_INLINE void upper_bounds(const ScanQuery& query, float threshold, const Floats& estimate, const Floats& error,
                                 const Floats& norm, Floats& upper) {
  const Floats half_square = norm * norm * query.half;
  const Floats needed = threshold + half_square;  // what x.q must reach
  const Floats zero = Floats{} + 0.F;
  const Floats along = __builtin_elementwise_max(needed, zero) / __builtin_elementwise_max(norm, zero + 1e-30F);
  const Floats across = __builtin_elementwise_max(query.norm_squared - along * along, zero);
  const Floats width = __builtin_elementwise_sqrt(across + query.norm_squared * kSquareRounding);
  upper = estimate + error * width + (norm + error) * query.residual + norm * norm * query.half_slack + query.slack -
          half_square;
}

EIDETIC_INLINE void estimates(const ScanQuery& query, const Ints& products, const Floats& scale, Floats& estimate) {
  estimate = __builtin_convertvector(products, Floats) * (scale * query.scale);
}

template <auto products>
EIDETIC_READS_BESIDE_WRITES EIDETIC_INLINE ScanHit scan_high_with(const ScanQuery& query, float threshold,
                                                                  const std::uint8_t* high, const ScanTerms* terms,
                                                                  std::size_t first, std::size_t end) {
  const std::size_t bytes = plane_bytes(query.codes.size());
  ScanHit hit;
  for (hit.block = first; hit.block < end; ++hit.block) {
    products(high + hit.block * bytes, query.codes, hit.sums);
    Ints sums;
    load(sums, hit.sums);
    Floats scale;
    Floats error;
    Floats norm;
    load(scale, terms[hit.block].scale_high);
    load(error, terms[hit.block].error_high);
    load(norm, terms[hit.block].norm);
    Floats estimate;
    Floats upper;
    estimates(query, sums - kOffset * query.codes_sum, scale, estimate);
    upper_bounds(query, threshold, estimate, error, norm, upper);
    const Ints may_reach = upper >= threshold;
    if (__builtin_reduce_or(may_reach) == 0) continue;
    for (std::size_t lane = 0; lane < kScanRows; ++lane) hit.lanes |= (may_reach[lane] != 0 ? 1U : 0U) << lane;
    return hit;
  }
  return hit;
}

template <auto products>
EIDETIC_READS_BESIDE_WRITES EIDETIC_INLINE ScanBounds scan_full_with(const ScanQuery& query, float threshold,
                                                                     const ScanSums& high_sums, const std::uint8_t* low,
                                                                     const ScanTerms& terms) {
  ScanSums low_sums;
  products(low, query.codes, low_sums);
  Ints sums;
  Ints rest;
  load(sums, high_sums);
  load(rest, low_sums);
  sums = (sums - kOffset * query.codes_sum) * kHighStep + (rest - kOffset * query.codes_sum);
  Floats scale;
  Floats error;
  Floats norm;
  load(scale, terms.scale_full);
  load(error, terms.error_full);
  load(norm, terms.norm);
  Floats estimate;
  Floats upper;
  estimates(query, sums, scale, estimate);
  upper_bounds(query, threshold, estimate, error, norm, upper);
  const Floats lower = estimate - error * query.norm - (norm + error) * query.residual -
                       norm * norm * (query.half + query.half_slack) - query.slack;
  ScanBounds bounds;
  std::memcpy(bounds.lower.data(), &lower, sizeof(lower));
  std::memcpy(bounds.upper.data(), &upper, sizeof(upper));
  return bounds;
}

// --- one entry an instruction set ---

EIDETIC_READS_BESIDE_WRITES ScanHit scan_high_generic(const ScanQuery& query, float threshold, const std::uint8_t* high,
                                                      const ScanTerms* terms, std::size_t first, std::size_t end) {
  return scan_high_with<products_generic>(query, threshold, high, terms, first, end);
}
EIDETIC_READS_BESIDE_WRITES ScanBounds scan_full_generic(const ScanQuery& query, float threshold, const ScanSums& sums,
                                                         const std::uint8_t* low, const ScanTerms& terms) {
  return scan_full_with<products_generic>(query, threshold, sums, low, terms);
}

#ifdef __x86_64__
__attribute__((target("avx2,fma"))) EIDETIC_READS_BESIDE_WRITES ScanHit
scan_high_avx2(const ScanQuery& query, float threshold, const std::uint8_t* high, const ScanTerms* terms,
               std::size_t first, std::size_t end) {
  return scan_high_with<products_avx2>(query, threshold, high, terms, first, end);
}
__attribute__((target("avx2,fma"))) EIDETIC_READS_BESIDE_WRITES ScanBounds scan_full_avx2(
    const ScanQuery& query, float threshold, const ScanSums& sums, const std::uint8_t* low, const ScanTerms& terms) {
  return scan_full_with<products_avx2>(query, threshold, sums, low, terms);
}
__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))) EIDETIC_READS_BESIDE_WRITES ScanHit
scan_high_vnni(const ScanQuery& query, float threshold, const std::uint8_t* high, const ScanTerms* terms,
               std::size_t first, std::size_t end) {
  return scan_high_with<products_vnni>(query, threshold, high, terms, first, end);
}
__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))) EIDETIC_READS_BESIDE_WRITES ScanBounds scan_full_vnni(
    const ScanQuery& query, float threshold, const ScanSums& sums, const std::uint8_t* low, const ScanTerms& terms) {
  return scan_full_with<products_vnni>(query, threshold, sums, low, terms);
}
#endif

}  // namespace

void encode_row(std::span<const float> rotated, std::size_t lane, std::uint8_t* high, std::uint8_t* low,
                ScanTerms& terms) {
  float largest = 0;
  for (const float value : rotated) largest = std::max(largest, std::abs(value));
  const double inverse = largest > 0 ? kMaxCode / static_cast<double>(largest) : 0;
  std::vector<std::int8_t> codes(rotated.size());
  std::vector<std::int8_t> highs(rotated.size());
  for (std::size_t i = 0; i < rotated.size(); ++i) {
    const int code = static_cast<int>(std::lrint(rotated[i] * inverse));
    codes[i] = static_cast<std::int8_t>(code);
    highs[i] = static_cast<std::int8_t>((code + kOffset) >> 4);
  }
  for (std::size_t i = 0; i < rotated.size(); i += 8) {
    for (std::size_t j = i; j < i + 4; ++j) {
      const auto nibbles = [](int first, int second) {
        return static_cast<std::uint8_t>((first + kOffset) | ((second + kOffset) << 4));
      };
      const std::size_t at = i / 8 * 4 * kScanRows + lane * 4 + (j - i);
      high[at] = nibbles(highs[j], highs[j + 4]);
      low[at] = nibbles(codes[j] - kHighStep * highs[j], codes[j + 4] - kHighStep * highs[j + 4]);
    }
  }
  const double squared_norm = dot_product(rotated, rotated);
  const Fit high_fit = fit<std::int8_t>(rotated, highs, squared_norm);
  const Fit full_fit = fit<std::int8_t>(rotated, codes, squared_norm);
  terms.scale_high[lane] = high_fit.scale;
  terms.error_high[lane] = high_fit.error;
  terms.scale_full[lane] = full_fit.scale;
  terms.error_full[lane] = full_fit.error;
  terms.norm[lane] = static_cast<float>(std::sqrt(squared_norm));
}

ScanQuery::ScanQuery(std::span<const float> rotated, Metric metric) : codes(rotated.size()) {
  float largest = 0;
  for (const float value : rotated) largest = std::max(largest, std::abs(value));
  scale = largest / kMaxQueryCode;
  double squared_residual = 0;
  for (std::size_t i = 0; i < rotated.size(); ++i) {
    if (largest > 0) codes[i] = static_cast<std::int8_t>(std::lrint(double{rotated[i]} / largest * kMaxQueryCode));
    codes_sum += codes[i];
    const double difference = rotated[i] - static_cast<double>(scale) * codes[i];
    squared_residual += difference * difference;
  }
  const double squared = dot_product(rotated, rotated);
  norm = static_cast<float>(std::sqrt(squared));
  norm_squared = static_cast<float>(squared);
  residual = static_cast<float>(std::sqrt(squared_residual)) + kRounding * norm;
  slack = kTiny * std::max(1.F, norm);
  if (metric == Metric::euclidean) {
    slack += kDistanceRounding * norm_squared;
    half = 0.5F;
    half_slack = kSquareRounding;
  }
}

ScanHit scan_high(const ScanQuery& query, float threshold, const std::uint8_t* high, const ScanTerms* terms,
                  std::size_t first, std::size_t end, Simd simd) {
#ifdef __x86_64__
  if (simd == Simd::vnni) return scan_high_vnni(query, threshold, high, terms, first, end);
  if (simd == Simd::avx2) return scan_high_avx2(query, threshold, high, terms, first, end);
#endif
  return scan_high_generic(query, threshold, high, terms, first, end);
}

ScanBounds scan_full(const ScanQuery& query, float threshold, const ScanSums& sums, const std::uint8_t* low,
                     const ScanTerms& terms, Simd simd) {
#ifdef __x86_64__
  if (simd == Simd::vnni) return scan_full_vnni(query, threshold, sums, low, terms);
  if (simd == Simd::avx2) return scan_full_avx2(query, threshold, sums, low, terms);
#endif
  return scan_full_generic(query, threshold, sums, low, terms);
}

}  // namespace eidetic
