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
constexpr std::size_t kLeastToFit = 8;
constexpr float kUnseen = -1;          // what a cell that the query does not show is worth to a rectangle
constexpr double kLeastCovered = 0.7;  // of the inliers, by a part to be believed

using Color = std::array<float, 3>;

// The small picture, read by positions of the large one.
class SmallView {
 public:
  explicit SmallView(const LocalFeatures& features)
      : small_(&features.small),
        x_scale_(static_cast<double>(small_->width) / features.width),
        y_scale_(static_cast<double>(small_->height) / features.height) {}

  // How large a pixel of the small one is in the large one.
  [[nodiscard]] double pixel() const { return 1 / std::sqrt(x_scale_ * y_scale_); }
  // Bilinear; adds to `sum`.
  void add(PlanePosition at, Color& sum) const {
    const double x = std::clamp(at.x * x_scale_ - 0.5, 0.0, small_->width - 1.0);
    const double y = std::clamp(at.y * y_scale_ - 0.5, 0.0, small_->height - 1.0);
    const auto left = static_cast<int>(x);
    const auto top = static_cast<int>(y);
    const int right = std::min(left + 1, small_->width - 1);
    const int bottom = std::min(top + 1, small_->height - 1);
    const auto u = static_cast<float>(x - left);
    const auto v = static_cast<float>(y - top);
    add(left, top, (1 - u) * (1 - v), sum);
    add(right, top, u * (1 - v), sum);
    add(left, bottom, (1 - u) * v, sum);
    add(right, bottom, u * v, sum);
  }

 private:
  void add(int x, int y, float weight, Color& sum) const {
    const std::uint8_t* pixel = small_->pixels.data() + (static_cast<std::size_t>(y) * small_->width + x) * 3;
    for (std::size_t c = 0; c < 3; ++c) sum[c] += weight * static_cast<float>(pixel[c]);
  }

  const Image* small_;
  double x_scale_;
  double y_scale_;
};

// Cells over the candidate, as fine as the coarser of both small pictures; the colours of both in each.
struct Grid {
  int width = 0;
  int height = 0;
  double cell_width = 0;  // pixels of the candidate
  double cell_height = 0;
  std::vector<Color> candidate = {};
  std::vector<Color> query = {};
  std::vector<char> seen = {};  // the query shows this place

  [[nodiscard]] std::size_t at(int x, int y) const { return static_cast<std::size_t>(y) * width + x; }
  [[nodiscard]] std::pair<int, int> cell_of(PlanePosition place) const {
    return {std::clamp(static_cast<int>(place.x / cell_width), 0, width - 1),
            std::clamp(static_cast<int>(place.y / cell_height), 0, height - 1)};
  }
  // Calls use(at) for the cell and those around it.
  template <typename Use>
  void around(int x, int y, const Use& use) const {
    for (int j = std::max(0, y - 1); j <= std::min(height - 1, y + 1); ++j) {
      for (int i = std::max(0, x - 1); i <= std::min(width - 1, x + 1); ++i) use(at(i, j));
    }
  }
};

Grid empty_grid(const LocalFeatures& candidate, double cell) {
  const auto cells = [cell](std::int32_t side) {
    return std::clamp(static_cast<int>(std::lround(side / cell)), kLeastCells, static_cast<int>(kSmallSide));
  };
  Grid grid{.width = cells(candidate.width), .height = cells(candidate.height)};
  grid.cell_width = static_cast<double>(candidate.width) / grid.width;
  grid.cell_height = static_cast<double>(candidate.height) / grid.height;
  const std::size_t count = static_cast<std::size_t>(grid.width) * grid.height;
  grid.candidate.resize(count);
  grid.query.resize(count);
  grid.seen.resize(count);
  return grid;
}

Grid make_grid(const LocalFeatures& query, const LocalFeatures& candidate, const PlaneMap& back, double scale) {
  const SmallView query_view(query);
  const SmallView candidate_view(candidate);
  const double fine = std::min(candidate_view.pixel(), query_view.pixel() * scale);
  const double coarse = std::max(candidate_view.pixel(), query_view.pixel() * scale);
  Grid grid = empty_grid(candidate, coarse);
  const int samples = std::clamp(static_cast<int>(std::ceil(coarse / fine)), 1, kMaxSamples);
  const int all = samples * samples;
  for (int y = 0; y < grid.height; ++y) {
    for (int x = 0; x < grid.width; ++x) {
      Color there{};
      Color here{};
      int shown = 0;
      for (int i = 0; i < all; ++i) {
        const PlanePosition place{(x + (i % samples + 0.5) / samples) * grid.cell_width,
                                  (y + (i / samples + 0.5) / samples) * grid.cell_height};
        candidate_view.add(place, there);
        const auto from = back(place);
        if (!from || from->x < 0 || from->y < 0 || from->x > query.width || from->y > query.height) continue;
        query_view.add(*from, here);
        ++shown;
      }
      const std::size_t at = grid.at(x, y);
      for (std::size_t c = 0; c < 3; ++c) {
        grid.candidate[at][c] = there[c] / static_cast<float>(all);
        grid.query[at][c] = shown > 0 ? here[c] / static_cast<float>(shown) : 0;
      }
      grid.seen[at] = 2 * shown > all ? 1 : 0;
    }
  }
  return grid;
}

struct Light {
  float gain = 1;
  float offset = 0;
};

// How the candidate's levels become the query's, by least squares; those that fit worst, such as what was laid over,
// are left out round by round.
Light fit_light(std::vector<std::pair<float, float>> levels) {
  Light light;
  for (int round = 0; round < kFitRounds && levels.size() >= kLeastToFit; ++round) {
    const auto n = static_cast<double>(levels.size());
    double x = 0;
    double y = 0;
    double xx = 0;
    double xy = 0;
    for (const auto& [from, to] : levels) {
      x += from, y += to, xx += from * from, xy += from * to;
    }
    const double variance = xx / n - x * x / (n * n);
    const double covariance = xy / n - x * y / (n * n);
    const double gain = variance > 1 ? std::clamp(covariance / variance, kMinGain, kMaxGain) : 1;
    light = {static_cast<float>(gain), static_cast<float>((y - gain * x) / n)};
    const auto error = [&](const auto& pair) { return std::abs(pair.second - light.gain * pair.first - light.offset); };
    const std::size_t kept = std::max(kLeastToFit, levels.size() * 9 / 10);
    std::ranges::nth_element(levels, levels.begin() + static_cast<std::ptrdiff_t>(kept) - 1, {}, error);
    levels.resize(kept);
  }
  return light;
}

using Lights = std::array<Light, 3>;  // of red, green and blue

template <typename Cells>
Lights fit_lights(const Grid& grid, const Cells& cells) {
  std::array<std::vector<std::pair<float, float>>, 3> levels;
  cells([&](std::size_t at) {
    if (grid.seen[at] == 0) return;
    for (std::size_t c = 0; c < 3; ++c) levels[c].emplace_back(grid.candidate[at][c], grid.query[at][c]);
  });
  return {fit_light(std::move(levels[0])), fit_light(std::move(levels[1])), fit_light(std::move(levels[2]))};
}

// What each cell says: from 1 where the query shows what the candidate does, through 0, to -1.
std::vector<float> worth_of(const Grid& grid, const Lights& lights) {
  std::vector<float> worth(grid.candidate.size(), kUnseen);
  for (int y = 0; y < grid.height; ++y) {
    for (int x = 0; x < grid.width; ++x) {
      const std::size_t cell = grid.at(x, y);
      if (grid.seen[cell] == 0) continue;
      // Half way to the neighbours: as far as a cell may be off.
      Color least = grid.candidate[cell];
      Color most = least;
      grid.around(x, y, [&](std::size_t at) {
        for (std::size_t c = 0; c < 3; ++c) {
          const float between = (grid.candidate[cell][c] + grid.candidate[at][c]) / 2;
          least[c] = std::min(least[c], between);
          most[c] = std::max(most[c], between);
        }
      });
      float off = 0;
      for (std::size_t c = 0; c < 3; ++c) {
        const auto& [gain, offset] = lights[c];
        const float level = grid.query[cell][c];
        off = std::max({off, level - (gain * most[c] + offset), gain * least[c] + offset - level});
      }
      worth[cell] = std::max(-1.0F, 1 - off / kTolerance);
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

// What the cells say, and the rectangle for which that is most.
struct Agreement {
  std::vector<float> worth;
  Rectangle best;
};

Agreement agreement_under(const Grid& grid, const Lights& lights) {
  Agreement agreement{.worth = worth_of(grid, lights), .best = {}};
  agreement.best = best_rectangle(grid, agreement.worth);
  return agreement;
}

// Under the light in which most agrees: the same for both, as around the inliers, or as in the best rectangle so far.
// Around keypoints there are edges, which tell little of light where they are a bit off; plain ground tells more, once
// one knows that it belongs to the part.
Agreement find_agreement(const Grid& grid, std::span<const PositionPair> inliers) {
  Agreement best = agreement_under(grid, Lights{});
  const auto take_better = [&](const Lights& lights) {
    Agreement other = agreement_under(grid, lights);
    if (other.best.sum > best.best.sum) best = std::move(other);
  };
  take_better(fit_lights(grid, [&](const auto& use) {
    for (const PositionPair& inlier : inliers) {
      const auto [x, y] = grid.cell_of(inlier.to);
      grid.around(x, y, use);
    }
  }));
  const Rectangle part = best.best;
  take_better(fit_lights(grid, [&](const auto& use) {
    for (int y = part.top; y < part.bottom; ++y) {
      for (int x = part.left; x < part.right; ++x) use(grid.at(x, y));
    }
  }));
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
  const auto [worth, best] = find_agreement(grid, inliers);
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
