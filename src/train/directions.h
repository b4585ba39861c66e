// Rows brought to length 1, and the way back of gradients through that.
// Thread rule: constant after construction; any thread.
#pragma once

#include <vector>

#include "index/matrix.h"

namespace eidetic {

class Directions {
 public:
  explicit Directions(MatrixView rows);

  [[nodiscard]] const Matrix& unit() const noexcept { return unit_; }
  // Of gradients by the unit rows those by the rows themselves, in place.
  void pull_back(Matrix& gradient) const;

 private:
  Matrix unit_;
  std::vector<double> lengths_;
};

}  // namespace eidetic
