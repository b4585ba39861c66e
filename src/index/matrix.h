// Dense linear algebra on row-major float matrices. Products in single precision are computed here, each value in the
// same way whatever is computed beside it; what is done in double, once a training, is OpenBLAS's, and one call at a
// time. Pure functions: any thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

class Matrix {
 public:
  Matrix() = default;
  Matrix(std::size_t rows, std::size_t columns) : columns_(columns), values_(rows * columns) {}

  [[nodiscard]] std::size_t rows() const noexcept { return columns_ == 0 ? 0 : values_.size() / columns_; }
  [[nodiscard]] std::size_t columns() const noexcept { return columns_; }
  [[nodiscard]] std::span<const float> values() const noexcept { return values_; }
  [[nodiscard]] std::span<float> values() noexcept { return values_; }
  [[nodiscard]] std::span<const float> operator[](std::size_t row) const noexcept {
    return std::span(values_).subspan(row * columns_, columns_);
  }
  [[nodiscard]] std::span<float> operator[](std::size_t row) noexcept {
    return std::span(values_).subspan(row * columns_, columns_);
  }

 private:
  std::size_t columns_ = 0;
  std::vector<float> values_;
};

// Rows of a matrix that lies somewhere else.
struct MatrixView {
  MatrixView(const Matrix& matrix) noexcept  // NOLINT(google-explicit-constructor): as std::span of a vector
      : values(matrix.values()), columns(matrix.columns()) {}
  MatrixView(std::span<const float> all, std::size_t width) noexcept : values(all), columns(width) {}

  [[nodiscard]] std::size_t rows() const noexcept { return columns == 0 ? 0 : values.size() / columns; }
  [[nodiscard]] std::span<const float> operator[](std::size_t row) const noexcept {
    return values.subspan(row * columns, columns);
  }

  std::span<const float> values;
  std::size_t columns;
};

// out = a b^T: products of all rows of `a` with all rows of `b`, both `columns` wide. `out` has a.rows() x b.rows().
void products(MatrixView a, MatrixView b, std::span<float> out);
// out = a b, for `a` of n x k and `b` of k x m.
void multiply(MatrixView a, MatrixView b, std::span<float> out);
// Its columns [first, last) alone: `out` has a.rows() x (last - first).
void multiply(MatrixView a, MatrixView b, std::size_t first, std::size_t last, std::span<float> out);
// sum += a^T b in double, for `a` of n x k and `b` of n x m; `sum` has k x m.
void add_transposed_product(MatrixView a, MatrixView b, std::span<double> sum);

struct Eigen {
  std::vector<double> values;   // largest first
  std::vector<double> vectors;  // size x size, one a row, in that order
};
// Of a symmetric matrix, size x size. internal where it does not converge (never seen for finite input).
[[nodiscard]] Result<Eigen> symmetric_eigen(std::vector<double> matrix, std::size_t size);
// The orthogonal matrix nearest to `matrix` (size x size, row-major): U V^T of its singular value decomposition, the
// answer to the orthogonal Procrustes problem (Schönemann 1966). Errors as symmetric_eigen.
[[nodiscard]] Result<std::vector<double>> nearest_rotation(std::vector<double> matrix, std::size_t size);

}  // namespace eidetic
