#include "cli/recall_plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <vector>

#include "cli/test_svg.h"

namespace eidetic {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(RecallPlot, DrawsEachLineAndLeavesOutEmptyOnes) {
  const RecallPlot plot = {.title = "a < b & \"c\"",
                           .recall_name = "recall@10",
                           .target = .95,
                           .lines = {{.label = "HNSW16",
                                      .kind = "HNSW16",
                                      .points = {{.recall = .9, .queries_per_s = 9000, .settings = "ef 16"},
                                                 {.recall = 1, .queries_per_s = 3000, .settings = "ef <64>"}}},
                                     {.label = "FAISS HNSW16",
                                      .kind = "HNSW16",
                                      .style = 1,
                                      .points = {{.recall = .5, .queries_per_s = 0.2, .settings = ""}}},
                                     {.label = "PQ8", .kind = "PQ8", .points = {}}}};
  const std::string svg = svg_of(plot);
  EXPECT_THAT(svg, HasSubstr("a &lt; b &amp; &quot;c&quot;"));
  EXPECT_THAT(svg, HasSubstr("ef &lt;64&gt;"));
  EXPECT_THAT(svg, HasSubstr("target 0.95"));
  EXPECT_THAT(svg, Not(HasSubstr("PQ8")));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
  EXPECT_EQ(count(svg, "<circle"), 3U);  // two points and one in the legend
  EXPECT_EQ(count(svg, "#4477AA"), 4U);  // both lines, as they are of one kind
}

TEST(RecallPlot, KeepsInsideItsAxesWhateverTheFigures) {
  const std::regex mark("<circle cx=\"([-0-9.]+)\" cy=\"([-0-9.]+)\"");
  for (const double recall : {0.0, .3, .999, 1.0}) {
    for (const double speed : {0.0, 1e-3, 1.0, 1e7}) {
      const std::string svg = svg_of({.title = "t",
                                      .recall_name = "recall@1",
                                      .target = {},
                                      .lines = {{.label = "x",
                                                 .kind = "x",
                                                 .points = {{.recall = recall, .queries_per_s = speed, .settings = ""},
                                                            {.recall = 1, .queries_per_s = 100, .settings = ""}}}}});
      for (auto at = std::sregex_iterator(svg.begin(), svg.end(), mark); at != std::sregex_iterator(); ++at) {
        EXPECT_GE(std::stod((*at)[1]), 76);
        EXPECT_LE(std::stod((*at)[1]), 76 + 700 + 250);
        EXPECT_GE(std::stod((*at)[2]), 64);
        EXPECT_LE(std::stod((*at)[2]), 64 + 460);
      }
    }
  }
  EXPECT_THAT(svg_of({}), HasSubstr("</svg>"));
}

}  // namespace
}  // namespace eidetic
