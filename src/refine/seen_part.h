// Which part of the candidate is seen in the query, once it is known how their planes lie on each other: compares the
// small pictures, as keypoints are too sparse to tell where a pasted part ends.
//
// Thread rule: pure functions; any thread.
#pragma once

#include <span>

#include "refine/local_features.h"
#include "refine/plane_map.h"

namespace eidetic {

struct SeenPart {
  bool whole_query = false;  // all of the query lies in the candidate, or most, and agrees with it
  Quad quad = {};            // in the candidate: the query's corners where whole_query, else an upright rectangle
};

// `map` from query to candidate, `inliers` the pairs of positions that it is known by.
//
// Two answers are compared by the area that agrees in colour less the area that does not: the whole query, and
// the upright rectangle of the candidate for which that is greatest (the maximum-sum rectangle: Bentley 1984). Colours
// agree where the query's, after one gain and offset for each of red, green and blue, are within the candidate's around
// that place (Birchfield and Tomasi 1998) up to a few levels. Where neither covers the inliers, it is their upright
// rectangle.
[[nodiscard]] SeenPart find_seen_part(const LocalFeatures& query, const LocalFeatures& candidate, const PlaneMap& map,
                                      std::span<const PositionPair> inliers);

}  // namespace eidetic
