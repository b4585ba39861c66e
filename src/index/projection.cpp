#include "index/projection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/threads.h"
#include "index/product_quantizer.h"
#include "index/vector_math.h"

namespace eidetic {
namespace {

constexpr std::size_t kQuantiserRows = 16'384;  // of the sample that OPQ turns again and again
constexpr unsigned kTurns = 12;
constexpr unsigned kQuantiserIterations = 4;  // between two turns; each starts from the code words of the last
constexpr unsigned kQuantiserBits = 8;

// Which of the axes, largest variance first, goes into which segment, so that the products of variances of all segments
// are alike: each axis to the segment whose product is the smallest so far and that has room (section 3.2.2 of the
// paper, where the order this gives is the optimum for Gaussian vectors).
std::vector<std::size_t> balanced_order(std::span<const double> variances, std::size_t segments) {
  const std::size_t room = variances.size() / segments;
  std::vector<std::vector<std::size_t>> members(segments);
  std::vector<double> logs(segments);
  for (std::size_t axis = 0; axis < variances.size(); ++axis) {
    std::size_t least = segments;
    for (std::size_t i = 0; i < segments; ++i) {
      if (members[i].size() < room && (least == segments || logs[i] < logs[least])) least = i;
    }
    members[least].push_back(axis);
    logs[least] += std::log(std::max(variances[axis], 1e-30));
  }
  std::vector<std::size_t> order;
  for (const auto& segment : members) order.insert(order.end(), segment.begin(), segment.end());
  return order;
}

}  // namespace

Result<Projection> Projection::of(const IndexPlan& plan, std::uint32_t dimensions, Metric metric) {
  if (plan.projection != IndexPlan::Projection::none && dimensions > kMaxDimensions) {
    return fail(
        ErrorCode::unsupported,
        fmt::format("index '{}': vectors of {} dimensions are not projected, {} are possible; leave PCA and OPQ out",
                    plan.to_string(), dimensions, kMaxDimensions));
  }
  return Projection(plan, dimensions, metric);
}

Projection::Projection(const IndexPlan& plan, std::uint32_t dimensions, Metric metric)
    : kind_(plan.projection),
      segments_(plan.opq_segments),
      outer_(dimensions),
      inner_(plan.inner_dimensions(dimensions)),
      metric_(kind_ != IndexPlan::Projection::none && metric == Metric::cosine ? Metric::euclidean : metric),
      unit_(metric_ != metric) {}

Result<Matrix> Projection::principal_axes(MatrixView sample, std::uint32_t count) {
  const std::size_t width = outer_;
  const auto rows = static_cast<double>(sample.rows());
  std::vector<double> mean(width);
  if (metric_ == Metric::euclidean) {
    for (std::size_t i = 0; i < sample.rows(); ++i) {
      for (std::size_t j = 0; j < width; ++j) mean[j] += static_cast<double>(sample[i][j]) / rows;
    }
  }
  std::vector<double> covariance(width * width);
  add_transposed_product(sample, sample, covariance);
  for (std::size_t i = 0; i < width; ++i) {
    for (std::size_t j = 0; j < width; ++j)
      covariance[i * width + j] = covariance[i * width + j] / rows - mean[i] * mean[j];
  }
  EIDETIC_TRY(const Eigen eigen, symmetric_eigen(std::move(covariance), width));

  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (kind_ == IndexPlan::Projection::opq) order = balanced_order(std::span(eigen.values).first(count), segments_);
  Matrix axes(count, width);
  for (std::size_t i = 0; i < count; ++i) {
    const double* const vector = &eigen.vectors[order[i] * width];
    std::ranges::transform(std::span(vector, width), axes[i].begin(),
                           [](double value) { return static_cast<float>(value); });
  }
  const auto positive = [](double sum, double value) { return sum + std::max(0.0, value); };
  const double all = std::accumulate(eigen.values.begin(), eigen.values.end(), 0.0, positive);
  const double kept = std::accumulate(eigen.values.begin(), eigen.values.begin() + count, 0.0, positive);
  explained_ = all > 0 ? kept / all : 1;
  mean_.assign(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < width; ++j) sum += static_cast<double>(axes[i][j]) * mean[j];
    mean_[i] = static_cast<float>(sum);
  }
  return axes;
}

// Code words for the turned vectors, then the turn that brings vectors nearest to their code words, and again.
Result<void> Projection::turn_for_quantiser(MatrixView sample, const IndexOptions& options) {
  const std::size_t rows = std::min(kQuantiserRows, sample.rows());
  const Matrix flat = apply(MatrixView(sample.values.first(rows * sample.columns), sample.columns));
  Matrix turned = flat;
  const std::size_t width = inner_;
  ProductQuantizer quantizer(inner_, segments_, kQuantiserBits);
  std::vector<double> turn;
  for (unsigned round = 0; round < kTurns; ++round) {
    if (options.stop != nullptr && *options.stop) return {};
    quantizer.train(turned, kQuantiserIterations, round > 0, options);
    const Matrix near = quantizer.decode(quantizer.encode(turned, options.pool));
    std::vector<double> correlation(width * width);
    add_transposed_product(near, flat, correlation);
    EIDETIC_TRY(turn, nearest_rotation(std::move(correlation), width));
    Matrix rotation(width, width);
    std::ranges::transform(turn, rotation.values().begin(), [](double value) { return static_cast<float>(value); });
    products(flat, rotation, turned.values());
    if (round + 1 < kTurns) continue;
    Matrix axes(width, outer_);
    multiply(rotation, axes_, axes.values());
    std::vector<float> mean(width);
    products({mean_, width}, rotation, mean);
    axes_ = std::move(axes);
    mean_ = std::move(mean);
  }
  return {};
}

Result<void> Projection::train(MatrixView sample, const IndexOptions& options) {
  if (identity()) return {};
  EIDETIC_TRY(axes_, principal_axes(sample, inner_));
  if (kind_ == IndexPlan::Projection::opq) EIDETIC_CHECK(turn_for_quantiser(sample, options));
  return {};
}

Matrix Projection::apply(MatrixView rows) const {
  Matrix out(rows.rows(), inner_);
  apply_rows(rows, out.values());
  return out;
}

void Projection::apply_rows(MatrixView rows, std::span<float> out) const {
  if (identity()) {
    std::ranges::copy(rows.values, out.begin());
    return;
  }
  products(rows, axes_, out);
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    for (std::size_t j = 0; j < inner_; ++j) out[i * inner_ + j] -= mean_[j];
  }
}

void Projection::save(CheckedWriter& out) const {
  if (identity()) return;
  out.value(explained_);
  out.bytes(std::as_bytes(std::span(mean_)));
  out.bytes(std::as_bytes(axes_.values()));
}

bool Projection::load(CheckedReader& in) {
  if (identity()) return true;
  explained_ = in.value<double>();
  mean_.resize(inner_);
  axes_ = Matrix(inner_, outer_);
  return in.read(std::span(mean_)) && in.read(axes_.values()) && explained_ >= 0 && explained_ <= 1 &&
         all_finite(mean_) && all_finite(axes_.values());
}

}  // namespace eidetic
