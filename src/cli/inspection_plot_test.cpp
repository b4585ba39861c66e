#include "cli/inspection_plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <regex>
#include <string>

#include "cli/test_svg.h"

namespace eidetic {
namespace {

using testing::HasSubstr;
using testing::Not;

// Every mark is on the paper, and nothing is no number.
void expect_sound(const std::string& svg) {
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
  EXPECT_EQ(count(svg, "<g"), count(svg, "</g>"));
  EXPECT_EQ(count(svg, "<circle"), count(svg, "</circle>") + count(svg, "/>") - count(svg, "<rect") -
                                       count(svg, "<path") + count(svg, "</rect>"));
  std::smatch size;
  ASSERT_TRUE(std::regex_search(svg, size, std::regex("viewBox=\"0 0 ([0-9]+) ([0-9]+)\"")));
  const std::regex mark("cx=\"([-0-9.]+)\" cy=\"([-0-9.]+)\"");
  for (auto at = std::sregex_iterator(svg.begin(), svg.end(), mark); at != std::sregex_iterator(); ++at) {
    EXPECT_GE(std::stod((*at)[1]), 0);
    EXPECT_LE(std::stod((*at)[1]), std::stod(size[1]));
    EXPECT_GE(std::stod((*at)[2]), 0);
    EXPECT_LE(std::stod((*at)[2]), std::stod(size[2]));
  }
}

TEST(InspectionPlot, DrawsCellsAndTheirSizes) {
  IndexView view{
      .kind = "IVF2,PQ8", .items = 12'345, .dimensions = 8, .cells = {}, .layers = {}, .nodes = {}, .links = {}};
  view.cells = {{.items = 12'000, .mean_distance = .5, .radius = 1, .place = {-1, 2}},
                {.items = 345, .mean_distance = .5, .radius = 2, .place = {5, 2}},
                {.items = 0, .mean_distance = 0, .radius = 0, .place = {5, 9}}};
  const std::string svg = svg_of(view, "a <b> & c");
  expect_sound(svg);
  EXPECT_THAT(svg, HasSubstr("a &lt;b&gt; &amp; c: IVF2,PQ8 over 12,345 items"));
  EXPECT_THAT(svg, HasSubstr("cell 0: 12,000 items"));
  EXPECT_EQ(count(svg, "<circle"), 3U);
}

TEST(InspectionPlot, DrawsLayersAsFarAsTheyAreKnown) {
  IndexView view{.kind = "HNSW16", .items = 900, .dimensions = 8, .cells = {}, .layers = {}, .nodes = {}, .links = {}};
  view.layers = {{.items = 900, .mean_links = 30}, {.items = 3, .mean_links = 2}, {.items = 1, .mean_links = 0}};
  view.nodes = {{.id = "<script>", .layer = 1, .place = {0, 0}},
                {.id = "b", .layer = 2, .place = {1, 1}},
                {.id = "c", .layer = 1, .place = {-4, 3}}};
  view.links = {{.from = 0, .to = 1, .layer = 1}, {.from = 1, .to = 0, .layer = 1}, {.from = 1, .to = 2, .layer = 1}};
  const std::string svg = svg_of(view, "c");
  expect_sound(svg);
  EXPECT_EQ(count(svg, "<circle"), 4U);  // three in layer 1, one in layer 2
  EXPECT_THAT(svg, HasSubstr("layer 0: 900 items, 30.0 links each (not drawn)"));
  EXPECT_THAT(svg, HasSubstr("&lt;script&gt;"));
  EXPECT_THAT(svg, Not(HasSubstr("<script")));
}

TEST(InspectionPlot, DrawsAWalk) {
  SearchWalk walk;
  walk.kind = "HNSW16";
  walk.query = {.x = 9, .y = 9};
  walk.nodes = {{.id = "a", .place = {0, 0}}, {.id = "b", .place = {1, 1}}};
  walk.steps = {{.node = 0, .from = 0, .layer = 1, .similarity = .2},
                {.node = 1, .from = 0, .layer = 0, .similarity = .9}};
  walk.candidates = {{.node = 1, .estimate = .9, .similarity = .91, .rank = 1},
                     {.node = 0, .estimate = .2, .similarity = .2, .rank = 0}};
  walk.hits.resize(1);
  std::string svg = svg_of(walk, "c");
  expect_sound(svg);
  EXPECT_THAT(svg, HasSubstr("layer 1: 1 compared"));
  EXPECT_THAT(svg, HasSubstr("1. b: 0.9000 by code, 0.9100"));
  walk.steps.clear();
  walk.visits = {{.cell = 7, .distance = 0, .items = 12}};
  svg = svg_of(walk, "c");
  expect_sound(svg);
  EXPECT_THAT(svg, HasSubstr("cell 7: distance 0, 12 items"));
  expect_sound(svg_of(SearchWalk{}, "c"));
}

TEST(InspectionPlot, DrawsAMapByLabelElseByCellElseByLayer) {
  CollectionMap map;
  map.items = 50;
  map.explained_variance = .42;
  for (int i = 0; i < 36; ++i) {
    map.points.push_back({.id = std::to_string(i),
                          .place = {static_cast<float>(i * i), 3},
                          .cell = kNoCell,
                          .layer = i == 0 ? 1U : 0U,
                          .label = {}});
  }
  std::string svg = svg_of(map, "c");
  expect_sound(svg);
  EXPECT_THAT(svg, HasSubstr("c: 36 of 50 items by PCA, which shows 42 % of their variance"));
  EXPECT_THAT(svg, HasSubstr("layer 0 (35)"));
  map.points[3].cell = 5;
  svg = svg_of(map, "c");
  EXPECT_THAT(svg, HasSubstr("cell 5 (1)"));
  EXPECT_THAT(svg, HasSubstr("(no cell) (35)"));
  for (std::size_t i = 0; i < map.points.size(); ++i) map.points[i].label = "label " + std::to_string(i);
  map.method = MapMethod::umap;
  svg = svg_of(map, "c");
  expect_sound(svg);
  EXPECT_THAT(svg, HasSubstr("by UMAP"));
  EXPECT_THAT(svg, HasSubstr("and 4 others"));
  map.points.clear();
  expect_sound(svg_of(map, "c"));
}

}  // namespace
}  // namespace eidetic
