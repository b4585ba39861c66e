#include "index/product_quantizer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "index/kmeans.h"
#include "index/row_codes.h"
#include "index/test_vectors.h"
#include "index/vector_math.h"

namespace eidetic {
namespace {

Matrix random_matrix(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  const TestVectors vectors = random_vectors(rows, columns, seed);
  Matrix matrix(rows, columns);
  for (std::size_t i = 0; i < rows; ++i) std::ranges::copy(vectors[i], matrix[i].begin());
  return matrix;
}

TEST(ProductQuantizer, TableSumsAreProductsWithTheDecodedVector) {
  const Matrix vectors = random_matrix(600, 12, 1);
  for (const unsigned bits : {4U, 6U, 8U, 9U}) {
    ProductQuantizer quantizer(12, 3, bits);
    quantizer.train(vectors, 5, false, {});
    const Matrix queries = random_matrix(10, 12, 2);
    const auto codes = quantizer.encode(vectors, nullptr);
    for (std::size_t i = 0; i < queries.rows(); ++i) {
      const std::vector<float> table = quantizer.table(queries[i]);
      for (std::size_t j = 0; j < vectors.rows(); ++j) {
        const std::span code = std::span(codes).subspan(j * 3, 3);
        std::vector<float> decoded(12);
        quantizer.decode(code, decoded);
        double sum = 0;
        for (std::size_t segment = 0; segment < 3; ++segment) sum += table[segment * quantizer.words() + code[segment]];
        ASSERT_NEAR(sum, dot_product(queries[i], decoded), 1e-4) << bits;
      }
    }
  }
}

TEST(ProductQuantizer, EncodesWithTheNearestCodeWordOfEachSegment) {
  const Matrix vectors = random_matrix(300, 8, 1);
  ProductQuantizer quantizer(8, 2, 5);
  quantizer.train(vectors, 5, false, {});
  const auto codes = quantizer.encode(vectors, nullptr);
  std::vector<float> decoded(8);
  for (std::size_t i = 0; i < vectors.rows(); ++i) {
    std::vector code(codes.begin() + static_cast<std::ptrdiff_t>(i * 2),
                     codes.begin() + static_cast<std::ptrdiff_t>(i * 2 + 2));
    quantizer.decode(code, decoded);
    const double nearest = squared_distance(vectors[i], decoded);
    for (const std::size_t segment : {0U, 1U}) {
      for (ProductQuantizer::Code word = 0; word < 32; ++word) {
        auto other = code;
        other[segment] = word;
        quantizer.decode(other, decoded);
        ASSERT_GE(squared_distance(vectors[i], decoded), nearest - 1e-4);
      }
    }
  }
}

// As many code words as vectors: each is its own.
TEST(ProductQuantizer, KnowsCodesOfSixteenBits) {
  const Matrix vectors = random_matrix(65'536, 2, 1);
  ProductQuantizer quantizer(2, 1, 16);
  quantizer.train(vectors, 1, false, {});
  const MatrixView few(vectors.values().first(std::size_t{2} * 50), 2);
  const Matrix decoded = quantizer.decode(quantizer.encode(few, nullptr));
  for (std::size_t i = 0; i < few.rows(); ++i) EXPECT_NEAR(squared_distance(few[i], decoded[i]), 0, 1e-6);
}

// Coarse assignment, what it leaves over, table and codes: together the product with, or distance from, what they stand
// for.
TEST(ProductCodes, ScanScoresWhatCentroidAndCodeStandFor) {
  constexpr std::uint32_t kWidth = 12;
  for (const unsigned bits : {6U, 9U}) {
    for (const Metric metric : {Metric::dot, Metric::euclidean}) {
      const Matrix vectors = random_matrix(600, kWidth, 1);
      const Matrix cells = kmeans(vectors, 4, {});
      const auto assigned = assign(vectors, cells, nullptr);
      Matrix centroids(vectors.rows(), kWidth);
      Matrix rest(vectors.rows(), kWidth);
      for (std::size_t i = 0; i < vectors.rows(); ++i) {
        std::ranges::copy(cells[assigned[i]], centroids[i].begin());
        for (std::size_t j = 0; j < kWidth; ++j) rest[i][j] = vectors[i][j] - centroids[i][j];
      }
      ProductCodes codes(kWidth, 3, bits, metric);
      codes.quantizer().train(rest, 5, false, {});
      const Matrix decoded = codes.quantizer().decode(codes.quantizer().encode(rest, nullptr));

      const Matrix query = random_matrix(1, kWidth, 2);
      for (std::uint32_t cell = 0; cell < 4; ++cell) {
        // A block of one cell's rows, as lists are made of.
        std::vector<std::size_t> members;
        for (std::size_t i = 0; i < assigned.size() && members.size() < kBlockRows; ++i) {
          if (assigned[i] == cell) members.push_back(i);
        }
        ASSERT_EQ(members.size(), kBlockRows);
        ASSERT_TRUE(codes.reserve(cell));
        Matrix own(kBlockRows, kWidth);
        Matrix base(kBlockRows, kWidth);
        std::vector<Slot> slots;
        for (std::size_t lane = 0; lane < kBlockRows; ++lane) {
          std::ranges::copy(vectors[members[lane]], own[lane].begin());
          std::ranges::copy(cells[cell], base[lane].begin());
          slots.push_back(static_cast<Slot>(cell * kBlockRows + lane));
        }
        codes.encode(slots, own, base, nullptr);

        Candidates candidates(kBlockRows, [](Slot slot) { return std::optional<Row>(slot); });
        const auto scan = codes.scan(query[0]);
        scan->enter(static_cast<float>(dot_product(query[0], cells[cell])));
        scan->run(cell, 1, candidates);
        const auto found = candidates.best();
        ASSERT_EQ(found.size(), kBlockRows);
        for (const Candidate& candidate : found) {
          const std::size_t row = members[candidate.row - cell * kBlockRows];
          std::vector<float> stands_for(kWidth);
          for (std::size_t j = 0; j < kWidth; ++j) stands_for[j] = centroids[row][j] + decoded[row][j];
          const double product = dot_product(query[0], stands_for);
          const double square = dot_product(query[0], query[0]);
          if (metric == Metric::dot) ASSERT_NEAR(candidate.upper, product, 1e-4);
          if (metric == Metric::euclidean) {
            ASSERT_NEAR(square - 2 * double{candidate.upper}, squared_distance(query[0], stands_for), 1e-3);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace eidetic
