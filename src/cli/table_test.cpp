#include "cli/table.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "cli/progress.h"

namespace eidetic {
namespace {

Table hits() {
  Table table({{.title = "#", .right_aligned = true},
               {.title = "id", .least = 8, .cut = Cut::head},
               {.title = "name", .least = 6, .optional = true}});
  table.add({"1", "photos/summer/0001.jpg", "grinning face"});
  table.add({"10", "a\x1b[31m\n.jpg", "x"});
  return table;
}

std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0;
  for (const auto line : split(text, '\n')) widest = std::max(widest, display_width(line));
  return widest;
}

TEST(Table, AlignsColumnsAndTakesControlCharactersOut) {
  EXPECT_EQ(hits().render(0),
            " #  id                      name\n"
            " 1  photos/summer/0001.jpg  grinning face\n"
            "10  a?[31m?.jpg             x\n");
}

TEST(Table, ShrinksThenDropsColumnsToFit) {
  const Table table = hits();
  const std::string shrunk = table.render(30);
  EXPECT_LE(widest_line(shrunk), 30U);
  EXPECT_NE(shrunk.find("001.jpg"), std::string::npos) << shrunk;
  EXPECT_NE(shrunk.find("name"), std::string::npos) << shrunk;
  const std::string dropped = table.render(14);
  EXPECT_LE(widest_line(dropped), 14U);
  EXPECT_EQ(dropped.find("name"), std::string::npos) << dropped;
}

TEST(Table, KeepsWideCharactersWhole) {
  EXPECT_EQ(shorten("日本語", 4, Cut::tail, "~"), "日~");
  EXPECT_EQ(shorten("日本語", 4, Cut::head, "~"), "~語");
  EXPECT_EQ(shorten("日本語", 6, Cut::tail, "~"), "日本語");
  EXPECT_EQ(pad("日", 4), "日  ");
  EXPECT_EQ(printable("a\xff\xc2\x9b"
                      "b"),
            "a??b");
}

TEST(Progress, ShowsCountRateAndTimeLeft) {
  const ProgressState state = {.total = 2048, .done = 512, .failed = 3, .seconds = 0.5};
  EXPECT_EQ(progress_line("indexing", "images", state, 80, false),
            "indexing [####------------]  512/2048   25%  1024 images/s  0:02 left  3 failed");
  for (std::size_t width = 1; width < 120; ++width) {
    EXPECT_LE(display_width(progress_line("indexing", "images", state, width, true)), width);
  }
  const std::string unknown = progress_line("indexing", "images", {.done = 5, .seconds = 1}, 80, false);
  EXPECT_EQ(unknown, "indexing 5  5 images/s");
}

}  // namespace
}  // namespace eidetic
