#include "cli/inspection_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <ranges>
#include <set>
#include <vector>

#include "cli/svg.h"

namespace eidetic {
namespace {

// Pixels.
constexpr double kLeft = 48, kTop = 64, kGap = 60, kPanel = 520, kLegendWidth = 240, kLegendLine = 22, kBottom = 58;
constexpr std::size_t kNamed = 32;           // lines of a legend
constexpr std::size_t kManyPoints = 20'000;  // without a name each
constexpr double kStepsWidth = 120;          // beside the planes, for what is said of them

struct Box {
  double left, top, width, height;
};

// Places of a plane on paper, all in one scale.
class Frame {
 public:
  Frame(const Box& box, const std::vector<PlanePoint>& points) {
    double left = INFINITY, right = -INFINITY, top = INFINITY, bottom = -INFINITY;
    for (const PlanePoint& point : points) {
      left = std::min(left, static_cast<double>(point.x));
      right = std::max(right, static_cast<double>(point.x));
      top = std::min(top, static_cast<double>(point.y));
      bottom = std::max(bottom, static_cast<double>(point.y));
    }
    if (points.empty()) left = right = top = bottom = 0;
    const double wide = std::max(right - left, 1e-9);
    const double high = std::max(bottom - top, 1e-9);
    scale_ = std::min(box.width / wide, box.height / high);
    x_ = box.left + box.width / 2 - scale_ * (left + right) / 2;
    y_ = box.top + box.height / 2 + scale_ * (top + bottom) / 2;
  }
  [[nodiscard]] double x(const PlanePoint& point) const { return x_ + scale_ * static_cast<double>(point.x); }
  [[nodiscard]] double y(const PlanePoint& point) const { return y_ - scale_ * static_cast<double>(point.y); }

 private:
  double scale_ = 1, x_ = 0, y_ = 0;
};

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

void heading(Svg& svg, const Box& box, std::string_view text) {
  svg.add("<text x=\"{}\" y=\"{}\" fill=\"#555\">{}</text>\n", box.left, box.top - 12, Svg::escaped(text));
}

void outline(Svg& svg, const Box& box) {
  svg.add("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#ccc\"/>\n", box.left, box.top,
          box.width, box.height);
}

void legend(Svg& svg, double left, std::size_t place, std::string_view color, std::string_view text) {
  const double middle = kTop + 8 + kLegendLine * static_cast<double>(place);
  svg.add("<circle cx=\"{}\" cy=\"{}\" r=\"5\" fill=\"{}\"/>\n<text x=\"{}\" y=\"{}\">{}</text>\n", left + 6, middle,
          color, left + 20, middle + 4.5, Svg::escaped(text));
}

// --- cells ---

void draw_cells(Svg& svg, const Box& box, const IndexView& view) {
  heading(svg, box, "cells: where their centroids lie, as large as they are full");
  outline(svg, box);
  std::uint64_t most = 1;
  std::vector<PlanePoint> places;
  for (const auto& cell : view.cells) {
    most = std::max(most, cell.items);
    places.push_back(cell.place);
  }
  const double largest = std::clamp(220 / std::sqrt(static_cast<double>(view.cells.size())), 3.0, 40.0);
  const Frame frame({box.left + largest, box.top + largest, box.width - 2 * largest, box.height - 2 * largest}, places);
  svg.add("<g fill=\"{0}\" fill-opacity=\".35\" stroke=\"{0}\">\n", kSvgColors[0]);
  for (std::size_t i = 0; i < view.cells.size(); ++i) {
    const auto& cell = view.cells[i];
    const double radius = largest * std::sqrt(static_cast<double>(cell.items) / static_cast<double>(most));
    svg.add(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\"><title>cell {}: {} items, mean distance {:.4g}, radius "
        "{:.4g}</title></circle>\n",
        frame.x(cell.place), frame.y(cell.place), std::max(radius, .8), i, grouped(cell.items), cell.mean_distance,
        cell.radius);
  }
  svg.add("</g>\n");
}

// One bar a cell, as high as `values` says.
void draw_bars(Svg& svg, const Box& box, const std::vector<std::pair<double, std::string>>& bars) {
  double most = 1e-9;
  for (const auto& [value, name] : bars) most = std::max(most, value);
  const double width = box.width / static_cast<double>(std::max<std::size_t>(1, bars.size()));
  svg.add("<g fill=\"{}\">\n", kSvgColors[0]);
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const double height = box.height * bars[i].first / most;
    svg.add("<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\"><title>{}</title></rect>\n",
            box.left + width * static_cast<double>(i), box.top + box.height - height, std::max(width * .86, .4), height,
            Svg::escaped(bars[i].second));
  }
  svg.add("</g>\n<text x=\"{}\" y=\"{}\" fill=\"#555\">{:.6g}</text>\n", box.left + box.width + 6, box.top + 5, most);
  outline(svg, box);
}

// --- layers ---

// A stack of planes seen from the side, the highest layer on top.
class Stack {
 public:
  Stack(const Box& box, std::size_t layers, const std::vector<PlanePoint>& places)
      : box_(box),
        step_(box.height / static_cast<double>(std::max<std::size_t>(1, layers))),
        layers_(layers),
        frame_({0, 0, kWide - 2 * kInset, kWide - 2 * kInset}, places) {}

  [[nodiscard]] std::pair<double, double> at(const PlanePoint& place, std::uint32_t layer) const {
    return on_paper(frame_.x(place) + kInset, frame_.y(place) + kInset, layer);
  }
  void draw_plane(Svg& svg, std::uint32_t layer, std::string_view text) const {
    svg.add("<path fill=\"#f4f6f9\" stroke=\"#ccd\" d=\"M");
    for (const auto& [x, y] : {std::pair{0.0, 0.0}, {kWide, 0.0}, {kWide, kWide}, {0.0, kWide}}) {
      const auto [left, top] = on_paper(x, y, layer);
      svg.add("{:.1f} {:.1f} ", left, top);
    }
    const auto [left, top] = on_paper(kWide, kWide, layer);
    svg.add("z\"/>\n<text x=\"{:.1f}\" y=\"{:.1f}\" fill=\"#555\">{}</text>\n", left + 4, top + 14, Svg::escaped(text));
  }

 private:
  static constexpr double kWide = 1000, kInset = 30;

  [[nodiscard]] std::pair<double, double> on_paper(double x, double y, std::uint32_t layer) const {
    constexpr double kLean = .26;
    const double down = y / kWide;
    const double top = box_.top + step_ * static_cast<double>(layers_ - 1 - layer);
    const double flat = box_.width * (1 - kLean);
    return {box_.left + flat * x / kWide + box_.width * kLean * (1 - down), top + step_ * (.06 + .8 * down)};
  }

  Box box_;
  double step_;
  std::size_t layers_;
  Frame frame_;
};

void draw_line(Svg& svg, std::pair<double, double> from, std::pair<double, double> to) {
  svg.add("M{:.1f} {:.1f}L{:.1f} {:.1f}", from.first, from.second, to.first, to.second);
}

std::string draw_layers(const IndexView& view, std::string_view title) {
  constexpr double kWidth = 760;
  constexpr double kLayer = 190;
  const auto layers = static_cast<double>(view.layers.size());
  std::vector<PlanePoint> places;
  for (const auto& node : view.nodes) places.push_back(node.place);
  const Stack stack({kLeft, kTop, kWidth, kLayer * layers}, view.layers.size(), places);
  Svg svg;
  for (std::uint32_t layer = 0; layer < view.layers.size(); ++layer) {
    const auto& said = view.layers[layer];
    std::uint64_t drawn = 0;
    for (const auto& node : view.nodes) drawn += node.layer >= layer ? 1 : 0;
    // The layers that the nodes were taken from are drawn whole.
    const bool whole = drawn == said.items;
    stack.draw_plane(svg, layer,
                     fmt::format("layer {}: {} items, {:.1f} links each{}", layer, grouped(said.items), said.mean_links,
                                 whole ? "" : " (not drawn)"));
    if (!whole) continue;
    const std::string_view color = kSvgColors[layer % kSvgColors.size()];
    svg.add("<path stroke=\"{}\" stroke-opacity=\"{:.3f}\" fill=\"none\" d=\"", color,
            std::clamp(40 / static_cast<double>(said.items), .04, .5));
    for (const auto& link : view.links) {
      if (link.layer != layer || link.from > link.to) continue;
      draw_line(svg, stack.at(view.nodes[link.from].place, layer), stack.at(view.nodes[link.to].place, layer));
    }
    svg.add("\"/>\n<g fill=\"{}\">\n", color);
    for (const auto& node : view.nodes) {
      if (node.layer < layer) continue;
      const auto [x, y] = stack.at(node.place, layer);
      svg.add("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"><title>{}</title></circle>\n", x, y,
              said.items > 300 ? 1.4 : 2.6, Svg::escaped(node.id));
    }
    svg.add("</g>\n");
  }
  return std::move(svg).document(kLeft + kWidth + kLegendWidth, kTop + kLayer * layers + 20, kLeft, title);
}

// --- the walk of a search ---

void draw_steps(Svg& svg, const Box& box, const SearchWalk& walk) {
  std::uint32_t layers = 1;
  std::map<std::uint32_t, std::set<std::uint32_t>> seen;
  std::vector<PlanePoint> places = {walk.query};
  for (const auto& step : walk.steps) {
    layers = std::max(layers, step.layer + 1);
    seen[step.layer].insert(step.node);
  }
  for (const auto& node : walk.nodes) places.push_back(node.place);
  heading(svg, box, "the walk, from the highest layer down");
  const Stack stack(box, layers, places);
  std::set<std::uint32_t> hits;
  for (const auto& candidate : walk.candidates) {
    if (candidate.rank != 0) hits.insert(candidate.node);
  }
  for (std::uint32_t layer = 0; layer < layers; ++layer) {
    stack.draw_plane(svg, layer, fmt::format("layer {}: {} compared", layer, grouped(seen[layer].size())));
    svg.add("<path stroke=\"{}\" stroke-opacity=\".3\" fill=\"none\" d=\"", kSvgColors[0]);
    for (const auto& step : walk.steps) {
      if (step.layer != layer || step.from == step.node) continue;
      draw_line(svg, stack.at(walk.nodes[step.from].place, layer), stack.at(walk.nodes[step.node].place, layer));
    }
    svg.add("\"/>\n<g fill=\"{}\">\n", kSvgColors[0]);
    for (const std::uint32_t node : seen[layer]) {
      const auto [x, y] = stack.at(walk.nodes[node].place, layer);
      const bool hit = layer == 0 && hits.contains(node);
      svg.add("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"{}><title>{}</title></circle>\n", x, y, hit ? 4.5 : 1.8,
              hit ? fmt::format(" fill=\"{}\"", kSvgColors[1]) : "", Svg::escaped(walk.nodes[node].id));
    }
    const auto [x, y] = stack.at(walk.query, layer);
    svg.add("</g>\n<path stroke=\"#111\" stroke-width=\"2\" d=\"M{0:.1f} {1:.1f}m-6 -6l12 12m0 -12l-12 12\"/>\n", x, y);
  }
}

// Every candidate by what its code said and by what is true.
void draw_candidates(Svg& svg, const Box& box, const SearchWalk& walk) {
  heading(svg, box, "candidates: similarity by code (across), by full precision (up)");
  outline(svg, box);
  double low = INFINITY, high = -INFINITY;
  for (const auto& candidate : walk.candidates) {
    low = std::min({low, candidate.estimate, candidate.similarity});
    high = std::max({high, candidate.estimate, candidate.similarity});
  }
  if (walk.candidates.empty()) return;
  const double margin = std::max((high - low) * .05, 1e-6);
  low -= margin;
  high += margin;
  const auto x = [&](double value) { return box.left + box.width * (value - low) / (high - low); };
  const auto y = [&](double value) { return box.top + box.height * (high - value) / (high - low); };
  svg.add("<path stroke=\"#ccc\" d=\"M{} {}L{} {}\"/>\n", box.left, box.top + box.height, box.left + box.width,
          box.top);
  svg.add(
      "<text x=\"{0}\" y=\"{1}\" fill=\"#555\">{2:.4g}</text>\n<text x=\"{3}\" y=\"{1}\" fill=\"#555\" "
      "text-anchor=\"end\">{4:.4g}</text>\n",
      box.left, box.top + box.height + 18, low, box.left + box.width, high);
  for (const bool hit : {false, true}) {
    svg.add("<g fill=\"{}\" fill-opacity=\".8\">\n", hit ? kSvgColors[1] : kSvgColors[0]);
    for (const auto& candidate : walk.candidates) {
      if ((candidate.rank != 0) != hit) continue;
      svg.add("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"><title>{}{}: {:.4f} by code, {:.4f}</title></circle>\n",
              x(candidate.estimate), y(candidate.similarity), hit ? 4 : 2.4,
              hit ? fmt::format("{}. ", candidate.rank) : "", Svg::escaped(walk.nodes[candidate.node].id),
              candidate.estimate, candidate.similarity);
    }
    svg.add("</g>\n");
  }
}

// --- the map ---

// What the points are coloured by: the names of the groups, largest first, and each point's.
struct Groups {
  std::vector<std::string> names;
  std::vector<std::size_t> of;

  // Well told apart while they are few; else neighbours at least differ: hues a golden angle apart.
  [[nodiscard]] std::string color(std::size_t group) const {
    if (names.size() <= kSvgColors.size()) return std::string(kSvgColors[group]);
    constexpr double kGoldenAngle = 137.508;
    return fmt::format("hsl({:.0f} {}% {}%)", std::fmod(kGoldenAngle * static_cast<double>(group), 360.0),
                       group % 2 == 0 ? 70 : 45, 38 + 8 * (group % 3));
  }
};

// As long as a legend has room for.
std::string shortened(const std::string& text) {
  constexpr std::size_t kMost = 26;
  if (text.size() <= kMost) return text;
  std::size_t cut = kMost;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;  // not within a character
  return text.substr(0, cut) + "…";
}

Groups groups_of(const CollectionMap& map) {
  const bool labelled = std::ranges::any_of(map.points, [](const auto& point) { return !point.label.empty(); });
  const bool cells = std::ranges::any_of(map.points, [](const auto& point) { return point.cell != kNoCell; });
  const auto name = [&](const CollectionMap::Point& point) {
    if (labelled) return point.label.empty() ? "(no label)" : point.label;
    if (cells) return point.cell == kNoCell ? "(no cell)" : fmt::format("cell {}", point.cell);
    return fmt::format("layer {}", point.layer);
  };
  std::map<std::string, std::size_t> counts;
  for (const auto& point : map.points) ++counts[name(point)];
  std::vector<std::pair<std::string, std::size_t>> order(counts.begin(), counts.end());
  std::ranges::sort(order, [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  Groups groups;
  std::map<std::string, std::size_t> place;
  for (const auto& [group, count] : order) {
    place[group] = groups.names.size();
    groups.names.push_back(fmt::format("{} ({})", shortened(group), grouped(count)));
  }
  for (const auto& point : map.points) groups.of.push_back(place[name(point)]);
  return groups;
}

}  // namespace

std::string svg_of(const IndexView& view, std::string_view collection) {
  const std::string title = fmt::format("{}: {} over {} items", collection, view.kind, grouped(view.items));
  if (!view.layers.empty()) return draw_layers(view, title);
  Svg svg;
  const Box first = {kLeft, kTop, kPanel, kPanel};
  if (view.cells.empty()) {
    svg.add("<text x=\"{}\" y=\"{}\">Every item is compared: such an index has no parts.</text>\n", kLeft, kTop);
    return std::move(svg).document(kLeft + kPanel, kTop + kBottom, kLeft, title);
  }
  draw_cells(svg, first, view);
  const Box second = {kLeft + kPanel + kGap, kTop, kPanel, kPanel};
  heading(svg, second, "items of each cell, in order of size");
  std::vector<std::size_t> order(view.cells.size());
  std::ranges::copy(std::views::iota(std::size_t{0}, order.size()), order.begin());
  std::ranges::sort(order, [&cells = view.cells](std::size_t a, std::size_t b) {
    return cells[a].items != cells[b].items ? cells[a].items > cells[b].items : a < b;
  });
  std::vector<std::pair<double, std::string>> bars;
  for (const std::size_t cell : order) {
    const auto& said = view.cells[cell];
    bars.emplace_back(static_cast<double>(said.items), fmt::format("cell {}: {} items", cell, grouped(said.items)));
  }
  draw_bars(svg, second, bars);
  return std::move(svg).document(second.left + kPanel + kGap, kTop + kPanel + kBottom, kLeft, title);
}

std::string svg_of(const SearchWalk& walk, std::string_view collection) {
  Svg svg;
  Box first = {kLeft, kTop, kPanel, kPanel};
  double left = kLeft;
  if (!walk.steps.empty()) {
    first.width = kPanel + kStepsWidth;
    draw_steps(svg, {kLeft, kTop, kPanel, kPanel}, walk);
    left += first.width + kGap;
  } else if (!walk.visits.empty()) {
    heading(svg, first, "cells in the order of their visit: distance of their centroids");
    std::vector<std::pair<double, std::string>> bars;
    for (const auto& visit : walk.visits) {
      bars.emplace_back(visit.distance, fmt::format("cell {}: distance {:.4g}, {} items", visit.cell, visit.distance,
                                                    grouped(visit.items)));
    }
    draw_bars(svg, first, bars);
    left += first.width + kGap;
  }
  draw_candidates(svg, {left, kTop, kPanel, kPanel}, walk);
  const double legend_left = left + kPanel + 24;
  legend(svg, legend_left, 0, kSvgColors[1], fmt::format("{} hits", grouped(walk.hits.size())));
  legend(svg, legend_left, 1, kSvgColors[0], fmt::format("of {} candidates", grouped(walk.candidates.size())));
  return std::move(svg).document(legend_left + kLegendWidth, kTop + kPanel + kBottom, kLeft,
                                 fmt::format("{}: one search in {}", collection, walk.kind));
}

std::string svg_of(const CollectionMap& map, std::string_view collection) {
  constexpr double kSide = 760;
  const Box box = {kLeft, kTop, kSide, kSide};
  Svg svg;
  outline(svg, box);
  std::vector<PlanePoint> places;
  for (const auto& point : map.points) places.push_back(point.place);
  const Frame frame({box.left + 10, box.top + 10, box.width - 20, box.height - 20}, places);
  const Groups groups = groups_of(map);
  const double radius = std::clamp(150 / std::sqrt(static_cast<double>(places.size() + 1)), 1.0, 4.0);
  svg.add("<g fill-opacity=\".75\">\n");
  for (std::size_t i = 0; i < places.size(); ++i) {
    svg.add("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" fill=\"{}\"", frame.x(places[i]), frame.y(places[i]),
            radius, groups.color(groups.of[i]));
    if (places.size() > kManyPoints) {
      svg.add("/>\n");
    } else {
      const std::string& label = map.points[i].label;
      svg.add("><title>{}{}{}</title></circle>\n", Svg::escaped(map.points[i].id), label.empty() ? "" : ": ",
              Svg::escaped(label));
    }
  }
  svg.add("</g>\n");
  const double left = kLeft + kSide + 24;
  for (std::size_t i = 0; i < std::min(kNamed, groups.names.size()); ++i) {
    legend(svg, left, i, groups.color(i), groups.names[i]);
  }
  if (groups.names.size() > kNamed) {
    legend(svg, left, kNamed, "none", fmt::format("and {} others", groups.names.size() - kNamed));
  }
  const std::string shown = map.points.size() < map.items
                                ? fmt::format("{} of {} items", grouped(map.points.size()), grouped(map.items))
                                : fmt::format("{} items", grouped(map.items));
  const std::string how = map.method == MapMethod::umap ? "by UMAP"
                                                        : fmt::format("by PCA, which shows {:.0f} % of their variance",
                                                                      100 * map.explained_variance);
  return std::move(svg).document(left + kLegendWidth, kTop + kSide + 24, kLeft,
                                 fmt::format("{}: {} {}", collection, shown, how));
}

}  // namespace eidetic
