#include "index/byte_codes.h"

#include <gtest/gtest.h>

#include <cmath>

#include "index/test_vectors.h"
#include "index/vector_math.h"

namespace eidetic {
namespace {

TEST(ByteCodes, DistancesAreNearTheTrueOnesFromBothSides) {
  constexpr std::size_t kPadded = 256;
  const TestVectors vectors = random_vectors(40, kPadded, 1);
  for (const Metric metric : {Metric::cosine, Metric::dot, Metric::euclidean}) {
    std::vector<std::vector<std::uint8_t>> rows(40, std::vector<std::uint8_t>(byte_row_size(kPadded)));
    for (std::size_t i = 0; i < 40; ++i) encode_bytes(vectors[i], metric, rows[i].data());
    ByteQuery query(kPadded, metric);
    ByteQuery stored(kPadded, metric);
    for (std::size_t i = 0; i < 40; ++i) {
      query.set(vectors[i]);
      stored.set(rows[i].data());
      for (std::size_t j = 0; j < 40; ++j) {
        const double expected = metric == Metric::euclidean ? squared_distance(vectors[i], vectors[j])
                                                            : -dot_product(vectors[i], vectors[j]);
        EXPECT_NEAR(query.distance(rows[j].data()), expected, 0.02 * kPadded);
        EXPECT_NEAR(stored.distance(rows[j].data()), expected, 0.02 * kPadded);
      }
    }
  }
}

TEST(ByteCodes, InstructionSetsAgreeToTheBit) {
  constexpr std::size_t kPadded = 576;
  TestVectors vectors = random_vectors(30, kPadded, 2);
  std::ranges::fill(vectors[0], 1.F);  // the largest products there are
  std::ranges::fill(vectors[1], -1.F);
  std::vector<std::uint8_t> row(byte_row_size(kPadded));
  for (std::size_t i = 0; i < 30; ++i) {
    encode_bytes(vectors[i], Metric::dot, row.data());
    for (std::size_t j = 0; j < 30; ++j) {
      ByteQuery plain(kPadded, Metric::dot, Simd::generic);
      plain.set(vectors[j]);
      for (const Simd simd : supported_simd()) {
        ByteQuery query(kPadded, Metric::dot, simd);
        query.set(vectors[j]);
        ASSERT_EQ(query.distance(row.data()), plain.distance(row.data()));
      }
    }
  }
}

}  // namespace
}  // namespace eidetic
