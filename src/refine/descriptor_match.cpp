#include "refine/descriptor_match.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <algorithm>
#include <limits>

#include "base/multiversion.h"

namespace eidetic {
namespace {

// A squared distance and the index of whom it is to, in one number: the least of them is the nearest. Descriptors have
// a squared length of about 384², so that distances need 19 bits; 13 are left for the index.
constexpr std::uint32_t kIndexBits = 13;
constexpr std::uint32_t kIndexMask = (1U << kIndexBits) - 1;
constexpr std::uint32_t kFar = std::numeric_limits<std::uint32_t>::max();
constexpr std::int32_t kMaxDistance = static_cast<std::int32_t>(kFar >> kIndexBits) - 1;
static_assert(kMaxFeatures <= 1 << kIndexBits);

constexpr std::size_t kLanes = 16;  // a multiple of what any instruction set computes at once

struct Nearest {
  std::uint32_t first = kFar;
  std::uint32_t second = kFar;

  void take(std::uint32_t distance) {
    second = std::min(second, std::max(first, distance));
    first = std::min(first, distance);
  }
  [[nodiscard]] std::int32_t index() const { return static_cast<std::int32_t>(first & kIndexMask); }
  [[nodiscard]] bool is_clear(float ratio) const {
    if (first == kFar) return false;
    return static_cast<float>(first >> kIndexBits) <= ratio * ratio * static_cast<float>(second >> kIndexBits);
  }
};

std::int32_t dot_product(const std::uint8_t* a, const std::uint8_t* b) {
  std::int32_t sum = 0;
  for (std::size_t d = 0; d < kDescriptorBytes; ++d) sum += std::int32_t{a[d]} * std::int32_t{b[d]};
  return sum;
}

#ifdef __x86_64__

// Products of bytes, added up by twos and fours: instructions that compilers do not find. Two products of 127 x 127 fit
// 16 bits, which is why descriptors have no eighth bit.
__attribute__((target("avx2"))) void dot_products_avx2(const std::uint8_t* one, const std::uint8_t* many,
                                                       std::size_t count, std::int32_t* products) {
  constexpr std::size_t kParts = kDescriptorBytes / sizeof(__m256i);
  __m256i own[kParts];
  for (std::size_t p = 0; p < kParts; ++p) own[p] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(one) + p);
  const __m256i ones = _mm256_set1_epi16(1);
  for (std::size_t i = 0; i < count; ++i) {
    const auto* other = reinterpret_cast<const __m256i*>(many + i * kDescriptorBytes);
    __m256i sum = _mm256_setzero_si256();
    for (std::size_t p = 0; p < kParts; ++p) {
      const __m256i pairs = _mm256_maddubs_epi16(own[p], _mm256_loadu_si256(other + p));
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
    }
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0b01'00'11'10));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0b10'11'00'01));
    products[i] = _mm_cvtsi128_si32(half);
  }
}

#endif

void dot_products(const std::uint8_t* one, const std::uint8_t* many, std::size_t count, std::int32_t* products) {
#ifdef __x86_64__
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) return dot_products_avx2(one, many, count, products);
#endif
  for (std::size_t i = 0; i < count; ++i) products[i] = dot_product(one, many + i * kDescriptorBytes);
}

// The two least of many, an array each.
struct Least {
  std::uint32_t* first;
  std::uint32_t* second;
};

// The distances of the row-th query descriptor to all candidates enter the two least of the row, one of kLanes each,
// and of every column. `count` is a multiple of kLanes.
EIDETIC_MULTIVERSION
void take_row(const std::int32_t* products, const std::int32_t* lengths, std::size_t count, std::int32_t length,
              std::uint32_t row, Least of_columns, Least of_row) {
  const auto [column_first, column_second] = of_columns;
  const auto [row_first, row_second] = of_row;
  for (std::size_t begin = 0; begin < count; begin += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::size_t i = begin + lane;
      const std::int32_t distance = std::min(length + lengths[i] - 2 * products[i], kMaxDistance);
      const std::uint32_t high = static_cast<std::uint32_t>(distance) << kIndexBits;
      const std::uint32_t to_column = high | static_cast<std::uint32_t>(i);
      const std::uint32_t to_row = high | row;
      row_second[lane] = std::min(row_second[lane], std::max(row_first[lane], to_column));
      row_first[lane] = std::min(row_first[lane], to_column);
      column_second[i] = std::min(column_second[i], std::max(column_first[i], to_row));
      column_first[i] = std::min(column_first[i], to_row);
    }
  }
}

std::vector<std::int32_t> squared_lengths(const LocalFeatures& features, std::size_t padded, std::int32_t padding) {
  std::vector<std::int32_t> lengths(padded, padding);
  for (std::size_t i = 0; i < features.size(); ++i) {
    const auto descriptor = features.descriptor(i);
    lengths[i] = dot_product(descriptor.data(), descriptor.data());
  }
  return lengths;
}

}  // namespace

std::vector<FeatureMatch> match_features(const LocalFeatures& query, const LocalFeatures& candidate, float ratio) {
  if (query.size() == 0 || candidate.size() == 0) return {};
  const std::size_t padded = (candidate.size() + kLanes - 1) / kLanes * kLanes;
  // Candidates that only fill up the lanes are farther away than all others.
  const auto lengths = squared_lengths(candidate, padded, 2 * kMaxDistance);
  const auto query_lengths = squared_lengths(query, query.size(), 0);
  std::vector<std::int32_t> products(padded, 0);
  std::vector<std::uint32_t> column_first(padded, kFar);
  std::vector<std::uint32_t> column_second(padded, kFar);
  std::vector<Nearest> rows(query.size());
  for (std::size_t row = 0; row < query.size(); ++row) {
    std::uint32_t first[kLanes];
    std::uint32_t second[kLanes];
    std::ranges::fill(first, kFar);
    std::ranges::fill(second, kFar);
    dot_products(query.descriptor(row).data(), candidate.descriptors.data(), candidate.size(), products.data());
    take_row(products.data(), lengths.data(), padded, query_lengths[row], static_cast<std::uint32_t>(row),
             {column_first.data(), column_second.data()}, {first, second});
    for (const auto& least : {first, second}) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) rows[row].take(least[lane]);
    }
  }
  std::vector<FeatureMatch> matches;
  for (std::size_t row = 0; row < query.size(); ++row) {
    if (!rows[row].is_clear(ratio)) continue;
    const auto found = static_cast<std::size_t>(rows[row].index());
    if (found >= candidate.size()) continue;
    const Nearest back{.first = column_first[found], .second = column_second[found]};
    if (static_cast<std::size_t>(back.index()) != row || !back.is_clear(ratio)) continue;
    matches.push_back({.query = static_cast<std::int32_t>(row), .candidate = static_cast<std::int32_t>(found)});
  }
  return matches;
}

}  // namespace eidetic
