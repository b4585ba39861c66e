#include "index/flat_scan.h"

#include <gtest/gtest.h>

#include <cmath>

#include "index/rotation.h"
#include "index/test_vectors.h"
#include "index/vector_math.h"

namespace eidetic {
namespace {

struct Block {
  explicit Block(std::size_t padded) : high(plane_bytes(padded)), low(plane_bytes(padded)) {}
  std::vector<std::uint8_t> high;
  std::vector<std::uint8_t> low;
  ScanTerms terms{};
};

// Vectors as a model without a heart would give them: most of the weight in few components.
TestVectors spiky_vectors(std::size_t count, std::size_t dimensions, std::uint64_t seed) {
  TestVectors vectors = random_vectors(count, dimensions, seed);
  for (std::size_t i = 0; i < count; ++i) {
    for (float& value : vectors[i]) value = value * value * value * value * value;
  }
  return vectors;
}

TEST(FlatScan, BoundsHoldForEveryInstructionSet) {
  constexpr std::size_t kPadded = 192;
  for (const Metric metric : {Metric::dot, Metric::euclidean}) {
    const TestVectors rows = spiky_vectors(kScanRows, kPadded, 1);
    const TestVectors queries = spiky_vectors(200, kPadded, 2);
    Block block(kPadded);
    for (std::size_t lane = 0; lane < kScanRows; ++lane) {
      encode_row(rows[lane], lane, block.high.data(), block.low.data(), block.terms);
    }
    for (std::size_t i = 0; i < queries.size(); ++i) {
      const ScanQuery query(queries[i], metric);
      for (std::size_t target = 0; target < kScanRows; ++target) {
        const auto score = [&](std::size_t lane) {
          const double half_square = metric == Metric::euclidean ? dot_product(rows[lane], rows[lane]) / 2 : 0;
          return dot_product(queries[i], rows[lane]) - half_square;
        };
        const auto threshold = static_cast<float>(score(target));
        for (const Simd simd : supported_simd()) {
          const ScanHit hit = scan_high(query, threshold, block.high.data(), &block.terms, 0, 1, simd);
          ASSERT_EQ(hit.block, 0U);  // the row that scores just the threshold is in it
          const ScanBounds bounds = scan_full(query, threshold, hit.sums, block.low.data(), block.terms, simd);
          for (std::size_t lane = 0; lane < kScanRows; ++lane) {
            ASSERT_LE(bounds.lower[lane], score(lane));
            if (score(lane) < threshold) continue;
            ASSERT_TRUE((hit.lanes >> lane & 1) != 0);
            ASSERT_GE(bounds.upper[lane], score(lane));
          }
        }
      }
    }
  }
}

TEST(FlatScan, InstructionSetsAgreeToTheBit) {
  constexpr std::size_t kPadded = 512;
  const TestVectors rows = random_vectors(kScanRows * 3, kPadded, 3);
  std::vector<std::uint8_t> high(3 * plane_bytes(kPadded));
  std::vector<std::uint8_t> low(plane_bytes(kPadded));
  std::vector<ScanTerms> terms(3);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t block = i / kScanRows;
    encode_row(rows[i], i % kScanRows, &high[block * plane_bytes(kPadded)], low.data(), terms[block]);
  }
  const TestVectors queries = random_vectors(50, kPadded, 4);
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const ScanQuery query(queries[i], Metric::dot);
    const ScanHit expected = scan_high(query, 80, high.data(), terms.data(), 0, 3, Simd::generic);
    for (const Simd simd : supported_simd()) {
      const ScanHit hit = scan_high(query, 80, high.data(), terms.data(), 0, 3, simd);
      ASSERT_EQ(hit.block, expected.block);
      ASSERT_EQ(hit.sums, expected.sums);
    }
  }
}

TEST(FlatScan, LooksAtFewRowsThatAreFarAway) {
  constexpr std::size_t kPadded = 512;
  TestVectors rows = random_vectors(kScanRows, kPadded, 5);
  Block block(kPadded);
  for (std::size_t lane = 0; lane < kScanRows; ++lane) {
    to_unit(rows[lane], std::sqrt(dot_product(rows[lane], rows[lane])));
    encode_row(rows[lane], lane, block.high.data(), block.low.data(), block.terms);
  }
  const ScanQuery query(rows[0], Metric::cosine);
  const ScanHit hit = scan_high(query, 0.5F, block.high.data(), &block.terms, 0, 1);
  EXPECT_EQ(hit.lanes, 1U);
}

TEST(Rotation, KeepsProductsAndSpreadsSpikes) {
  for (const std::uint32_t dimensions : {1U, 17U, 64U, 300U, 512U, 1000U, 2048U}) {
    const Rotation rotation(dimensions);
    const TestVectors vectors = spiky_vectors(2, dimensions, dimensions);
    std::vector<float> a(rotation.padded());
    std::vector<float> b(rotation.padded());
    rotation.apply(vectors[0], a);
    rotation.apply(vectors[1], b);
    const double lengths = std::sqrt(dot_product(a, a) * dot_product(b, b));
    EXPECT_NEAR(dot_product(a, b), dot_product(vectors[0], vectors[1]), 1e-6 * lengths) << dimensions;
    std::vector<float> spike(dimensions, 0.F);
    spike[dimensions / 2] = 1;
    rotation.apply(spike, a);
    float largest = 0;
    for (const float value : a) largest = std::max(largest, std::abs(value));
    EXPECT_LE(largest, 8 / std::sqrt(static_cast<float>(rotation.padded())));
  }
}

}  // namespace
}  // namespace eidetic
