#include "index/matrix.h"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <mutex>

#include "base/multiversion.h"

// LAPACK as OpenBLAS carries it: Fortran's calling convention, columns first. A symmetric matrix is the same both ways,
// and of the others we ask for the transposed.
extern "C" {
void dsyevd_(const char* jobz, const char* uplo, const int* n, double* a, const int* lda, double* w, double* work,
             const int* lwork, int* iwork, const int* liwork, int* info, std::size_t, std::size_t);
void dgesdd_(const char* jobz, const int* m, const int* n, double* a, const int* lda, double* s, double* u,
             const int* ldu, double* vt, const int* ldvt, double* work, const int* lwork, int* iwork, int* info,
             std::size_t);
}

namespace eidetic {
namespace {

int whole(std::size_t size) { return static_cast<int>(size); }

// Searches and trainings compute side by side, and an OpenBLAS that is built for one thread, as Debian's serial one is,
// gives two callers at once the same scratch memory. So single precision, which searches use and training spends its
// time in, is ours below, and of OpenBLAS's there is one call at a time.
std::mutex blas;

constexpr std::size_t kLanes = 16;  // columns of a tile: what lets the compiler use whole registers
// Rows of a tile: as many as keep the multipliers busy, and have registers for their sums.
constexpr std::size_t kTall = 4, kTallest = 8;

// Up to kLanes rows, turned: panel[k * kLanes + lane] is component k of row `lane`.
void fill_panel(const float* rows, std::size_t count, std::size_t width, float* panel) {
  for (std::size_t lane = 0; lane < count; ++lane) {
    for (std::size_t k = 0; k < width; ++k) panel[k * kLanes + lane] = rows[lane * width + k];
  }
}

// The columns [first, first + count) of all rows, up to kLanes.
void cut_panel(MatrixView rows, std::size_t first, std::size_t count, float* panel) {
  for (std::size_t k = 0; k < rows.rows(); ++k) {
    std::memcpy(panel + k * kLanes, rows.values.data() + k * rows.columns + first, count * sizeof(float));
  }
}

// Compilers do not see by themselves that sums of whole tiles fit into registers.
using Eight = float __attribute__((vector_size(32)));
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));

// Values lie anywhere.
template <typename Vector>
[[gnu::always_inline]] inline void load(Vector& to, const float* from) {
  std::memcpy(&to, from, sizeof(to));
}
template <typename Vector>
[[gnu::always_inline]] inline void store(float* to, const Vector& from) {
  std::memcpy(to, &from, sizeof(from));
}

// A tile's sums stay in registers while its components are gone through, each in the same order as everywhere.
template <std::size_t kRows>
[[gnu::always_inline]] inline void tile(const float* rows, std::size_t width, const float* panel, std::size_t count,
                                        float* out, std::size_t stride) {
  Lanes sums[kRows] = {};  // NOLINT(*-avoid-c-arrays): registers, in a function of several versions
  for (std::size_t k = 0; k < width; ++k) {
    Lanes column;
    load(column, panel + k * kLanes);
    for (std::size_t row = 0; row < kRows; ++row) sums[row] += rows[row * width + k] * column;
  }
  for (std::size_t row = 0; row < kRows; ++row) {
    if (count == kLanes) {
      store(out + row * stride, sums[row]);
    } else {
      float values[kLanes];  // NOLINT(*-avoid-c-arrays)
      store(values, sums[row]);
      std::copy_n(values, count, out + row * stride);
    }
  }
}

// Thirty-two of a whole row of the panel each.
bool has_many_registers() {
#ifdef __x86_64__
  static const bool has = __builtin_cpu_supports("avx512f") != 0;
  return has;
#else
  return false;
#endif
}

EIDETIC_MULTIVERSION void products_with_panel(const float* rows, std::size_t count, std::size_t width,
                                              const float* panel, std::size_t lanes, float* out, std::size_t stride) {
  std::size_t row = 0;
  const auto some = [&]<std::size_t kRows>() __attribute__((always_inline)) {
    for (; row + kRows <= count; row += kRows) {
      tile<kRows>(rows + row * width, width, panel, lanes, out + row * stride, stride);
    }
  };
  if (has_many_registers()) some.template operator()<kTallest>();
  some.template operator()<kTall>();
  some.template operator()<1>();
}

// Of a single row nothing is won by turning the others: four of them at a time.
template <std::size_t kRows>
[[gnu::always_inline]] inline void with_row(const float* row, const float* others, std::size_t width, float* out) {
  Eight sums[kRows] = {};  // NOLINT(*-avoid-c-arrays)
  std::size_t k = 0;
  for (; k + 8 <= width; k += 8) {
    Eight part;
    load(part, row + k);
    for (std::size_t i = 0; i < kRows; ++i) {
      Eight other;
      load(other, others + i * width + k);
      sums[i] += part * other;
    }
  }
  for (std::size_t i = 0; i < kRows; ++i) {
    const Eight& sum = sums[i];
    out[i] = ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
    for (std::size_t rest = k; rest < width; ++rest) out[i] += row[rest] * others[i * width + rest];
  }
}

EIDETIC_MULTIVERSION void products_with_row(const float* row, const float* others, std::size_t count, std::size_t width,
                                            float* out) {
  std::size_t i = 0;
  for (; i + kTall <= count; i += kTall) with_row<kTall>(row, others + i * width, width, out + i);
  for (; i < count; ++i) with_row<1>(row, others + i * width, width, out + i);
}

}  // namespace

void products(MatrixView a, MatrixView b, std::span<float> out) {
  if (out.empty()) return;
  if (a.rows() == 1) return products_with_row(a.values.data(), b.values.data(), b.rows(), a.columns, out.data());
  std::vector<float> panel(kLanes * a.columns);
  for (std::size_t first = 0; first < b.rows(); first += kLanes) {
    const std::size_t count = std::min(kLanes, b.rows() - first);
    fill_panel(b.values.data() + first * a.columns, count, a.columns, panel.data());
    products_with_panel(a.values.data(), a.rows(), a.columns, panel.data(), count, out.data() + first, b.rows());
  }
}

void multiply(MatrixView a, MatrixView b, std::span<float> out) { multiply(a, b, 0, b.columns, out); }

void multiply(MatrixView a, MatrixView b, std::size_t first, std::size_t last, std::span<float> out) {
  std::vector<float> panel(kLanes * a.columns);
  for (std::size_t column = first; column < last; column += kLanes) {
    const std::size_t count = std::min(kLanes, last - column);
    cut_panel(b, column, count, panel.data());
    products_with_panel(a.values.data(), a.rows(), a.columns, panel.data(), count, out.data() + (column - first),
                        last - first);
  }
}

void add_transposed_product(MatrixView a, MatrixView b, std::span<double> sum) {
  constexpr std::size_t kRows = 1024;
  const std::scoped_lock lock(blas);
  std::vector<double> left;
  std::vector<double> right;
  for (std::size_t row = 0; row < a.rows(); row += kRows) {
    const std::size_t count = std::min(kRows, a.rows() - row);
    const auto part_a = a.values.subspan(row * a.columns, count * a.columns);
    const auto part_b = b.values.subspan(row * b.columns, count * b.columns);
    left.assign(part_a.begin(), part_a.end());
    right.assign(part_b.begin(), part_b.end());
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, whole(a.columns), whole(b.columns), whole(count), 1,
                left.data(), whole(a.columns), right.data(), whole(b.columns), 1, sum.data(), whole(b.columns));
  }
}

Result<Eigen> symmetric_eigen(std::vector<double> matrix, std::size_t size) {
  const std::scoped_lock lock(blas);
  const int n = whole(size);
  Eigen eigen = {.values = std::vector<double>(size), .vectors = std::move(matrix)};
  double best_work = 0;
  int best_iwork = 0;
  int info = 0;
  const int ask = -1;
  dsyevd_("V", "L", &n, eigen.vectors.data(), &n, eigen.values.data(), &best_work, &ask, &best_iwork, &ask, &info, 1,
          1);
  std::vector<double> work(static_cast<std::size_t>(best_work));
  std::vector<int> iwork(static_cast<std::size_t>(best_iwork));
  const int lwork = whole(work.size());
  const int liwork = whole(iwork.size());
  dsyevd_("V", "L", &n, eigen.vectors.data(), &n, eigen.values.data(), work.data(), &lwork, iwork.data(), &liwork,
          &info, 1, 1);
  if (info != 0) return fail(ErrorCode::internal, fmt::format("the eigenvalues of a matrix were not found ({})", info));
  // LAPACK gives the smallest first; its columns are our rows.
  std::ranges::reverse(eigen.values);
  for (std::size_t i = 0; i < size / 2; ++i) {
    std::swap_ranges(eigen.vectors.begin() + static_cast<std::ptrdiff_t>(i * size),
                     eigen.vectors.begin() + static_cast<std::ptrdiff_t>((i + 1) * size),
                     eigen.vectors.begin() + static_cast<std::ptrdiff_t>((size - 1 - i) * size));
  }
  return eigen;
}

Result<std::vector<double>> nearest_rotation(std::vector<double> matrix, std::size_t size) {
  const std::scoped_lock lock(blas);
  // Of the transposed matrix, columns first: M^T = U S V^T, so the answer (V U^T, rows first) is U V^T, columns first.
  const int n = whole(size);
  std::vector<double> singular(size);
  std::vector<double> u(size * size);
  std::vector<double> vt(size * size);
  std::vector<int> iwork(8 * size);
  double best_work = 0;
  int info = 0;
  const int ask = -1;
  dgesdd_("A", &n, &n, matrix.data(), &n, singular.data(), u.data(), &n, vt.data(), &n, &best_work, &ask, iwork.data(),
          &info, 1);
  std::vector<double> work(static_cast<std::size_t>(best_work));
  const int lwork = whole(work.size());
  dgesdd_("A", &n, &n, matrix.data(), &n, singular.data(), u.data(), &n, vt.data(), &n, work.data(), &lwork,
          iwork.data(), &info, 1);
  if (info != 0) return fail(ErrorCode::internal, fmt::format("a matrix was not taken apart ({})", info));
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, u.data(), n, vt.data(), n, 0, matrix.data(), n);
  return matrix;
}

}  // namespace eidetic
