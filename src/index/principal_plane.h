// The plane in which vectors differ most: their first two principal components (Pearson 1901), found by subspace
// iteration (Halko, Martinsson, Tropp 2011), so that it takes a few passes over the vectors whatever their dimensions.
//
// Thread rule: constant once made; any thread.
#pragma once

#include <span>
#include <vector>

#include "eidetic/inspection.h"

#include "index/matrix.h"

namespace eidetic {

class PrincipalPlane {
 public:
  // Of a sample of finite vectors. The same sample gives the same plane. Errors as symmetric_eigen.
  [[nodiscard]] static Result<PrincipalPlane> of(MatrixView sample);

  // Where vectors of the sample's dimensions lie; all at the same place where the sample has fewer than two different
  // vectors.
  [[nodiscard]] std::vector<PlanePoint> places(MatrixView vectors) const;
  // The share of the sample's variance that the plane shows; 1 where there is none.
  [[nodiscard]] double explained_variance() const noexcept { return explained_; }

 private:
  std::vector<float> mean_;
  Matrix axes_;  // 2 x dimensions
  double explained_ = 1;
};

}  // namespace eidetic
