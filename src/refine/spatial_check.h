// Whether matches of keypoints agree on one map from the query's plane to the candidate's, and on which.
//
// Each match alone determines a similarity, by position, scale and angle (Philbin, Chum, Isard, Sivic, Zisserman 2007):
// so all hypotheses are tried, nothing is drawn, and the same matches always give the same map. The best are improved
// by least squares over their inliers (LO-RANSAC: Chum, Matas, Kittler 2003) to an affine map, and to a homography
// where that explains clearly more. How sure one may be is told by the expected number of equally good agreements among
// matches that have nothing to do with each other (Moisan and Stival 2004).
//
// Thread rule: pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "refine/plane_map.h"

namespace eidetic {

struct KeypointPair {
  PositionPair at;
  double scale = 1;        // the candidate's keypoint's, of the query's
  double turn = 0;         // radians, from the query's to the candidate's, any number of turns
  std::int32_t match = 0;  // the caller's number for it
};

struct SpatialCheck {
  double query_tolerance = 3;  // pixels that keypoints may be off, in each picture
  double candidate_tolerance = 3;
  double candidate_area = 1;  // square pixels
};

struct SpatialFit {
  PlaneMap map;
  std::vector<KeypointPair> inliers;
  double log10_false_alarms = 0;  // of the expected number: -6 is one in a million
};

// nullopt where no three matches agree on a map that a view of the same thing could be: one that mirrors nothing,
// enlarges or shrinks at most 16 times, squeezes at most 4 times, and is nearly the same all over the inliers.
[[nodiscard]] std::optional<SpatialFit> find_spatial_fit(std::span<const KeypointPair> pairs,
                                                         const SpatialCheck& check);

}  // namespace eidetic
