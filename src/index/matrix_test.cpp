#include "index/matrix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <random>
#include <thread>

namespace eidetic {
namespace {

Matrix random_matrix(std::size_t rows, std::size_t columns, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Matrix made(rows, columns);
  std::ranges::generate(made.values(), [&] { return normal(random); });
  return made;
}

struct Shape {
  std::size_t rows, others, width;
};

TEST(Matrix, ProductsAreThoseOfEachPairOfRows) {
  for (const auto& [rows, others, width] : {Shape{1, 1, 1}, Shape{1, 256, 8}, Shape{1, 37, 5}, Shape{1, 50, 515},
                                            Shape{5, 17, 3}, Shape{131, 45, 64}, Shape{9, 16, 700}}) {
    const Matrix a = random_matrix(rows, width);
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
  const Matrix a = random_matrix(5, 7);
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
  std::vector<float> some(5 * 17, NAN);
  multiply(a, b, 2, 19, some);
  for (std::size_t i = 0; i < 5; ++i) {
    for (std::size_t j = 2; j < 19; ++j) ASSERT_EQ(some[i * 17 + j - 2], out[i * 20 + j]);
  }
}

// Libraries of one thread are not all fit for several.
TEST(Matrix, MultipliesOnManyThreadsAsOnOne) {
  constexpr int kThreads = 8;
  constexpr int kRounds = 4000;
  for (const std::size_t rows : {1U, 8U}) {
    const Matrix a = random_matrix(rows, 700);
    const Matrix b = random_matrix(50, 700, 2);
    std::vector<float> alone(rows * b.rows());
    products(a, b, alone);
    std::atomic<int> wrong = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        std::vector<float> out(alone.size());
        for (int round = 0; round < kRounds; ++round) {
          products(a, b, out);
          if (!std::ranges::equal(out, alone)) ++wrong;
        }
      });
    }
    threads.clear();
    EXPECT_EQ(wrong, 0) << rows << " rows";
  }
}

TEST(Matrix, FindsEigenvaluesAndRotationsOnManyThreads) {
  constexpr std::size_t kSize = 60;
  const Matrix a = random_matrix(kSize, kSize);
  std::vector<double> square(kSize * kSize);
  add_transposed_product(a, a, square);
  const Eigen alone = symmetric_eigen(square, kSize).value();
  EXPECT_TRUE(std::ranges::is_sorted(alone.values, std::greater{}));
  for (std::size_t i = 0; i < kSize; ++i) {  // A v = l v
    for (std::size_t row = 0; row < kSize; ++row) {
      double product = 0;
      for (std::size_t j = 0; j < kSize; ++j) product += square[row * kSize + j] * alone.vectors[i * kSize + j];
      EXPECT_NEAR(product, alone.values[i] * alone.vectors[i * kSize + row], 1e-8 * alone.values[0]);
    }
  }
  std::atomic<int> wrong = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 30; ++round) {
        const auto eigen = symmetric_eigen(square, kSize);
        if (!eigen || eigen->values != alone.values || eigen->vectors != alone.vectors) ++wrong;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace eidetic
