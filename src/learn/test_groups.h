// Vectors in groups, for tests.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "index/matrix.h"

namespace eidetic {

struct Groups {
  Matrix vectors;
  std::vector<std::string> labels;  // "g0", "g1", …, in turn
};

// Around random centres; `spread` 1 is as far from them as the centres are from each other.
inline Groups random_groups(std::size_t groups, std::size_t each, std::size_t dimensions, float spread, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Matrix centers(groups, dimensions);
  for (float& value : centers.values()) value = normal(random);
  Groups result{.vectors = Matrix(groups * each, dimensions), .labels = {}};
  for (std::size_t row = 0; row < groups * each; ++row) {
    const std::size_t group = row % groups;
    for (std::size_t i = 0; i < dimensions; ++i) {
      result.vectors[row][i] = centers[group][i] + spread * normal(random);
    }
    result.labels.push_back("g" + std::to_string(group));
  }
  return result;
}

}  // namespace eidetic
