// From a bundle with CLIP's byte pairs to the pictures that a text finds, through the whole engine.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eidetic/engine.h"

#include "base/file.h"
#include "base/test_files.h"
#include "embed/test_colours.h"

namespace eidetic {
namespace {

using testing::HasSubstr;

// A plain picture (https://netpbm.sourceforge.net/doc/ppm.html).
std::string ppm(int red, int green, int blue) {
  std::string pixels = "P3 16 16 255\n";
  for (int i = 0; i < 16 * 16; ++i) pixels += fmt::format("{} {} {}\n", red, green, blue);
  return pixels;
}

TEST(TextSearch, FindsPicturesByWordsOfBytePairs) {
  const TemporaryDirectory folder;
  const std::filesystem::path photos = folder / "photos";
  std::filesystem::create_directories(photos);
  ASSERT_TRUE(write_file_atomically(photos / "rose.ppm", ppm(220, 20, 40)));
  ASSERT_TRUE(write_file_atomically(photos / "meadow.ppm", ppm(40, 200, 30)));
  ASSERT_TRUE(write_file_atomically(photos / "sea.ppm", ppm(10, 40, 230)));
  const auto model = make_colour_bundle(folder / "colours", {.table = ColourWords::table(0), .mask = true});

  const auto engine = Engine::open({.data_dir = folder / "data"}).value();
  const auto created = engine->create("c", {.model = model});
  ASSERT_TRUE(created) << created.error().message;
  const auto report = engine->index("c", {.paths = {photos}});
  ASSERT_TRUE(report) << report.error().message;

  const auto first = [&](const std::string& text) {
    const auto result = engine->search("c", {.terms = {{.kind = Term::Kind::text, .value = text}}, .k = 1});
    return result ? result->hits.at(0).id : result.error().message;
  };
  EXPECT_EQ(first("something RED, perhaps a rose"), "rose.ppm");
  EXPECT_EQ(first("a green meadow"), "meadow.ppm");
  EXPECT_EQ(first("blue"), "sea.ppm");
  EXPECT_THAT(first(" "), HasSubstr("no word"));

  // A text that the model does not read to its end says so.
  std::string endless = "red";
  for (int i = 0; i < 200; ++i) endless += " red";
  const auto cut = engine->search("c", {.terms = {{.kind = Term::Kind::text, .value = endless}}, .k = 1});
  ASSERT_TRUE(cut) << cut.error().message;
  EXPECT_THAT(cut->explanation.notes, testing::ElementsAre(HasSubstr("too long for the model")));
}

}  // namespace
}  // namespace eidetic
