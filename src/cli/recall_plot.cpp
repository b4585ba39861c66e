#include "cli/recall_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <string_view>

#include "cli/svg.h"

namespace eidetic {
namespace {

// Pixels.
constexpr double kLeft = 76, kTop = 64, kWidth = 700, kHeight = 460;
constexpr double kLegendGap = 28, kLegendLine = 22, kLegendWidth = 250, kBottom = 62;
constexpr double kApart = 38;  // least distance of two labels of the recall axis

constexpr std::array<std::string_view, 6> kDashes = {"", "7 4", "2 3", "9 3 2 3", "4 2", "1 4"};

// Of the misses, logarithmically: from .9 to .99 is as far as from .99 to .999, and 1 is not beyond reach.
double stretched(double recall) {
  constexpr double kLeast = 0.0005;
  return -std::log10(1 - std::clamp(recall, 0.0, 1.0) + kLeast);
}

struct Range {
  double low, high;
  [[nodiscard]] double share(double value) const { return (value - low) / (high - low); }
};

class Drawing {
 public:
  explicit Drawing(const RecallPlot& plot) : plot_(plot) {
    for (const PlotLine& line : plot.lines) {
      if (line.points.empty()) continue;
      lines_.push_back(&line);
      if (std::ranges::find(kinds_, line.kind) == kinds_.end()) kinds_.push_back(line.kind);
      for (const PlotPoint& point : line.points) {
        least_ = std::min(least_, point.recall);
        slowest_ = std::min(slowest_, point.queries_per_s);
        quickest_ = std::max(quickest_, point.queries_per_s);
      }
    }
    if (plot.target) least_ = std::min(least_, *plot.target);
    if (lines_.empty()) slowest_ = quickest_ = 1;
    const double margin = (stretched(1) - stretched(least_)) * 0.03 + 0.02;
    recall_ = {stretched(least_) - margin, stretched(1) + margin};
    speed_ = {std::log10(std::max(1e-3, slowest_)) - 0.08, std::log10(std::max(1e-3, quickest_)) + 0.08};
  }

  std::string draw() {
    const double legend = kTop + kLegendLine * static_cast<double>(lines_.size());
    const double height = std::max(kTop + kHeight + kBottom, legend + 20);
    const double width = kLeft + kWidth + kLegendGap + kLegendWidth;
    axes();
    for (std::size_t i = 0; i < lines_.size(); ++i) line(*lines_[i], i);
    return std::move(svg_).document(width, height, kLeft, plot_.title);
  }

 private:
  template <typename... Values>
  void add(fmt::format_string<Values...> text, Values&&... values) {
    svg_.add(text, std::forward<Values>(values)...);
  }

  [[nodiscard]] double x(double recall) const { return kLeft + kWidth * recall_.share(stretched(recall)); }
  [[nodiscard]] double y(double speed) const {
    return kTop + kHeight * (1 - speed_.share(std::log10(std::max(1e-3, speed))));
  }

  void axes() {
    add("<g stroke=\"#e6e6e6\">\n");
    std::string labels;
    const auto to_labels = std::back_inserter(labels);
    // From the right: 1 is always there.
    double last = 1e9;
    for (const std::string_view text : {"1", ".999", ".995", ".99", ".98", ".95", ".9", ".8", ".7", ".5", ".3", "0"}) {
      const double recall = text == "1" ? 1 : text == "0" ? 0 : std::stod("0" + std::string(text));
      const double at = x(recall);
      if (at < kLeft || last - at < kApart) continue;
      last = at;
      add("<path d=\"M{0:.1f} {1}V{2}\"/>\n", at, kTop, kTop + kHeight);
      fmt::format_to(to_labels, "<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n", at,
                     kTop + kHeight + 20, text);
    }
    for (int power = -3; power < 10; ++power) {
      for (const int step : {1, 2, 5}) {
        const double value = step * std::pow(10.0, power);
        const double share = speed_.share(std::log10(value));
        if (share < 0 || share > 1) continue;
        add("<path d=\"M{} {:.1f}H{}\"/>\n", kLeft, y(value), kLeft + kWidth);
        fmt::format_to(to_labels, "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n", kLeft - 9,
                       y(value) + 4.5, number(value));
      }
    }
    add("</g>\n<path d=\"M{0} {1}V{2}H{3}\" fill=\"none\" stroke=\"#888\"/>\n<g fill=\"#555\">\n{4}</g>\n", kLeft, kTop,
        kTop + kHeight, kLeft + kWidth, labels);
    add("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n", kLeft + kWidth / 2, kTop + kHeight + 46,
        Svg::escaped(plot_.recall_name));
    add("<text x=\"{}\" y=\"{}\" fill=\"#555\">queries/s from one thread</text>\n", kLeft, kTop - 12);
    if (!plot_.target) return;
    add("<path d=\"M{0:.1f} {1}V{2}\" stroke=\"#333\" stroke-dasharray=\"3 3\"/>\n"
        "<text x=\"{0:.1f}\" y=\"{3}\" text-anchor=\"middle\" fill=\"#555\">target {4}</text>\n",
        x(*plot_.target), kTop, kTop + kHeight, kTop - 12, *plot_.target);
  }

  static std::string number(double value) {
    if (value >= 1e6) return fmt::format("{:g} M", value / 1e6);
    return value >= 1000 ? fmt::format("{:g} k", value / 1000) : fmt::format("{:g}", value);
  }

  // The mark of a style around a place.
  static std::string mark(std::size_t style, double x, double y) {
    constexpr double r = 4;
    switch (style % 4) {
      case 0: return fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"", x, y, r);
      case 1: return fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"7\" height=\"7\"", x - 3.5, y - 3.5);
      case 2: return fmt::format("<path d=\"M{:.1f} {:.1f}l4.5 8h-9z\"", x, y - 5);
      default: return fmt::format("<path d=\"M{:.1f} {:.1f}l5 5l-5 5l-5 -5z\"", x, y - 5);
    }
  }

  void line(const PlotLine& line, std::size_t place) {
    const auto kind = static_cast<std::size_t>(std::ranges::find(kinds_, line.kind) - kinds_.begin());
    const std::string_view color = kSvgColors[kind % kSvgColors.size()];
    const std::string dash =
        line.style == 0 ? "" : fmt::format(" stroke-dasharray=\"{}\"", kDashes[line.style % kDashes.size()]);
    add("<g fill=\"{0}\" stroke=\"{0}\">\n<path fill=\"none\" stroke-width=\"2\"{1} d=\"", color, dash);
    for (std::size_t i = 0; i < line.points.size(); ++i) {
      add("{}{:.1f} {:.1f}", i == 0 ? 'M' : 'L', x(line.points[i].recall), y(line.points[i].queries_per_s));
    }
    add("\"/>\n");
    for (const PlotPoint& point : line.points) {
      const std::string settings = point.settings.empty() ? "" : ", " + point.settings;
      add("{} stroke=\"#fff\"><title>{}{}: {} {:.4f}, {:.0f} queries/s</title></{}>\n",
          mark(line.style, x(point.recall), y(point.queries_per_s)), Svg::escaped(line.label), Svg::escaped(settings),
          Svg::escaped(plot_.recall_name), point.recall, point.queries_per_s, tag(line.style));
    }
    const double left = kLeft + kWidth + kLegendGap;
    const double middle = kTop + 8 + kLegendLine * static_cast<double>(place);
    add("<path stroke-width=\"2\"{} d=\"M{} {}h34\"/>\n{} stroke=\"#fff\"/>\n"
        "<text x=\"{}\" y=\"{}\" fill=\"#333\" stroke=\"none\">{}</text>\n</g>\n",
        dash, left, middle, mark(line.style, left + 17, middle), left + 44, middle + 4.5, Svg::escaped(line.label));
  }

  static std::string_view tag(std::size_t style) {
    return style % 4 == 0 ? "circle" : style % 4 == 1 ? "rect" : "path";
  }

  const RecallPlot& plot_;
  std::vector<const PlotLine*> lines_;
  std::vector<std::string> kinds_;
  double least_ = 1, slowest_ = 1e12, quickest_ = 0;
  Range recall_{}, speed_{};
  Svg svg_;
};

}  // namespace

std::string svg_of(const RecallPlot& plot) { return Drawing(plot).draw(); }

}  // namespace eidetic
