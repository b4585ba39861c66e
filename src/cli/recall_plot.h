// Recall against speed, as an SVG picture: one line an index. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace eidetic {

struct PlotPoint {
  double recall = 0;  // 0 to 1
  double queries_per_s = 0;
  std::string settings;  // shown when a pointer rests on it
};

struct PlotLine {
  std::string label;
  std::string kind;               // lines of one kind have one colour
  std::size_t style = 0;          // what else tells them apart: dashes and marks
  std::vector<PlotPoint> points;  // in the order they are joined in
};

struct RecallPlot {
  std::string title;
  std::string recall_name;  // "recall@10"
  std::optional<double> target;
  std::vector<PlotLine> lines;
};

// The recall axis is stretched towards 1, where indexes differ; the speed axis is logarithmic. Lines without a point
// are left out. Well-formed XML whatever the labels hold; no scripts, nothing loaded from elsewhere.
[[nodiscard]] std::string svg_of(const RecallPlot& plot);

}  // namespace eidetic
