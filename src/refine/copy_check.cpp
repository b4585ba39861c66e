#include "refine/copy_check.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "refine/descriptor_match.h"
#include "refine/plane_map.h"
#include "refine/spatial_check.h"

namespace eidetic {
namespace {

// Less than a search looks at: a copy has nearly all features in common with what it was made from.
constexpr FeatureOptions kCopyFeatures{.max_side = kCopyPictureSide, .upsample_below = 0, .max_features = 400};
constexpr std::size_t kCells = 12;      // a side of the grid that agreement is counted on
constexpr std::size_t kCellPoints = 8;  // a side of a cell: where the pictures are compared
constexpr double kLeastDeviation = 4;   // levels of 256, of a cell that shows anything
constexpr double kLeastCorrelation = 0.8;
constexpr std::size_t kLeastCells = 12;  // that show something: fewer tell nothing
constexpr double kSure = 0.8;            // agreement that is not looked beyond
constexpr float kMatchRatio = 0.85F;     // as AlignOptions
constexpr double kTolerance = 0.004;     // pixels a pixel of diagonal, as AlignOptions
constexpr double kMaxFalseAlarms = -3;   // of 10: what chance makes once in a thousand pairs, pixels refuse
constexpr double kLeastShown = 40;       // per cent of one of the pictures

// A picture in grey, read by positions of the picture in full.
class GrayView {
 public:
  explicit GrayView(const LocalFeatures& features)
      : small_(features.small),
        x_scale_(static_cast<double>(small_.width) / features.width),
        y_scale_(static_cast<double>(small_.height) / features.height),
        gray_(small_.pixels.size() / 3) {
    for (std::size_t i = 0; i < gray_.size(); ++i) {
      const std::uint8_t* rgb = small_.pixels.data() + 3 * i;
      gray_[i] = 0.299F * rgb[0] + 0.587F * rgb[1] + 0.114F * rgb[2];
    }
  }

  [[nodiscard]] float at(PlanePosition place) const {
    const double x = std::clamp(place.x * x_scale_ - 0.5, 0.0, small_.width - 1.0);
    const double y = std::clamp(place.y * y_scale_ - 0.5, 0.0, small_.height - 1.0);
    const auto left = static_cast<std::int32_t>(x);
    const auto top = static_cast<std::int32_t>(y);
    const std::int32_t right = std::min(left + 1, small_.width - 1);
    const std::int32_t bottom = std::min(top + 1, small_.height - 1);
    const auto u = static_cast<float>(x - left);
    const auto v = static_cast<float>(y - top);
    return (1 - v) * ((1 - u) * pixel(left, top) + u * pixel(right, top)) +
           v * ((1 - u) * pixel(left, bottom) + u * pixel(right, bottom));
  }

 private:
  [[nodiscard]] float pixel(std::int32_t x, std::int32_t y) const {
    return gray_[static_cast<std::size_t>(y) * static_cast<std::size_t>(small_.width) + static_cast<std::size_t>(x)];
  }

  const Image& small_;
  double x_scale_;
  double y_scale_;
  std::vector<float> gray_;
};

struct Cell {
  int points = 0;
  double a = 0, b = 0, aa = 0, bb = 0, ab = 0;

  void add(double value_a, double value_b) {
    ++points;
    a += value_a, b += value_b;
    aa += value_a * value_a, bb += value_b * value_b, ab += value_a * value_b;
  }
  [[nodiscard]] double deviation_a() const { return std::sqrt(std::max(0.0, aa / points - a * a / points / points)); }
  [[nodiscard]] double deviation_b() const { return std::sqrt(std::max(0.0, bb / points - b * b / points / points)); }
  [[nodiscard]] double covariance() const { return ab / points - a * b / points / points; }
};

struct Frame {
  double width = 0, height = 0;
  [[nodiscard]] bool holds(PlanePosition at) const { return at.x >= 0 && at.y >= 0 && at.x <= width && at.y <= height; }
};

Frame frame_of(const LocalFeatures& features) {
  return {static_cast<double>(features.width), static_cast<double>(features.height)};
}

// How far the corners of a mapped picture are from those of an upright rectangle, of its diagonal.
double skew_of(const Quad& quad) {
  const bool lying = std::abs(quad[1].x - quad[0].x) < std::abs(quad[1].y - quad[0].y);
  const auto along = [&](std::size_t i) { return lying ? quad[i].y : quad[i].x; };
  const auto across = [&](std::size_t i) { return lying ? quad[i].x : quad[i].y; };
  const double off = std::max({std::abs(across(0) - across(1)), std::abs(across(2) - across(3)),
                               std::abs(along(0) - along(3)), std::abs(along(1) - along(2))});
  return off / 2 / std::hypot(quad[2].x - quad[0].x, quad[2].y - quad[0].y);
}

// Agreement of `a` with `b` where the map takes it; nullopt where too little is seen to tell. The grid lies over the
// part of `a` that `b` shows.
std::optional<PixelMatch> agreement_under(const PlaneMap& map, const LocalFeatures& a, const LocalFeatures& b) {
  const Frame frame_a = frame_of(a);
  const Frame frame_b = frame_of(b);
  const auto in_b = mapped(map, corners_of(frame_a.width, frame_a.height));
  const auto back = map.inverse();
  if (!in_b || !back || !is_convex(*in_b)) return PixelMatch{};
  const auto shared = clipped(*in_b, corners_of(frame_b.width, frame_b.height));
  const double area = signed_area(shared);
  const double shown = 100 * std::max(area / signed_area(*in_b), area / (frame_b.width * frame_b.height));
  if (shown < kLeastShown) return PixelMatch{};
  Frame box{0, 0};
  PlanePosition corner{frame_a.width, frame_a.height};
  for (const PlanePosition at : shared) {
    const auto place = (*back)(at);
    if (!place) return PixelMatch{};
    corner = {std::min(corner.x, place->x), std::min(corner.y, place->y)};
    box = {std::max(box.width, place->x), std::max(box.height, place->y)};
  }
  const GrayView view_a(a);
  const GrayView view_b(b);
  std::array<Cell, kCells * kCells> cells{};
  constexpr std::size_t kPoints = kCells * kCellPoints;
  for (std::size_t y = 0; y < kPoints; ++y) {
    for (std::size_t x = 0; x < kPoints; ++x) {
      const PlanePosition at{corner.x + (static_cast<double>(x) + 0.5) / kPoints * (box.width - corner.x),
                             corner.y + (static_cast<double>(y) + 0.5) / kPoints * (box.height - corner.y)};
      const auto there = map(at);
      if (!there || !frame_a.holds(at) || !frame_b.holds(*there)) continue;
      cells[y / kCellPoints * kCells + x / kCellPoints].add(view_a.at(at), view_b.at(*there));
    }
  }
  PixelMatch match{.agreement = 0, .shown_pct = shown, .skew_pct = 100 * skew_of(*in_b), .mirrored = false};
  std::size_t telling = 0;
  double agreeing = 0;
  for (const Cell& cell : cells) {
    if (cell.points < static_cast<int>(kCellPoints * kCellPoints / 2)) continue;
    const double deviation_a = cell.deviation_a();
    const double deviation_b = cell.deviation_b();
    if (std::max(deviation_a, deviation_b) < kLeastDeviation) continue;
    ++telling;
    if (cell.covariance() >= kLeastCorrelation * deviation_a * deviation_b && deviation_a * deviation_b > 0) ++agreeing;
  }
  if (telling < kLeastCells) return std::nullopt;
  match.agreement = agreeing / static_cast<double>(telling);
  return match;
}

// What the keypoints of both agree on, if on anything; the pixels have the last word.
std::optional<PlaneMap> map_between(const LocalFeatures& a, const LocalFeatures& b) {
  std::vector<KeypointPair> pairs;
  for (const FeatureMatch& match : match_features(a, b, kMatchRatio)) {
    const Keypoint& from = a.keypoints[static_cast<std::size_t>(match.query)];
    const Keypoint& to = b.keypoints[static_cast<std::size_t>(match.candidate)];
    pairs.push_back({.at = {{from.x, from.y}, {to.x, to.y}},
                     .scale = static_cast<double>(to.scale) / from.scale,
                     .turn = static_cast<double>(to.angle) - from.angle,
                     .match = static_cast<std::int32_t>(pairs.size())});
  }
  const auto tolerance = [](const LocalFeatures& features) {
    return std::max(2.0, kTolerance * std::hypot(features.width, features.height));
  };
  const auto fit = find_spatial_fit(pairs, {.query_tolerance = tolerance(a),
                                            .candidate_tolerance = tolerance(b),
                                            .candidate_area = static_cast<double>(b.width) * b.height});
  if (!fit || fit->log10_false_alarms > kMaxFalseAlarms) return std::nullopt;
  return fit->map;
}

PlaneMap stretched(const LocalFeatures& a, const LocalFeatures& b) {
  const double x = static_cast<double>(b.width) / a.width;
  const double y = static_cast<double>(b.height) / a.height;
  return {{x, 0, 0, 0, y, 0, 0, 0, 1}};
}

}  // namespace

LocalFeatures copy_features(const Image& image) {
  return extract_features(image, kCopyFeatures).value_or(LocalFeatures{});
}

std::optional<PixelMatch> match_pixels(const LocalFeatures& a, const LocalFeatures& b) {
  if (a.small.empty() || b.small.empty()) return std::nullopt;
  std::optional<PixelMatch> best;
  const auto consider = [&](std::optional<PixelMatch> match, bool swapped) {
    if (!match || (best && match->agreement <= best->agreement)) return;
    best = match;
    best->mirrored = swapped;
  };
  const LocalFeatures swapped_b = mirrored(b);
  const std::array<std::pair<const LocalFeatures*, bool>, 2> ways = {{{&b, false}, {&swapped_b, true}}};
  for (const auto& [other, swapped] : ways) consider(agreement_under(stretched(a, *other), a, *other), swapped);
  if (!best || best->agreement >= kSure) return best;
  for (const auto& [other, swapped] : ways) {
    if (const auto map = map_between(a, *other)) consider(agreement_under(*map, a, *other), swapped);
  }
  return best;
}

}  // namespace eidetic
