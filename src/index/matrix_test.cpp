#include "index/matrix.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "index/test_vectors.h"

namespace eidetic {
namespace {

Matrix random_matrix(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  const TestVectors vectors = random_vectors(rows, columns, seed);
  Matrix matrix(rows, columns);
  for (std::size_t i = 0; i < rows; ++i) std::ranges::copy(vectors[i], matrix[i].begin());
  return matrix;
}

struct Shape {
  std::size_t rows, others, width;
};

TEST(Matrix, ProductsAreThoseOfEachPairOfRows) {
  for (const auto& [rows, others, width] : {Shape{1, 1, 1}, Shape{1, 256, 8}, Shape{1, 37, 5}, Shape{1, 50, 515},
                                            Shape{5, 17, 3}, Shape{131, 45, 64}, Shape{9, 16, 700}}) {
    const Matrix a = random_matrix(rows, width, 1);
    const Matrix b = random_matrix(others, width, 2);
    std::vector<float> out(rows * others, NAN);
    products(a, b, out);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < others; ++j) {
        double expected = 0;
        for (std::size_t k = 0; k < width; ++k) expected += double{a[i][k]} * double{b[j][k]};
        ASSERT_NEAR(out[i * others + j], expected, 1e-5 * std::sqrt(width) * 10) << width << ' ' << i << ' ' << j;
      }
    }
  }
}

TEST(Matrix, MultipliesRowsByColumns) {
  const Matrix a = random_matrix(5, 7, 1);
  const Matrix b = random_matrix(7, 20, 2);
  std::vector<float> out(100, NAN);
  multiply(a, b, out);
  for (std::size_t i = 0; i < 5; ++i) {
    for (std::size_t j = 0; j < 20; ++j) {
      double expected = 0;
      for (std::size_t k = 0; k < 7; ++k) expected += double{a[i][k]} * double{b[k][j]};
      ASSERT_NEAR(out[i * 20 + j], expected, 1e-5);
    }
  }
}

// Searches and trainings run side by side.
TEST(Matrix, SeveralThreadsGetWhatOneDoes) {
  const Matrix a = random_matrix(8, 16, 1);
  const Matrix b = random_matrix(1024, 16, 2);
  const auto compute = [&] {
    std::vector<float> out(9 * 1024);
    products(a, b, std::span(out).first(std::size_t{8} * 1024));
    products({a[0], 16}, b, std::span(out).last(1024));
    std::vector<double> square(std::size_t{16} * 16);
    add_transposed_product(b, b, square);
    out.insert(out.end(), square.begin(), square.end());
    return out;
  };
  const std::vector<float> expected = compute();
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (int& count : wrong) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) count += compute() == expected ? 0 : 1;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4));
}

}  // namespace
}  // namespace eidetic
