#include "index/principal_plane.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace eidetic {
namespace {

constexpr std::size_t kAxes = 2;
constexpr std::size_t kDirections = 8;  // followed at once: what the first two are told apart by
constexpr int kRounds = 15;

Matrix centred(MatrixView vectors, std::vector<float>& mean) {
  std::vector<double> sum(vectors.columns);
  for (std::size_t i = 0; i < vectors.rows(); ++i) {
    for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += static_cast<double>(vectors[i][j]);
  }
  mean.resize(sum.size());
  const auto rows = static_cast<double>(std::max<std::size_t>(1, vectors.rows()));
  std::ranges::transform(sum, mean.begin(), [rows](double value) { return static_cast<float>(value / rows); });
  Matrix out(vectors.rows(), vectors.columns);
  for (std::size_t i = 0; i < vectors.rows(); ++i) {
    for (std::size_t j = 0; j < mean.size(); ++j) out[i][j] = vectors[i][j] - mean[j];
  }
  return out;
}

// Gram and Schmidt, along rows; a row that is left with nothing becomes 0.
void make_orthonormal(Matrix& rows) {
  const auto product = [&rows](std::size_t a, std::size_t b) {
    return std::transform_reduce(rows[a].begin(), rows[a].end(), rows[b].begin(), 0.0, std::plus{},
                                 [](float x, float y) { return static_cast<double>(x) * static_cast<double>(y); });
  };
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    const double before = std::sqrt(product(row, row));
    for (std::size_t other = 0; other < row; ++other) {
      const auto share = static_cast<float>(product(row, other));
      for (std::size_t i = 0; i < rows.columns(); ++i) rows[row][i] -= share * rows[other][i];
    }
    const double norm = std::sqrt(product(row, row));
    const auto scale = static_cast<float>(norm > 1e-6 * before ? 1 / norm : 0);
    for (float& value : rows[row]) value *= scale;
  }
}

double square_sum(std::span<const float> values) {
  return std::transform_reduce(values.begin(), values.end(), 0.0, std::plus{},
                               [](float value) { return static_cast<double>(value) * static_cast<double>(value); });
}

}  // namespace

Result<PrincipalPlane> PrincipalPlane::of(MatrixView sample) {
  PrincipalPlane plane;
  const Matrix vectors = centred(sample, plane.mean_);
  plane.axes_ = Matrix(kAxes, sample.columns);
  const double all = square_sum(vectors.values());
  if (!(all > 0)) return plane;

  const std::size_t width = std::min(kDirections, sample.columns);
  Matrix directions(width, sample.columns);
  std::mt19937_64 random(1);
  std::normal_distribution<float> normal;
  std::ranges::generate(directions.values(), [&] { return normal(random); });
  make_orthonormal(directions);
  Matrix along(vectors.rows(), width);
  std::vector<double> turned(width * sample.columns);
  for (int round = 0; round < kRounds; ++round) {
    products(vectors, directions, along.values());
    std::ranges::fill(turned, 0.0);
    add_transposed_product(along, vectors, turned);
    const double largest = std::abs(std::ranges::max(turned, {}, [](double value) { return std::abs(value); }));
    std::ranges::transform(turned, directions.values().begin(),
                           [largest](double value) { return static_cast<float>(value / largest); });
    make_orthonormal(directions);
  }
  products(vectors, directions, along.values());
  std::vector<double> spread(width * width);
  add_transposed_product(along, along, spread);
  EIDETIC_TRY(const Eigen eigen, symmetric_eigen(std::move(spread), width));

  double shown = 0;
  for (std::size_t axis = 0; axis < std::min(kAxes, width); ++axis) {
    const auto out = plane.axes_[axis];
    for (std::size_t i = 0; i < out.size(); ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < width; ++j)
        sum += static_cast<double>(directions[j][i]) * eigen.vectors[axis * width + j];
      out[i] = static_cast<float>(sum);
    }
    // An axis points both ways; one of them has to be taken.
    const float largest = std::ranges::max(out, {}, [](float value) { return std::abs(value); });
    if (largest < 0) std::ranges::transform(out, out.begin(), std::negate{});
    shown += std::max(0.0, eigen.values[axis]);
  }
  plane.explained_ = std::min(1.0, shown / all);
  return plane;
}

std::vector<PlanePoint> PrincipalPlane::places(MatrixView vectors) const {
  Matrix along(vectors.rows(), kAxes);
  products(vectors, axes_, along.values());
  Matrix middle(1, kAxes);
  products({mean_, mean_.size()}, axes_, middle.values());
  std::vector<PlanePoint> points;
  points.reserve(vectors.rows());
  for (std::size_t i = 0; i < vectors.rows(); ++i) {
    points.push_back({.x = along[i][0] - middle[0][0], .y = along[i][1] - middle[0][1]});
  }
  return points;
}

}  // namespace eidetic
