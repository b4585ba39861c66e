// Which features of one picture look like which of another: nearest neighbours that are each other's, and much nearer
// than the second nearest (the ratio test of Lowe 2004). All pairs are compared, so the result is exact.
//
// Thread rule: pure functions; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "refine/local_features.h"

namespace eidetic {

struct FeatureMatch {
  std::int32_t query = 0;  // index of its keypoint
  std::int32_t candidate = 0;
};

// In the order of the query's keypoints. `ratio`: the most that the distance to the nearest may be of that to the
// second nearest, in both directions.
[[nodiscard]] std::vector<FeatureMatch> match_features(const LocalFeatures& query, const LocalFeatures& candidate,
                                                       float ratio);

}  // namespace eidetic
