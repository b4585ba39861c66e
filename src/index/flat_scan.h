// The scan behind the exact index: 8-bit codes, kept as two planes of 4 bits, with a proven bound on what they miss.
//
// A rotated vector x is quantised as x ~ s2 c, c an integer in [-119, 119], and c = 16 h + l with h and l in 4 bits.
// The scan reads the h plane only (half the bytes). Its estimate s1 h.q differs from x.q by r.q, where r = s1 h - x.
// The scale s1 is chosen so that r is orthogonal to x; then |r.q| <= |r| sqrt(|q|^2 - (x.q/|x|)^2), and a row whose x.q
// reaches T must have an estimate of at least T - |r| sqrt(|q|^2 - T^2/|x|^2). The few rows that do are estimated
// again with both planes, the same way; what then still may reach T is scored from full precision.
//
// Pure functions over memory that the caller keeps: any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "eidetic/space.h"

#include "index/simd.h"

namespace eidetic {

inline constexpr std::size_t kScanRows = 16;  // rows of a block, interleaved by fours of components

// What is known of the rows of one block, beside their codes.
struct ScanTerms {
  std::array<float, kScanRows> scale_high;  // s1
  std::array<float, kScanRows> error_high;  // |s1 h - x|
  std::array<float, kScanRows> scale_full;  // s2
  std::array<float, kScanRows> error_full;  // |s2 c - x|
  std::array<float, kScanRows> norm;        // |x|
};

// Bytes of one plane of a block; `padded` is the number of components, a multiple of 64.
[[nodiscard]] constexpr std::size_t plane_bytes(std::size_t padded) noexcept { return kScanRows * padded / 2; }

// Writes one row into its lane (0 to 15) of a block. `rotated` has `padded` components, of norm at most kMaxNorm.
void encode_row(std::span<const float> rotated, std::size_t lane, std::uint8_t* high, std::uint8_t* low,
                ScanTerms& terms);

// A query, and the estimates' errors that come from it. Scores are t = x.q, under euclidean t = x.q - |x|^2/2 (larger
// is nearer, too).
struct ScanQuery {
  // `rotated` as for encode_row; under cosine of unit length.
  ScanQuery(std::span<const float> rotated, Metric metric);

  std::vector<std::int8_t> codes;  // q ~ scale codes
  std::int32_t codes_sum = 0;
  float scale = 0;
  float norm_squared = 0;  // |q|^2
  float norm = 0;          // |q|
  float residual = 0;      // |q - scale codes|, with the slack for all rounding that grows with |x|
  float half = 0;          // euclidean: 0.5; otherwise 0
  float half_slack = 0;    // rounding that grows with |x|^2
  float slack = 0;         // rounding whatever x is
};

using ScanSums = std::array<std::int32_t, kScanRows>;

struct ScanHit {
  std::size_t block = 0;    // of the range; its end when there is none
  std::uint32_t lanes = 0;  // one bit a row
  ScanSums sums{};          // products with the h plane
};

// The first of blocks [first, end) with a row that may reach `threshold`, judged by its h plane.
[[nodiscard]] ScanHit scan_high(const ScanQuery& query, float threshold, const std::uint8_t* high,
                                const ScanTerms* terms, std::size_t first, std::size_t end, Simd simd = best_simd());

struct ScanBounds {
  std::array<float, kScanRows> lower;  // t is no less than
  std::array<float, kScanRows> upper;  // and if it reaches the threshold, no more than
};

// Bounds from both planes, for all rows of a block whose `sums` scan_high gave.
[[nodiscard]] ScanBounds scan_full(const ScanQuery& query, float threshold, const ScanSums& sums,
                                   const std::uint8_t* low, const ScanTerms& terms, Simd simd = best_simd());

}  // namespace eidetic
