// report_page of run.h.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <span>

#include "base/base64.h"
#include "base/text.h"
#include "training/run.h"

namespace eidetic {
namespace {

constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --line: #8886; --curve: #1c6b70; --other: #b4561e; }
@media (prefers-color-scheme: dark) { :root { --curve: #7fc8d0; --other: #f0a070; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 66rem; font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: .5rem 0; }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .5rem; }
table { border-collapse: collapse; }
th, td { padding: .25rem .75rem; text-align: right; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; }
.curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 1rem; }
figure { margin: 0; border: 1px solid var(--line); border-radius: .5rem; padding: .75rem; }
svg { display: block; width: 100%; height: auto; }
polyline { fill: none; stroke: var(--curve); stroke-width: 2; vector-effect: non-scaling-stroke; }
line { stroke: var(--line); vector-effect: non-scaling-stroke; }
text { font: 11px system-ui, sans-serif; fill: currentColor; }
.wide { overflow-x: auto; }
img { display: inline-block; max-width: 7rem; max-height: 7rem; vertical-align: middle; }
circle { opacity: .75; }
)";

std::string name(std::string_view text) { return fmt::format("<bdi>{}</bdi>", html_escaped(text)); }

// A value of each epoch, over the epochs.
std::string curve(const TrainReport& report, std::string_view title,
                  const std::function<double(const TrainEpoch&)>& value_of) {
  constexpr double kWidth = 320, kHeight = 160, kLeft = 48, kBottom = 18;
  double least = value_of(report.epochs.front());
  double most = least;
  for (const TrainEpoch& epoch : report.epochs) {
    least = std::min(least, value_of(epoch));
    most = std::max(most, value_of(epoch));
  }
  const double range = most > least ? most - least : 1;
  const double step = (kWidth - kLeft) / static_cast<double>(std::max<std::size_t>(1, report.epochs.size() - 1));
  std::string points;
  for (std::size_t i = 0; i < report.epochs.size(); ++i) {
    const double height = (value_of(report.epochs[i]) - least) / range * (kHeight - kBottom - 8);
    points += fmt::format("{:.1f},{:.1f} ", kLeft + static_cast<double>(i) * step, kHeight - kBottom - height);
  }
  return fmt::format(
      "<figure><figcaption>{0}: {1:.4g} at the end, {2:.4g} to {3:.4g}</figcaption><svg viewBox=\"0 0 {4} {5}\" "
      "role=\"img\" "
      "aria-label=\"{0} by epoch\"><line x1=\"{6}\" y1=\"{7}\" x2=\"{4}\" y2=\"{7}\"/>"
      "<text x=\"0\" y=\"14\">{3:.3g}</text><text x=\"0\" y=\"{7}\">{2:.3g}</text>"
      "<text x=\"{6}\" y=\"{5}\">1</text><text x=\"{4}\" y=\"{5}\" text-anchor=\"end\">{8}</text>"
      "<polyline points=\"{9}\"/></svg></figure>\n",
      title, value_of(report.epochs.back()), least, most, kWidth, kHeight, kLeft, kHeight - kBottom,
      report.epochs.size(), points);
}

// Hues a golden angle apart: classes that come one after the other differ.
std::string color(std::size_t group) {
  constexpr double kGoldenAngle = 137.508;
  return fmt::format("hsl({:.0f} {}% {}%)", std::fmod(kGoldenAngle * static_cast<double>(group), 360.0),
                     group % 2 == 0 ? 70 : 45, 42 + 8 * (group % 3));
}

std::string map(const TrainReport& report, std::string_view title, PlanePoint TrainPlace::* place) {
  constexpr double kSide = 480, kEdge = 10;
  double left = INFINITY, right = -INFINITY, bottom = INFINITY, top = -INFINITY;
  for (const TrainPlace& point : report.map) {
    const auto& [x, y] = point.*place;
    left = std::min<double>(left, x);
    right = std::max<double>(right, x);
    bottom = std::min<double>(bottom, y);
    top = std::max<double>(top, y);
  }
  const double scale = (kSide - 2 * kEdge) / std::max({right - left, top - bottom, 1e-9});
  std::map<std::string_view, std::size_t> groups;
  std::string points;
  for (const TrainPlace& point : report.map) {
    const auto group = groups.try_emplace(point.label, groups.size()).first->second;
    const auto& [x, y] = point.*place;
    points += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"{}\"><title>{}</title></circle>",
                          kSide / 2 + scale * (static_cast<double>(x) - (left + right) / 2),
                          kSide / 2 - scale * (static_cast<double>(y) - (bottom + top) / 2), color(group),
                          html_escaped(point.label));
  }
  return fmt::format(
      "<figure><figcaption>{0}</figcaption><svg viewBox=\"0 0 {1} {1}\" role=\"img\" aria-label=\"{2} pictures by "
      "their nearness: {0}\">{3}</svg></figure>\n",
      title, kSide, report.map.size(), points);
}

std::string picture(std::span<const std::byte> jpeg, std::string_view id) {
  if (jpeg.empty()) return name(id);
  return fmt::format("<img src=\"data:image/jpeg;base64,{}\" alt=\"{}\" title=\"{}\">", encode_base64(jpeg),
                     html_escaped(id), html_escaped(id));
}

}  // namespace

std::string report_page(const TrainRequest& request, const TrainReport& report,
                        const std::function<std::vector<std::byte>(const std::string& id)>& thumbnail) {
  std::string page = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>{0}</title><style>{1}</style></head><body>\n<h1>{0}</h1>\n"
      "<p>Learnt from {2} pictures of {3} by {4}, on {5}; {6} held out ({7}). Best after epoch {8} of {9}, by "
      "MAP@R.</p>\n",
      html_escaped(report.name), kStyle, report.learnt, name(request.collection), name(request.label),
      name(request.trunk), report.held_out,
      request.split == TrainRequest::Split::classes ? "whole classes" : "of each class a part", report.best_epoch,
      report.epochs.size());
  page +=
      "<h2>Before and after</h2>\n<div class=\"wide\" tabindex=\"0\"><table><tr><th>measure</th><th>trunk alone</th>"
      "<th>with the head</th></tr>\n";
  for (const auto& [title, measure] : kRetrievalMeasures) {
    page += fmt::format("<tr><td>{}</td><td>{:.4f} ± {:.4f}</td><td>{:.4f} ± {:.4f}</td></tr>\n", title,
                        report.before.*measure, report.before_margin.*measure, report.after.*measure,
                        report.after_margin.*measure);
  }
  page += "</table></div>\n<p>Means over the pictures held out, with 95 % margins (1.96 standard errors).</p>\n";
  if (!report.epochs.empty()) {
    page += "<h2>By epoch</h2>\n<div class=\"curves\">\n";
    page += curve(report, "loss", [](const TrainEpoch& epoch) { return epoch.loss; });
    page += curve(report, "MAP@R", [](const TrainEpoch& epoch) { return epoch.held_out.map_at_r; });
    page += curve(report, "P@1", [](const TrainEpoch& epoch) { return epoch.held_out.p_at_1; });
    page += curve(report, "learning rate", [](const TrainEpoch& epoch) { return epoch.learning_rate; });
    page += "</div>\n";
  }
  if (!report.map.empty()) {
    page += fmt::format(
        "<h2>Map</h2>\n<p>{} pictures held out, each where its neighbours are (UMAP); a colour is a class, which the "
        "pointer names.</p>\n<div class=\"curves\">\n",
        report.map.size());
    page += map(report, "trunk alone", &TrainPlace::before);
    page += map(report, "with the head", &TrainPlace::after);
    page += "</div>\n";
  }
  page +=
      "<h2>Worst classes</h2>\n<div class=\"wide\" tabindex=\"0\"><table><tr><th>class</th><th>pictures</th>"
      "<th>P@1</th><th>MAP@R</th></tr>\n";
  for (const auto& [title, queries, mean] : report.worst) {
    page += fmt::format("<tr><td>{}</td><td>{}</td><td>{:.4f}</td><td>{:.4f}</td></tr>\n", name(title), queries,
                        mean.p_at_1, mean.map_at_r);
  }
  page += "</table></div>\n";
  if (!report.confusions.empty()) {
    page +=
        "<h2>Confusions</h2>\n<p>Pictures whose nearest other one is of another class, with the head; of each pair of "
        "classes the two that are nearest.</p>\n<div class=\"wide\" tabindex=\"0\"><table><tr><th>class</th>"
        "<th>taken for</th><th>pictures</th><th>picture</th><th>its nearest</th><th>similarity</th></tr>\n";
    for (const TrainConfusion& one : report.confusions) {
      page += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.4f}</td></tr>\n",
                          name(one.label), name(one.taken_for), one.count, picture(thumbnail(one.id), one.id),
                          picture(thumbnail(one.nearest), one.nearest), one.similarity);
    }
    page += "</table></div>\n";
  }
  page += "</body></html>\n";
  return page;
}

}  // namespace eidetic
