// What the scores of engines on Lucene say of similarity. Scores are never negative and larger for what is nearer.
#pragma once

#include "eidetic/space.h"

namespace eidetic {

enum class Scoring {
  // By cosine (1 + cos) / 2; by dot product 1 + q.x, below 0 1 / (1 - q.x); by distance 1 / (1 + d^2).
  lucene,
  // What scripts of ours compute: by cosine 1 + cos; by dot product as above; by distance 1 / (1 + d).
  script,
};

struct Nearness {
  double similarity = 0, distance = 0;  // see Metric
};

[[nodiscard]] Nearness nearness_of(double score, Metric metric, Scoring scoring);

}  // namespace eidetic
