#include "refine/spatial_check.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <tuple>

namespace eidetic {
namespace {

constexpr std::size_t kMaxHypotheses = 500;  // of the strongest query keypoints
constexpr std::size_t kRefined = 12;         // hypotheses that are improved
constexpr double kLoose = 4;                 // times the tolerance: what one match's scale and angle make of a position
constexpr double kMaxTurn = std::numbers::pi / 4;  // that a keypoint's angle may be off
constexpr double kMaxScaleRatio = 2;               // that its scale may
constexpr double kMaxEnlargement = 16;
constexpr double kMaxSqueeze = 4;
constexpr double kMaxBend = 4;  // the largest area factor within the inliers, of the least
constexpr std::size_t kLeastForHomography = 16;
constexpr double kHomographyGain = 1.05;

PlanePosition middle_of(std::span<const KeypointPair> pairs) {
  PlanePosition middle;
  for (const KeypointPair& pair : pairs) {
    middle.x += pair.at.from.x / static_cast<double>(pairs.size());
    middle.y += pair.at.from.y / static_cast<double>(pairs.size());
  }
  return middle;
}

double angle_between(double a, double b) { return std::abs(std::remainder(a - b, 2 * std::numbers::pi)); }

// A map with the keypoints' turn and scale that belong to it.
struct Hypothesis {
  PlaneMap map;
  double turn = 0;
  double scale = 1;
};

// The largest error in the candidate that counts as none there and in the query.
double tolerance_of(const SpatialCheck& check, double scale) {
  return std::max(check.candidate_tolerance, check.query_tolerance * scale);
}

bool agrees(const Hypothesis& hypothesis, const KeypointPair& pair, double tolerance) {
  const double ratio = pair.scale / hypothesis.scale;
  if (ratio > kMaxScaleRatio || ratio * kMaxScaleRatio < 1) return false;
  const auto to = hypothesis.map(pair.at.from);
  if (!to) return false;
  const double x = to->x - pair.at.to.x;
  const double y = to->y - pair.at.to.y;
  return x * x + y * y <= tolerance * tolerance && angle_between(pair.turn, hypothesis.turn) <= kMaxTurn;
}

std::vector<KeypointPair> inliers_of(const Hypothesis& hypothesis, std::span<const KeypointPair> pairs,
                                     double tolerance) {
  std::vector<KeypointPair> inliers;
  std::ranges::copy_if(pairs, std::back_inserter(inliers),
                       [&](const KeypointPair& pair) { return agrees(hypothesis, pair, tolerance); });
  return inliers;
}

std::vector<PositionPair> positions_of(std::span<const KeypointPair> pairs) {
  std::vector<PositionPair> positions;
  positions.reserve(pairs.size());
  for (const KeypointPair& pair : pairs) positions.push_back(pair.at);
  return positions;
}

// Enlargement and squeeze of the map's linear part at a place.
bool is_a_view(const PlaneMap& map, std::span<const KeypointPair> inliers) {
  const PlanePosition middle = middle_of(inliers);
  const double area = map.area_factor(middle);
  if (!(area > 1 / (kMaxEnlargement * kMaxEnlargement)) || !(area < kMaxEnlargement * kMaxEnlargement)) return false;
  double least = area;
  double most = area;
  for (const KeypointPair& pair : inliers) {
    const double here = map.area_factor(pair.at.from);
    least = std::min(least, here);
    most = std::max(most, here);
  }
  if (!(least > 0) || most > kMaxBend * least) return false;
  const double w = map.h[6] * middle.x + map.h[7] * middle.y + map.h[8];
  const auto to = map(middle);
  if (!to) return false;
  const double xx = (map.h[0] - map.h[6] * to->x) / w;
  const double xy = (map.h[1] - map.h[7] * to->x) / w;
  const double yx = (map.h[3] - map.h[6] * to->y) / w;
  const double yy = (map.h[4] - map.h[7] * to->y) / w;
  // Of singular values s >= t: s² + t² is the sum of squares, s t the determinant; s/t + t/s follows.
  const double spread = (xx * xx + xy * xy + yx * yx + yy * yy) / area;
  return spread <= kMaxSqueeze + 1 / kMaxSqueeze;
}

struct Found {
  Hypothesis hypothesis;
  std::vector<KeypointPair> inliers;
};

// Fits maps of one kind to the inliers, with a tolerance that tightens.
template <typename Fit>
std::optional<Found> improved(Found start, std::span<const KeypointPair> pairs, const SpatialCheck& check,
                              std::initializer_list<double> looseness, const Fit& fit) {
  for (const double loose : looseness) {
    const auto map = fit(positions_of(start.inliers));
    if (!map || !is_a_view(*map, start.inliers)) return std::nullopt;
    start.hypothesis.map = *map;
    start.hypothesis.scale = std::sqrt(map->area_factor(middle_of(start.inliers)));
    start.inliers = inliers_of(start.hypothesis, pairs, loose * tolerance_of(check, start.hypothesis.scale));
    if (start.inliers.size() < 3) return std::nullopt;
  }
  return start;
}

std::optional<Found> best_of(std::optional<Found> a, std::optional<Found> b, double gain) {
  if (!a || !b) return a ? a : b;
  return static_cast<double>(b->inliers.size()) >= gain * static_cast<double>(a->inliers.size()) ? b : a;
}

std::optional<Found> optimize(const Found& start, std::span<const KeypointPair> pairs, const SpatialCheck& check) {
  auto similar = improved(start, pairs, check, {2, 1, 1}, fit_similarity);
  auto affine = improved(similar ? *similar : start, pairs, check, {2, 1, 1, 1}, fit_affine);
  // An affine map has two more ways to please: a few more inliers are no reason.
  auto best = best_of(std::move(similar), std::move(affine), 1.05);
  if (!best || best->inliers.size() < kLeastForHomography) return best;
  auto homography = improved(*best, pairs, check, {2, 1, 1}, fit_homography);
  return best_of(std::move(best), std::move(homography), kHomographyGain);
}

double log10_binomial(double n, double k) {
  return (std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1)) / std::numbers::ln10;
}

// One match gives the hypothesis; each of the others would agree by chance where its position falls within the
// tolerance, and its angle.
double log10_false_alarms(std::size_t matches, std::size_t inliers, double tolerance, double area) {
  const double chance = std::min(1.0, std::numbers::pi * tolerance * tolerance / area) * (kMaxTurn / std::numbers::pi);
  const auto n = static_cast<double>(matches);
  const auto k = static_cast<double>(inliers);
  return std::log10(n) + log10_binomial(n - 1, k - 1) + (k - 1) * std::log10(chance);
}

// Two orientations of one keypoint that both match tell one thing.
std::vector<KeypointPair> distinct(std::span<const KeypointPair> pairs) {
  const auto key = [](const KeypointPair& pair) {
    return std::tuple(pair.at.from.x, pair.at.from.y, pair.at.to.x, pair.at.to.y);
  };
  std::vector<KeypointPair> sorted(pairs.begin(), pairs.end());
  std::ranges::sort(sorted, {},
                    [&](const KeypointPair& pair) { return std::tuple_cat(key(pair), std::tuple(pair.match)); });
  const auto repeated = std::ranges::unique(sorted, {}, key);
  sorted.erase(repeated.begin(), repeated.end());
  std::ranges::sort(sorted, {}, &KeypointPair::match);
  return sorted;
}

}  // namespace

std::optional<SpatialFit> find_spatial_fit(std::span<const KeypointPair> all, const SpatialCheck& check) {
  const std::vector<KeypointPair> pairs = distinct(all);
  std::vector<std::pair<std::ptrdiff_t, std::size_t>> votes;  // less inliers, hypothesis
  std::vector<Hypothesis> hypotheses;
  for (const KeypointPair& pair : std::span(pairs).first(std::min(pairs.size(), kMaxHypotheses))) {
    if (!(pair.scale < kMaxEnlargement) || !(pair.scale * kMaxEnlargement > 1)) continue;
    const Hypothesis hypothesis{similarity_of(pair.at, pair.scale, pair.turn), pair.turn, pair.scale};
    const double tolerance = kLoose * tolerance_of(check, pair.scale);
    const auto count =
        std::ranges::count_if(pairs, [&](const KeypointPair& one) { return agrees(hypothesis, one, tolerance); });
    if (count < 3) continue;
    votes.emplace_back(-count, hypotheses.size());
    hypotheses.push_back(hypothesis);
  }
  std::ranges::sort(votes);
  if (votes.size() > kRefined) votes.resize(kRefined);
  std::optional<Found> best;
  for (const auto& [count, i] : votes) {
    const double tolerance = kLoose * tolerance_of(check, hypotheses[i].scale);
    auto found = optimize({hypotheses[i], inliers_of(hypotheses[i], pairs, tolerance)}, pairs, check);
    if (found && (!best || found->inliers.size() > best->inliers.size())) best = std::move(found);
  }
  if (!best) return std::nullopt;
  const double tolerance = tolerance_of(check, best->hypothesis.scale);
  const double alarms = log10_false_alarms(pairs.size(), best->inliers.size(), tolerance, check.candidate_area);
  return SpatialFit{best->hypothesis.map, std::move(best->inliers), alarms};
}

}  // namespace eidetic
