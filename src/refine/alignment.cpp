#include "refine/alignment.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <utility>

#include "refine/descriptor_match.h"
#include "refine/seen_part.h"
#include "refine/spatial_check.h"

namespace eidetic {
namespace {

constexpr double kLeastTolerance = 2;
constexpr double kLeastSpread = 2;  // tolerances: standard deviation of inliers along their narrow direction

double diagonal(const LocalFeatures& features) { return std::hypot(features.width, features.height); }

PlanePosition position_of(const Keypoint& keypoint) { return {keypoint.x, keypoint.y}; }

std::vector<KeypointPair> pairs_of(const std::vector<FeatureMatch>& matches, const LocalFeatures& query,
                                   const LocalFeatures& candidate) {
  std::vector<KeypointPair> pairs;
  pairs.reserve(matches.size());
  for (const FeatureMatch& match : matches) {
    const Keypoint& from = query.keypoints[static_cast<std::size_t>(match.query)];
    const Keypoint& to = candidate.keypoints[static_cast<std::size_t>(match.candidate)];
    pairs.push_back({.at = {position_of(from), position_of(to)},
                     .scale = static_cast<double>(to.scale) / from.scale,
                     .turn = static_cast<double>(to.angle) - from.angle,
                     .match = static_cast<std::int32_t>(pairs.size())});
  }
  return pairs;
}

// Standard deviation along the direction in which it is least.
template <typename Member>
double narrow_spread(const std::vector<PositionPair>& pairs, Member member) {
  const auto count = static_cast<double>(pairs.size());
  double x = 0;
  double y = 0;
  for (const PositionPair& pair : pairs) x += (pair.*member).x / count, y += (pair.*member).y / count;
  double xx = 0;
  double xy = 0;
  double yy = 0;
  for (const PositionPair& pair : pairs) {
    const double dx = (pair.*member).x - x;
    const double dy = (pair.*member).y - y;
    xx += dx * dx / count, xy += dx * dy / count, yy += dy * dy / count;
  }
  const double least = (xx + yy) / 2 - std::hypot((xx - yy) / 2, xy);
  return std::sqrt(std::max(0.0, least));
}

bool is_accepted(const SpatialFit& fit, const std::vector<PositionPair>& pairs, const SpatialCheck& check,
                 const AlignOptions& options) {
  return std::ssize(pairs) >= options.min_inliers && fit.log10_false_alarms <= options.max_log10_false_alarms &&
         narrow_spread(pairs, &PositionPair::from) >= kLeastSpread * check.query_tolerance &&
         narrow_spread(pairs, &PositionPair::to) >= kLeastSpread * check.candidate_tolerance;
}

double percent_within(const Quad& quad, const LocalFeatures& picture) {
  const auto inside = clipped(quad, corners_of(picture.width, picture.height));
  return std::clamp(100 * signed_area(inside) / (static_cast<double>(picture.width) * picture.height), 0.0, 100.0);
}

// Both quads turned so that they begin with the query's top left corner.
void begin_at_top_left(Quad& query_quad, Quad& quad) {
  const auto first = std::ranges::min_element(query_quad, {}, [](PlanePosition at) { return at.x + at.y; });
  const auto steps = first - query_quad.begin();
  std::ranges::rotate(query_quad, query_quad.begin() + steps);
  std::ranges::rotate(quad, quad.begin() + steps);
}

}  // namespace

Alignment align(const LocalFeatures& query, const LocalFeatures& candidate, const AlignOptions& options) {
  const auto matches = match_features(query, candidate, options.ratio);
  Alignment alignment{.matches = static_cast<std::int32_t>(matches.size())};
  const SpatialCheck check{.query_tolerance = std::max(kLeastTolerance, options.tolerance * diagonal(query)),
                           .candidate_tolerance = std::max(kLeastTolerance, options.tolerance * diagonal(candidate)),
                           .candidate_area = static_cast<double>(candidate.width) * candidate.height};
  const auto fit = find_spatial_fit(pairs_of(matches, query, candidate), check);
  if (!fit) return alignment;
  std::vector<PositionPair> pairs;
  for (const KeypointPair& inlier : fit->inliers) pairs.push_back(inlier.at);
  if (!is_accepted(*fit, pairs, check, options)) return alignment;
  const SeenPart part = find_seen_part(query, candidate, fit->map, pairs);
  const auto back = fit->map.inverse();
  const auto query_quad = back ? mapped(*back, part.quad) : std::nullopt;
  if (!query_quad || !is_convex(part.quad) || !is_convex(*query_quad)) return alignment;
  alignment.verified = true;
  alignment.whole_query = part.whole_query;
  alignment.inliers = static_cast<std::int32_t>(pairs.size());
  alignment.homography = fit->map;
  alignment.quad = part.quad;
  alignment.query_quad = *query_quad;
  begin_at_top_left(alignment.query_quad, alignment.quad);
  alignment.query_overlap_pct = percent_within(alignment.query_quad, query);
  alignment.candidate_overlap_pct = percent_within(alignment.quad, candidate);
  alignment.score = -fit->log10_false_alarms;
  alignment.pairs = std::move(pairs);
  return alignment;
}

bool ranks_before(const Alignment& a, const Alignment& b) noexcept {
  if (a.verified != b.verified) return a.verified;
  return a.verified && a.score > b.score;
}

}  // namespace eidetic
