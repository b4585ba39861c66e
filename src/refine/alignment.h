// Keypoint verification: whether a candidate of a search shows what the query does, and where. Pure geometry on local
// features: `extract_features` of the query once (kQueryFeatures), of each candidate or from a cache, then `align`
// each, and sort by `ranks_before`.
//
// A mirrored picture does not align (local_features.h), nor do two pictures of the same kind of thing: only of the same
// thing, as far as it is flat or seen from nearly the same place.
//
// Thread rule: pure functions and values; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "refine/local_features.h"
#include "refine/plane_map.h"

namespace eidetic {

struct AlignOptions {
  float ratio = 0.85F;                 // nearest to second nearest neighbour (Lowe 2004): less is stricter
  std::int32_t min_inliers = 6;        // fewer are never enough
  double max_log10_false_alarms = -8;  // of the number of equally good alignments that chance would make
  double tolerance = 0.004;  // pixels that a keypoint may be off, a pixel of its picture's diagonal; at least 2
};

// What is seen of the candidate in the query, as a quadrilateral of each picture. Which, is said by `whole_query`:
//
// true: the query is a view of the candidate or of a part of it, such as a crop. `quad` are the query's own corners in
// the candidate; where the query shows a bit more than the candidate, they lie a bit outside of it.
//
// false: the query shows other things too, such as a scene in which a picture or a crop of it was pasted. Keypoints
// cannot tell where the candidate's part ends, so the colours of both are compared (seen_part.h); `quad` is the
// rectangle, upright in the candidate, in which they agree, as parts of pictures have been cut out upright.
//
// Corners run clockwise as pictures are seen, from the one that is the top left in the query (that with the least sum
// of coordinates there); corner i of `quad` is corner i of `query_quad`.
struct Alignment {
  bool verified = false;  // what follows but `matches` is empty or 0 where not
  bool whole_query = false;
  std::int32_t matches = 0;          // of features, before geometry
  std::int32_t inliers = 0;          // distinct ones that agree with the homography
  PlaneMap homography = {};          // from pixels of the query to pixels of the candidate
  Quad quad = {};                    // pixels of the candidate
  Quad query_quad = {};              // pixels of the query
  double query_overlap_pct = 0;      // how much of the query's area the quadrilateral covers
  double candidate_overlap_pct = 0;  // how much of the candidate's
  double score = 0;  // -log10 of the number of equally good alignments expected by chance: more is surer
  std::vector<PositionPair> pairs = {};  // the inliers, from query to candidate
};

// The query has to be given the same options each time for scores to compare. Deterministic.
[[nodiscard]] Alignment align(const LocalFeatures& query, const LocalFeatures& candidate,
                              const AlignOptions& options = {});

// The order of a re-ranked result: verified ones first, by score. The others keep the order that the search gave them
// (use a stable sort).
[[nodiscard]] bool ranks_before(const Alignment& a, const Alignment& b) noexcept;

}  // namespace eidetic
