#include "index/byte_codes.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <algorithm>
#include <cmath>

#include "index/vector_math.h"

namespace eidetic {
namespace {

// 7 bits, so that the sum of two products with 8-bit query codes fits into 16 bits.
constexpr int kZero = 64;
constexpr int kMaxCode = 63;
constexpr int kMaxQueryCode = 127;

EIDETIC_READS_BESIDE_WRITES std::int32_t product_generic(const std::uint8_t* row, const std::int8_t* query,
                                                         std::size_t count) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += row[i] * query[i];
  return sum;
}

#ifdef __x86_64__
__attribute__((target("avx2"))) EIDETIC_READS_BESIDE_WRITES std::int32_t product_avx2(const std::uint8_t* row,
                                                                                      const std::int8_t* query,
                                                                                      std::size_t count) {
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sum0 = _mm256_setzero_si256();
  __m256i sum1 = _mm256_setzero_si256();
  for (std::size_t i = 0; i < count; i += 64) {
    const auto load = [](const auto* from) __attribute__((target("avx2"), no_sanitize("thread"))) {
      return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    };
    const __m256i products0 = _mm256_maddubs_epi16(load(row + i), load(query + i));
    const __m256i products1 = _mm256_maddubs_epi16(load(row + i + 32), load(query + i + 32));
    sum0 = _mm256_add_epi32(sum0, _mm256_madd_epi16(products0, ones));
    sum1 = _mm256_add_epi32(sum1, _mm256_madd_epi16(products1, ones));
  }
  const __m256i sum = _mm256_add_epi32(sum0, sum1);
  __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4E));
  half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xB1));
  return _mm_cvtsi128_si32(half);
}

__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))) EIDETIC_READS_BESIDE_WRITES std::int32_t product_vnni(
    const std::uint8_t* row, const std::int8_t* query, std::size_t count) {
  __m512i sum = _mm512_setzero_si512();
  for (std::size_t i = 0; i < count; i += 64) {
    sum = _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(row + i), _mm512_loadu_si512(query + i));
  }
  return _mm512_reduce_add_epi32(sum);
}
#endif

float largest_of(std::span<const float> values) {
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

float square_of(std::span<const float> values, Metric metric) {
  return metric == Metric::euclidean ? static_cast<float>(dot_product(values, values)) : 0;
}

}  // namespace

void encode_bytes(std::span<const float> rotated, Metric metric, std::uint8_t* row) {
  const float largest = largest_of(rotated);
  const double inverse = largest > 0 ? kMaxCode / static_cast<double>(largest) : 0;
  ByteTerms terms = {.scale = largest / kMaxCode, .square = square_of(rotated, metric)};
  for (std::size_t i = 0; i < rotated.size(); ++i) {
    const int code = static_cast<int>(std::lrint(rotated[i] * inverse));
    row[i] = static_cast<std::uint8_t>(code + kZero);
    terms.code_sum += code;
  }
  std::memcpy(row + rotated.size(), &terms, sizeof(terms));
}

ByteQuery::ByteQuery(std::size_t padded, Metric metric, Simd simd)
    : metric_(metric), product_(product_generic), codes_(padded) {
#ifdef __x86_64__
  if (simd == Simd::avx2) product_ = product_avx2;
  if (simd == Simd::vnni) product_ = product_vnni;
#endif
}

void ByteQuery::finish(const ByteTerms& terms) {
  scale_ = metric_ == Metric::euclidean ? -2 * terms.scale : -terms.scale;
  square_ = terms.square;
  offset_ = kZero * terms.code_sum;
}

void ByteQuery::set(std::span<const float> rotated) {
  const float largest = largest_of(rotated);
  const double inverse = largest > 0 ? kMaxQueryCode / static_cast<double>(largest) : 0;
  ByteTerms terms = {.scale = largest / kMaxQueryCode, .square = square_of(rotated, metric_)};
  for (std::size_t i = 0; i < codes_.size(); ++i) {
    codes_[i] = static_cast<std::int8_t>(std::lrint(rotated[i] * inverse));
    terms.code_sum += codes_[i];
  }
  finish(terms);
}

void ByteQuery::set(const std::uint8_t* row) {
  for (std::size_t i = 0; i < codes_.size(); ++i) codes_[i] = static_cast<std::int8_t>(row[i] - kZero);
  finish(byte_terms(row, codes_.size()));
}

}  // namespace eidetic
