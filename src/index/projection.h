// What stands before an index: nothing; PCA (Pearson 1901), which keeps the directions in which vectors differ most; or
// OPQ (Ge, He, Ke, Sun 2013), which turns them so that a product quantiser loses least, and may drop dimensions too.
//
// Under cosine, vectors are of unit length and distance orders them as similarity does: after a PCA the metric inside
// is euclidean. Under dot nothing is centred, because a product is not kept by that.
//
// Thread rule: train and load before all else; then any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/space.h"
#include "eidetic/vector_index.h"

#include "index/checked_file.h"
#include "index/index_plan.h"
#include "index/matrix.h"

namespace eidetic {

class Projection {
 public:
  static constexpr std::uint32_t kMaxDimensions = 4096;  // of vectors that are projected: eigenvectors take d^3 steps

  // `plan` is of plan_index. unsupported: more than kMaxDimensions.
  [[nodiscard]] static Result<Projection> of(const IndexPlan& plan, std::uint32_t dimensions, Metric metric);

  // From a sample of stored vectors, at least plan.least_rows() of them.
  [[nodiscard]] Result<void> train(MatrixView sample, const IndexOptions& options);

  [[nodiscard]] bool identity() const noexcept { return kind_ == IndexPlan::Projection::none; }
  [[nodiscard]] std::uint32_t dimensions() const noexcept { return inner_; }
  [[nodiscard]] Metric metric() const noexcept { return metric_; }
  // What a distance inside (see byte_codes.h) says of the score outside: the cosine, product or minus squared distance.
  [[nodiscard]] double score(float distance) const noexcept {
    return unit_ ? 1 - static_cast<double>(distance) / 2 : -static_cast<double>(distance);
  }
  // The share of the vectors' variance that is kept (of their squared lengths, under dot); 1 where all is.
  [[nodiscard]] double explained_variance() const noexcept { return explained_; }

  [[nodiscard]] Matrix apply(MatrixView rows) const;
  void apply(std::span<const float> vector, std::span<float> out) const { apply_rows({vector, vector.size()}, out); }

  void save(CheckedWriter& out) const;
  // False: not what save wrote.
  [[nodiscard]] bool load(CheckedReader& in);

 private:
  Projection(const IndexPlan& plan, std::uint32_t dimensions, Metric metric);

  void apply_rows(MatrixView rows, std::span<float> out) const;
  [[nodiscard]] Result<Matrix> principal_axes(MatrixView sample, std::uint32_t count);
  [[nodiscard]] Result<void> turn_for_quantiser(MatrixView sample, const IndexOptions& options);

  IndexPlan::Projection kind_;
  std::uint32_t segments_;
  std::uint32_t outer_;
  std::uint32_t inner_;
  Metric metric_;
  bool unit_;                // distances between unit vectors stand for their cosines
  Matrix axes_;              // inner x outer
  std::vector<float> mean_;  // taken off before; its projection, that is: axes x mean
  double explained_ = 1;
};

}  // namespace eidetic
