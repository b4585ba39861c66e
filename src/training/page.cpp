// report_page of run.h.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

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

}  // namespace

std::string report_page(const TrainRequest& request, const TrainReport& report) {
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
  page +=
      "<h2>Worst classes</h2>\n<div class=\"wide\" tabindex=\"0\"><table><tr><th>class</th><th>pictures</th>"
      "<th>P@1</th><th>MAP@R</th></tr>\n";
  for (const auto& [title, queries, mean] : report.worst) {
    page += fmt::format("<tr><td>{}</td><td>{}</td><td>{:.4f}</td><td>{:.4f}</td></tr>\n", name(title), queries,
                        mean.p_at_1, mean.map_at_r);
  }
  page += "</table></div>\n</body></html>\n";
  return page;
}

}  // namespace eidetic
