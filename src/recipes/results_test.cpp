#include "recipes/results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recipes/sheet.h"

namespace eidetic {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

SampleHit hit_of(std::string id, std::optional<bool> right) {
  SampleHit hit{.right = right};
  hit.hit.id = std::move(id);
  hit.hit.similarity = .5;
  return hit;
}

TEST(Results, AreSummedUpOverQueriesWithLabels) {
  std::vector<Sample> samples(3);
  samples[0] = {.id = "a", .label = "x", .hits = {hit_of("1", true), hit_of("2", false)}, .ms = 3};
  samples[1] = {.id = "b", .label = "x", .hits = {hit_of("1", false)}, .ms = 1, .plain_right = 2, .plain_first = true};
  samples[2] = {.id = "c", .hits = {hit_of("1", {})}, .ms = 9};
  RecipeReport report;
  summarize(samples, 4, report);
  EXPECT_EQ(report.searches, 3U);
  EXPECT_EQ(report.judged, 2U);
  EXPECT_EQ(report.p_at_1, .5);
  EXPECT_EQ(report.p_at_k, .125);  // of 4, whatever was found
  EXPECT_EQ(report.median_ms, 3);
  EXPECT_EQ(report.plain_p_at_1, .5);
  EXPECT_EQ(report.plain_p_at_k, .25);
  summarize({}, 4, report);
  EXPECT_EQ(report.searches + report.judged, 0U);
  EXPECT_EQ(report.median_ms, 0);
}

TEST(Results, PageEscapesWhateverNamesHold) {
  const std::string evil = "<script>alert('1')</script>\"&\x01";
  Results results{.title = evil,
                  .dataset = evil,
                  .homepage = "https://a.example/?a&b",
                  .command = "eidetic --data 'a b'",
                  .search = {.label = evil},
                  .classifier = "class"};
  results.collection.spec.name = "c";
  results.samples.push_back({.id = evil,
                             .label = evil,
                             .classification = Classification{.classifier = "class", .class_name = evil},
                             .hits = {hit_of(evil, true)},
                             .notes = {evil},
                             .sheet = "sheets/query-001.jpg",
                             .layout = sheet_layout(2, 100)});
  results.samples.back().hits[0].label = evil;
  RecipeReport report;
  summarize(results.samples, 10, report);
  const std::string page = results_page(results, report);
  EXPECT_THAT(page, AllOf(Not(HasSubstr("<script")), Not(HasSubstr("alert('")), Not(HasSubstr("\x01")),
                          HasSubstr("&lt;script&gt;alert(&#39;1&#39;)")));
  EXPECT_THAT(page, HasSubstr("href=\"sheets/query-001.jpg\""));
  EXPECT_THAT(page, HasSubstr("--data &#39;a b&#39; search PICTURE.jpg -c c --classify class"));
  // In the command that is to be copied, quotes of the id are quoted.
  EXPECT_THAT(page, HasSubstr(R"(&#39;id:&lt;script&gt;alert(&#39;\&#39;&#39;1&#39;)"));
  EXPECT_EQ(results_json(results, report)["results"][0]["id"], evil);
}

TEST(Results, NumbersAreGrouped) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(12'345'678), "12,345,678");
}

TEST(Sheet, HasACellForEach) {
  const SheetLayout eleven = sheet_layout(11, 200);
  EXPECT_EQ(eleven.columns, 6U);
  EXPECT_EQ(eleven.rows, 2U);
  for (std::size_t cells = 0; cells <= 101; ++cells) {
    const SheetLayout layout = sheet_layout(cells, 50);
    EXPECT_GE(std::size_t{layout.columns} * layout.rows, std::max<std::size_t>(cells, 1));
    EXPECT_LT(std::size_t{layout.columns} * (layout.rows - 1), std::max<std::size_t>(cells, 1));
  }
}

TEST(Sheet, FramesTheQueryAndWhatIsRight) {
  const Image yellow{.width = 30, .height = 60, .pixels = [] {
                       std::vector<std::uint8_t> pixels;
                       for (int i = 0; i < 30 * 60; ++i) pixels.insert(pixels.end(), {250, 250, 0});
                       return pixels;
                     }()};
  const std::vector<SheetCell> cells = {{.image = yellow, .query = true},
                                        {.image = yellow, .right = true},
                                        {.image = yellow, .right = false},
                                        {.image = yellow},
                                        {}};
  const SheetLayout layout = sheet_layout(cells.size(), 48);
  const auto jpeg = draw_sheet(cells, layout);
  ASSERT_TRUE(jpeg) << jpeg.error().message;
  const auto sheet = decode_image(*jpeg);
  ASSERT_TRUE(sheet);
  ASSERT_EQ(sheet->width, static_cast<std::int32_t>(layout.width()));
  ASSERT_EQ(sheet->height, static_cast<std::int32_t>(layout.height()));
  const auto at = [&](std::size_t cell, std::uint32_t x, std::uint32_t y) {
    const std::size_t left = cell % layout.columns * layout.cell() + x;
    const std::size_t top = cell / layout.columns * layout.cell() + y;
    const auto* pixel = &sheet->pixels[(top * static_cast<std::size_t>(sheet->width) + left) * 3];
    return std::array<int, 3>{pixel[0], pixel[1], pixel[2]};
  };
  const std::uint32_t middle = layout.cell() / 2;
  const auto query = at(0, 4, middle);
  const auto right = at(1, 4, middle);
  const auto plain = at(3, 4, middle);
  EXPECT_GT(query[2], query[0] + 80);                        // blue
  EXPECT_GT(right[1], right[0] + 80);                        // green
  EXPECT_GT(std::min({plain[0], plain[1], plain[2]}), 230);  // no frame
  const auto picture = at(3, middle, middle);
  EXPECT_GT(picture[0], 200);
  EXPECT_LT(picture[2], 80);
  const auto missing = at(4, layout.margin + 3, middle);
  EXPECT_NEAR(missing[0], 224, 20);
}

}  // namespace
}  // namespace eidetic
