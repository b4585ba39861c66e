#include "index/matrix.h"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <mutex>

// LAPACK has Fortran's calling convention, columns first. A symmetric matrix is the same both ways,
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

// Which LAPACK is loaded is the machine's choice, and not each is fit for several threads.
std::mutex& lapack_mutex() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

void products(MatrixView a, MatrixView b, std::span<float> out) {
  if (out.empty()) return;
  const int width = whole(a.columns);
  if (a.rows() == 1) {  // a matrix product of one row is many times slower
    cblas_sgemv(CblasRowMajor, CblasNoTrans, whole(b.rows()), width, 1, b.values.data(), width, a.values.data(), 1, 0,
                out.data(), 1);
    return;
  }
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, whole(a.rows()), whole(b.rows()), width, 1, a.values.data(),
              width, b.values.data(), width, 0, out.data(), whole(b.rows()));
}

void multiply(MatrixView a, MatrixView b, std::span<float> out) {
  if (out.empty()) return;
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, whole(a.rows()), whole(b.columns), whole(a.columns), 1,
              a.values.data(), whole(a.columns), b.values.data(), whole(b.columns), 0, out.data(), whole(b.columns));
}

void add_transposed_product(MatrixView a, MatrixView b, std::span<double> sum) {
  constexpr std::size_t kRows = 1024;
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
  const std::scoped_lock lock(lapack_mutex());
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
  const std::scoped_lock lock(lapack_mutex());
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
