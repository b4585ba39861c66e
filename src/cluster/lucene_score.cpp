#include "cluster/lucene_score.h"

#include <algorithm>
#include <cmath>

namespace eidetic {
namespace {

Nearness by_product(double product) { return {.similarity = product, .distance = 1 - product}; }
Nearness by_distance(double distance) { return {.similarity = 1 / (1 + distance), .distance = distance}; }

}  // namespace

Nearness nearness_of(double score, Metric metric, Scoring scoring) {
  switch (metric) {
    case Metric::cosine:
      return by_product(std::clamp(scoring == Scoring::lucene ? 2 * score - 1 : score - 1, -1.0, 1.0));
    case Metric::dot: return by_product(score >= 1 ? score - 1 : 1 - 1 / score);
    case Metric::euclidean: break;
  }
  const double apart = std::max(0.0, 1 / score - 1);
  return by_distance(scoring == Scoring::lucene ? std::sqrt(apart) : apart);
}

}  // namespace eidetic
