#include "refine/seen_part.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace eidetic {
namespace {

constexpr int kLeastCells = 8;    // a side of the grid
constexpr int kMaxSamples = 4;    // a side of a cell
constexpr float kTolerance = 12;  // levels of 256 that count as neither agreeing nor not
constexpr double kMinGain = 0.5;  // that brightness or contrast may differ by
constexpr double kMaxGain = 2;
constexpr int kFitRounds = 5;
constexpr float kUnseen = -1;          // what a cell that the query does not show is worth to a rectangle
constexpr double kLeastCovered = 0.7;  // of the inliers, by a part to be believed

// The small grey picture, read by positions of the large one.
class GrayView {
 public:
  explicit GrayView(const LocalFeatures& features)
      : features_(&features),
        x_scale_(static_cast<double>(features.gray_width) / features.width),
        y_scale_(static_cast<double>(features.gray_height) / features.height) {}

  [[nodiscard]] double pixel() const { return 1 / std::sqrt(x_scale_ * y_scale_); }  // how large one of the grey is
  [[nodiscard]] float operator()(PlanePosition at) const {
    const double x = std::clamp(at.x * x_scale_ - 0.5, 0.0, features_->gray_width - 1.0);
    const double y = std::clamp(at.y * y_scale_ - 0.5, 0.0, features_->gray_height - 1.0);
    const int left = std::min(static_cast<int>(x), std::max(0, features_->gray_width - 2));
    const int top = std::min(static_cast<int>(y), std::max(0, features_->gray_height - 2));
    const int right = std::min(left + 1, features_->gray_width - 1);
    const int bottom = std::min(top + 1, features_->gray_height - 1);
    const auto u = static_cast<float>(x - left);
    const auto v = static_cast<float>(y - top);
    return (1 - v) * ((1 - u) * value(left, top) + u * value(right, top)) +
           v * ((1 - u) * value(left, bottom) + u * value(right, bottom));
  }

 private:
  [[nodiscard]] float value(int x, int y) const {
    return static_cast<float>(features_->gray[static_cast<std::size_t>(y) * features_->gray_width + x]);
  }

  const LocalFeatures* features_;
  double x_scale_;
  double y_scale_;
};

// Cells over the candidate, as fine as the coarser of both grey pictures; the grey levels of both in each.
struct Grid {
  int width = 0;
  int height = 0;
  double cell_width = 0;  // pixels of the candidate
  double cell_height = 0;
  std::vector<float> candidate;
  std::vector<float> query;
  std::vector<char> seen;  // the query shows this place

  [[nodiscard]] std::size_t at(int x, int y) const { return static_cast<std::size_t>(y) * width + x; }
  [[nodiscard]] std::pair<int, int> cell_of(PlanePosition place) const {
    return {std::clamp(static_cast<int>(place.x / cell_width), 0, width - 1),
            std::clamp(static_cast<int>(place.y / cell_height), 0, height - 1)};
  }
};

Grid make_grid(const LocalFeatures& query, const LocalFeatures& candidate, const PlaneMap& back, double scale) {
  const GrayView query_gray(query);
  const GrayView candidate_gray(candidate);
  const double fine = std::min(candidate_gray.pixel(), query_gray.pixel() * scale);
  const double coarse = std::max(candidate_gray.pixel(), query_gray.pixel() * scale);
  Grid grid;
  const auto cells = [coarse](std::int32_t side) {
    return std::clamp(static_cast<int>(std::lround(side / coarse)), kLeastCells, static_cast<int>(kGraySide));
  };
  grid.width = cells(candidate.width);
  grid.height = cells(candidate.height);
  grid.cell_width = static_cast<double>(candidate.width) / grid.width;
  grid.cell_height = static_cast<double>(candidate.height) / grid.height;
  const std::size_t count = static_cast<std::size_t>(grid.width) * grid.height;
  grid.candidate.resize(count);
  grid.query.resize(count);
  grid.seen.resize(count);
  const int samples = std::clamp(static_cast<int>(std::ceil(coarse / fine)), 1, kMaxSamples);
  for (int y = 0; y < grid.height; ++y) {
    for (int x = 0; x < grid.width; ++x) {
      float there = 0;
      float here = 0;
      int shown = 0;
      for (int i = 0; i < samples * samples; ++i) {
        const PlanePosition place{(x + (i % samples + 0.5) / samples) * grid.cell_width,
                                  (y + (i / samples + 0.5) / samples) * grid.cell_height};
        there += candidate_gray(place);
        const auto from = back(place);
        if (!from || from->x < 0 || from->y < 0 || from->x > query.width || from->y > query.height) continue;
        here += query_gray(*from);
        ++shown;
      }
      const std::size_t at = grid.at(x, y);
      grid.candidate[at] = there / static_cast<float>(samples * samples);
      grid.query[at] = shown > 0 ? here / static_cast<float>(shown) : 0;
      grid.seen[at] = 2 * shown > samples * samples ? 1 : 0;
    }
  }
  return grid;
}

struct Light {
  double gain = 1;
  double offset = 0;
};

// How the candidate's grey levels become the query's, from the cells around the inliers; those that fit worst, such as
// what was laid over, are left out round by round.
Light fit_light(const Grid& grid, std::span<const PositionPair> inliers) {
  std::vector<std::pair<double, double>> levels;
  for (const PositionPair& inlier : inliers) {
    const auto [x, y] = grid.cell_of(inlier.to);
    for (int dy = -1; dy <= 1; ++dy) {
      for (int dx = -1; dx <= 1; ++dx) {
        if (x + dx < 0 || y + dy < 0 || x + dx >= grid.width || y + dy >= grid.height) continue;
        const std::size_t at = grid.at(x + dx, y + dy);
        if (grid.seen[at] != 0) levels.emplace_back(grid.candidate[at], grid.query[at]);
      }
    }
  }
  Light light;
  for (int round = 0; round < kFitRounds && levels.size() >= 8; ++round) {
    double n = 0;
    double x = 0;
    double y = 0;
    double xx = 0;
    double xy = 0;
    for (const auto& [from, to] : levels) {
      n += 1, x += from, y += to, xx += from * from, xy += from * to;
    }
    const double variance = xx / n - x * x / (n * n);
    light.gain = variance > 1 ? std::clamp((xy / n - x * y / (n * n)) / variance, kMinGain, kMaxGain) : 1;
    light.offset = (y - light.gain * x) / n;
    const auto error = [&](const auto& pair) { return std::abs(pair.second - light.gain * pair.first - light.offset); };
    std::ranges::sort(levels, {}, error);
    if (round + 1 < kFitRounds) levels.resize(std::max<std::size_t>(8, levels.size() * 9 / 10));
  }
  return light;
}

// What each cell says: from 1 where the query shows what the candidate does, through 0, to -1.
std::vector<float> agreement(const Grid& grid, const Light& light) {
  std::vector<float> worth(grid.candidate.size(), kUnseen);
  for (int y = 0; y < grid.height; ++y) {
    for (int x = 0; x < grid.width; ++x) {
      if (grid.seen[grid.at(x, y)] == 0) continue;
      // Half way to the neighbours: as far as a cell may be off.
      const float here = grid.candidate[grid.at(x, y)];
      float least = here;
      float most = here;
      for (int dy = -1; dy <= 1; ++dy) {
        for (int dx = -1; dx <= 1; ++dx) {
          if (x + dx < 0 || y + dy < 0 || x + dx >= grid.width || y + dy >= grid.height) continue;
          const float between = (here + grid.candidate[grid.at(x + dx, y + dy)]) / 2;
          least = std::min(least, between);
          most = std::max(most, between);
        }
      }
      const float gain = static_cast<float>(light.gain);
      const float offset = static_cast<float>(light.offset);
      const float level = grid.query[grid.at(x, y)];
      const float off = std::max({0.0F, level - (gain * most + offset), gain * least + offset - level});
      worth[grid.at(x, y)] = std::max(-1.0F, 1 - off / kTolerance);
    }
  }
  return worth;
}

struct Rectangle {
  int left = 0, top = 0, right = 0, bottom = 0;  // the latter two not within
  float sum = -std::numeric_limits<float>::infinity();
};

Rectangle best_rectangle(const Grid& grid, const std::vector<float>& worth) {
  Rectangle best;
  std::vector<float> columns(static_cast<std::size_t>(grid.width));
  for (int top = 0; top < grid.height; ++top) {
    std::ranges::fill(columns, 0.0F);
    for (int bottom = top; bottom < grid.height; ++bottom) {
      float sum = 0;
      int left = 0;
      for (int x = 0; x < grid.width; ++x) {
        columns[static_cast<std::size_t>(x)] += worth[grid.at(x, bottom)];
        if (sum <= 0) sum = 0, left = x;
        sum += columns[static_cast<std::size_t>(x)];
        if (sum > best.sum) best = {left, top, x + 1, bottom + 1, sum};
      }
    }
  }
  return best;
}

Quad box(double left, double top, double right, double bottom) {
  return {{{left, top}, {right, top}, {right, bottom}, {left, bottom}}};
}

bool contains(const Quad& box, PlanePosition place) {
  return place.x >= box[0].x && place.y >= box[0].y && place.x <= box[2].x && place.y <= box[2].y;
}

Quad box_of(std::span<const PositionPair> inliers) {
  const auto [left, right] = std::ranges::minmax(inliers, {}, [](const auto& pair) { return pair.to.x; });
  const auto [top, bottom] = std::ranges::minmax(inliers, {}, [](const auto& pair) { return pair.to.y; });
  return box(left.to.x, top.to.y, right.to.x, bottom.to.y);
}

// What the whole query is worth: the cells that it shows, less what it shows beyond the candidate. nullopt where its
// corners lie beyond the horizon.
struct Whole {
  Quad quad;
  double worth = 0;
};
std::optional<Whole> whole_query(const LocalFeatures& query, const LocalFeatures& candidate, const PlaneMap& map,
                                 const Grid& grid, const std::vector<float>& worth) {
  const auto quad = mapped(map, corners_of(query.width, query.height));
  if (!quad || !is_convex(*quad)) return std::nullopt;
  double sum = 0;
  for (std::size_t i = 0; i < worth.size(); ++i) sum += grid.seen[i] != 0 ? worth[i] : 0;
  const auto inside = clipped(*quad, corners_of(candidate.width, candidate.height));
  const double beyond = (signed_area(*quad) - signed_area(inside)) / (grid.cell_width * grid.cell_height);
  return Whole{*quad, sum - beyond};
}

}  // namespace

SeenPart find_seen_part(const LocalFeatures& query, const LocalFeatures& candidate, const PlaneMap& map,
                        std::span<const PositionPair> inliers) {
  PlanePosition middle;
  for (const PositionPair& pair : inliers) {
    middle.x += pair.from.x / static_cast<double>(inliers.size());
    middle.y += pair.from.y / static_cast<double>(inliers.size());
  }
  const auto back = map.inverse();
  const double scale = std::sqrt(map.area_factor(middle));
  if (!back || !(scale > 0)) return {.quad = box_of(inliers)};
  const Grid grid = make_grid(query, candidate, *back, scale);
  const std::vector<float> worth = agreement(grid, fit_light(grid, inliers));
  const Rectangle best = best_rectangle(grid, worth);
  const auto whole = whole_query(query, candidate, map, grid, worth);
  // The rectangle's edges may follow chance: the whole query need not be quite as good.
  constexpr double kPreferWhole = 0.95;
  if (whole && whole->worth > 0 && whole->worth >= kPreferWhole * best.sum) return {true, whole->quad};
  const Quad part = box(best.left * grid.cell_width, best.top * grid.cell_height, best.right * grid.cell_width,
                        best.bottom * grid.cell_height);
  const auto covered = std::ranges::count_if(inliers, [&](const auto& pair) { return contains(part, pair.to); });
  if (static_cast<double>(covered) < kLeastCovered * static_cast<double>(inliers.size())) {
    return {.quad = box_of(inliers)};
  }
  return {.quad = part};
}

}  // namespace eidetic
