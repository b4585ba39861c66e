#include "train/directions.h"

#include <algorithm>
#include <cmath>

#include "index/vector_math.h"

namespace eidetic {

Directions::Directions(MatrixView rows) : unit_(rows.rows(), rows.columns), lengths_(rows.rows()) {
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    lengths_[i] = std::sqrt(dot_product(rows[i], rows[i]));
    if (lengths_[i] == 0) continue;
    std::ranges::transform(rows[i], unit_[i].begin(),
                           [&](float value) { return static_cast<float>(value / lengths_[i]); });
  }
}

void Directions::pull_back(Matrix& gradient) const {
  for (std::size_t i = 0; i < gradient.rows(); ++i) {
    const auto row = gradient[i];
    const auto unit = unit_[i];
    const double along = dot_product(row, unit);
    for (std::size_t d = 0; d < row.size(); ++d) {
      row[d] = lengths_[i] == 0 ? 0 : static_cast<float>((row[d] - along * unit[d]) / lengths_[i]);
    }
  }
}

}  // namespace eidetic
