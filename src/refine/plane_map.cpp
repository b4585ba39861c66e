#include "refine/plane_map.h"

#include <Eigen/Dense>

#include <cmath>

namespace eidetic {
namespace {

using Matrix3 = Eigen::Matrix<double, 3, 3, Eigen::RowMajor>;

constexpr double kLeastPivot = 1e-9;  // of a system in coordinates of size 1: below, it determines nothing

Matrix3 matrix_of(const PlaneMap& map) { return Eigen::Map<const Matrix3>(map.h.data()); }

PlaneMap map_of(const Matrix3& matrix) {
  PlaneMap map;
  Eigen::Map<Matrix3>(map.h.data()) = matrix;
  return map;
}

// Moves the pairs' middle to 0 and scales them to a mean square distance of 2: systems are well-conditioned then.
struct Normalization {
  double x = 0;
  double y = 0;
  double scale = 1;

  [[nodiscard]] PlanePosition operator()(PlanePosition at) const { return {(at.x - x) * scale, (at.y - y) * scale}; }
  [[nodiscard]] Matrix3 matrix() const {
    return (Matrix3() << scale, 0, -scale * x, 0, scale, -scale * y, 0, 0, 1).finished();
  }
  [[nodiscard]] Matrix3 inverse() const { return (Matrix3() << 1 / scale, 0, x, 0, 1 / scale, y, 0, 0, 1).finished(); }
};

template <typename Member>
std::optional<Normalization> normalization_of(std::span<const PositionPair> pairs, Member member) {
  const auto count = static_cast<double>(pairs.size());
  Normalization norm;
  for (const PositionPair& pair : pairs) {
    norm.x += (pair.*member).x / count;
    norm.y += (pair.*member).y / count;
  }
  double square = 0;
  for (const PositionPair& pair : pairs) {
    square += (std::pow((pair.*member).x - norm.x, 2) + std::pow((pair.*member).y - norm.y, 2)) / count;
  }
  if (!(square > 0) || !std::isfinite(square)) return std::nullopt;
  norm.scale = std::sqrt(2 / square);
  return norm;
}

// Solves for the map between normalised pairs, `least` of them at least, and takes it back to pixels.
template <typename Solve>
std::optional<PlaneMap> fit(std::span<const PositionPair> pairs, std::size_t least, const Solve& solve) {
  if (pairs.size() < least) return std::nullopt;
  const auto from = normalization_of(pairs, &PositionPair::from);
  const auto to = normalization_of(pairs, &PositionPair::to);
  if (!from || !to) return std::nullopt;
  std::vector<PositionPair> normal;
  normal.reserve(pairs.size());
  for (const PositionPair& pair : pairs) normal.push_back({(*from)(pair.from), (*to)(pair.to)});
  const std::optional<Matrix3> solved = solve(normal);
  if (!solved) return std::nullopt;
  Matrix3 matrix = to->inverse() * *solved * from->matrix();
  if (!matrix.allFinite() || std::abs(matrix(2, 2)) < 1e-12) return std::nullopt;
  matrix /= matrix(2, 2);
  return map_of(matrix);
}

std::optional<Matrix3> solve_similarity(const std::vector<PositionPair>& pairs) {
  double square = 0;
  double along = 0;
  double across = 0;
  for (const auto& [from, to] : pairs) {
    square += from.x * from.x + from.y * from.y;
    along += from.x * to.x + from.y * to.y;
    across += from.x * to.y - from.y * to.x;
  }
  const double a = along / square;
  const double b = across / square;
  if (a * a + b * b < kLeastPivot) return std::nullopt;
  return (Matrix3() << a, -b, 0, b, a, 0, 0, 0, 1).finished();
}

std::optional<Matrix3> solve_affine(const std::vector<PositionPair>& pairs) {
  // About their middles, so that the translation is none.
  Eigen::Matrix2d square = Eigen::Matrix2d::Zero();
  Eigen::Matrix2d product = Eigen::Matrix2d::Zero();
  for (const auto& [from, to] : pairs) {
    const Eigen::Vector2d a(from.x, from.y);
    square += a * a.transpose();
    product += Eigen::Vector2d(to.x, to.y) * a.transpose();
  }
  constexpr double kLeastSpread = 1e-3;  // of the area they span, against what they would at best
  if (square.determinant() < kLeastSpread * std::pow(square.trace() / 2, 2)) return std::nullopt;
  const Eigen::Matrix2d linear = product * square.inverse();
  Matrix3 matrix = Matrix3::Identity();
  matrix.topLeftCorner<2, 2>() = linear;
  return matrix;
}

std::optional<Matrix3> solve_homography(const std::vector<PositionPair>& pairs) {
  Eigen::Matrix<double, 9, 9> normal = Eigen::Matrix<double, 9, 9>::Zero();
  for (const auto& [from, to] : pairs) {
    Eigen::Matrix<double, 9, 1> row;
    row << from.x, from.y, 1, 0, 0, 0, -to.x * from.x, -to.x * from.y, -to.x;
    normal += row * row.transpose();
    row << 0, 0, 0, from.x, from.y, 1, -to.y * from.x, -to.y * from.y, -to.y;
    normal += row * row.transpose();
  }
  const Eigen::SelfAdjointEigenSolver<Eigen::Matrix<double, 9, 9>> solver(normal);
  if (solver.info() != Eigen::Success) return std::nullopt;
  // Two directions of no cost: the pairs lie in a line, or are too few.
  if (solver.eigenvalues()(1) < kLeastPivot * solver.eigenvalues()(8)) return std::nullopt;
  const Eigen::Matrix<double, 9, 1> least = solver.eigenvectors().col(0);
  return Matrix3(Eigen::Map<const Matrix3>(least.data()));
}

}  // namespace

std::optional<PlanePosition> PlaneMap::operator()(PlanePosition at) const noexcept {
  const double w = h[6] * at.x + h[7] * at.y + h[8];
  if (!(w > 1e-9)) return std::nullopt;
  return PlanePosition{(h[0] * at.x + h[1] * at.y + h[2]) / w, (h[3] * at.x + h[4] * at.y + h[5]) / w};
}

double PlaneMap::area_factor(PlanePosition at) const noexcept {
  const double w = h[6] * at.x + h[7] * at.y + h[8];
  return w > 1e-9 ? matrix_of(*this).determinant() / (w * w * w) : 0;
}

std::optional<PlaneMap> PlaneMap::inverse() const noexcept {
  const Matrix3 inverse = matrix_of(*this).inverse();
  if (!inverse.allFinite() || std::abs(inverse(2, 2)) < 1e-12) return std::nullopt;
  return map_of(inverse / inverse(2, 2));
}

PlaneMap similarity_of(const PositionPair& pair, double scale, double angle) noexcept {
  const double a = scale * std::cos(angle);
  const double b = scale * std::sin(angle);
  return {{a, -b, pair.to.x - a * pair.from.x + b * pair.from.y,  //
           b, a, pair.to.y - b * pair.from.x - a * pair.from.y,   //
           0, 0, 1}};
}

std::optional<PlaneMap> fit_similarity(std::span<const PositionPair> pairs) { return fit(pairs, 2, solve_similarity); }
std::optional<PlaneMap> fit_affine(std::span<const PositionPair> pairs) { return fit(pairs, 3, solve_affine); }
std::optional<PlaneMap> fit_homography(std::span<const PositionPair> pairs) { return fit(pairs, 4, solve_homography); }

Quad corners_of(double width, double height) noexcept { return {{{0, 0}, {width, 0}, {width, height}, {0, height}}}; }

std::optional<Quad> mapped(const PlaneMap& map, const Quad& quad) noexcept {
  Quad to;
  for (std::size_t i = 0; i < quad.size(); ++i) {
    const auto corner = map(quad[i]);
    if (!corner) return std::nullopt;
    to[i] = *corner;
  }
  return to;
}

namespace {

// Positive where c is to the right of the way from a to b, as pictures are seen.
double turn(PlanePosition a, PlanePosition b, PlanePosition c) {
  return (b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x);
}

}  // namespace

bool is_convex(const Quad& quad) noexcept {
  for (std::size_t i = 0; i < 4; ++i) {
    if (!(turn(quad[i], quad[(i + 1) % 4], quad[(i + 2) % 4]) > 0)) return false;
  }
  return true;
}

double signed_area(std::span<const PlanePosition> polygon) noexcept {
  double twice = 0;
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    const PlanePosition& a = polygon[i];
    const PlanePosition& b = polygon[(i + 1) % polygon.size()];
    twice += a.x * b.y - a.y * b.x;
  }
  return twice / 2;
}

std::vector<PlanePosition> clipped(std::span<const PlanePosition> polygon, const Quad& to) {
  std::vector<PlanePosition> inside(polygon.begin(), polygon.end());
  for (std::size_t edge = 0; edge < to.size() && !inside.empty(); ++edge) {
    const PlanePosition a = to[edge];
    const PlanePosition b = to[(edge + 1) % to.size()];
    std::vector<PlanePosition> kept;
    for (std::size_t i = 0; i < inside.size(); ++i) {
      const PlanePosition from = inside[i];
      const PlanePosition next = inside[(i + 1) % inside.size()];
      const double here = turn(a, b, from);
      const double there = turn(a, b, next);
      if (here >= 0) kept.push_back(from);
      if ((here < 0) != (there < 0)) {
        const double t = here / (here - there);
        kept.push_back({from.x + t * (next.x - from.x), from.y + t * (next.y - from.y)});
      }
    }
    inside = std::move(kept);
  }
  return inside;
}

}  // namespace eidetic
