#include "embed/text_tower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/test_files.h"
#include "embed/models.h"
#include "embed/test_bundles.h"
#include "embed/test_colours.h"

namespace eidetic {
namespace {

using test_onnx::SumOfTokens;
using test_onnx::Type;
using testing::AllOf;
using testing::ElementsAre;
using testing::FloatNear;
using testing::HasSubstr;

std::unique_ptr<Embedder> load(const std::filesystem::path& path) {
  auto embedder = load_embedder(path, {.threads = 1});
  if (!embedder) ADD_FAILURE() << embedder.error().message;
  return embedder ? *std::move(embedder) : nullptr;
}

auto near(float red, float green, float blue) {
  return ElementsAre(FloatNear(red, 1e-4F), FloatNear(green, 1e-4F), FloatNear(blue, 1e-4F));
}

Image plain(std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  Image image{.width = 20, .height = 12, .pixels = {}};
  for (int i = 0; i < 20 * 12; ++i) image.pixels.insert(image.pixels.end(), {red, green, blue});
  return image;
}

std::string message_of(const std::filesystem::path& path) {
  const auto check = check_bundle(path, {.threads = 1});
  return check ? "no error" : check.error().message;
}

class ClipTower : public testing::Test {
 protected:
  std::filesystem::path make(const SumOfTokens& tower, const Json& text = Json::object()) {
    return make_colour_bundle(folder_ / "colours", tower, text);
  }
  TemporaryDirectory folder_;
};

TEST_F(ClipTower, FindsThePictureThatTheTextNames) {
  const auto embedder = load(make({.table = ColourWords::table()}));
  const std::vector<Image> pictures = {plain(210, 20, 30), plain(30, 190, 40), plain(10, 30, 220)};
  const auto nearest = [&](std::string_view text) {
    const Vector query = embedder->embed_text(text).value();
    std::vector<double> scores;
    for (const auto& picture : pictures) {
      const Vector vector = embedder->embed_image(picture).value();
      scores.push_back(std::inner_product(query.begin(), query.end(), vector.begin(), 0.0));
    }
    return std::ranges::max_element(scores) - scores.begin();
  };
  EXPECT_EQ(nearest("a RED umbrella"), 0);
  EXPECT_EQ(nearest("green's"), 1);
  EXPECT_EQ(nearest("the sea is blue, so blue, not red"), 2);
}

// Whatever the model takes its ids as, and with whatever beside them.
TEST_F(ClipTower, FeedsTheInputsThatTheModelHas) {
  for (const Type type : {Type::i64, Type::i32, Type::f32}) {
    for (const auto& [mask, types] : {std::pair{false, false}, {true, false}, {true, true}}) {
      // Where there is a mask it has to keep the padding out.
      const auto embedder =
          load(make({.table = ColourWords::table(mask ? 0 : -1), .ids = type, .mask = mask, .types = types}));
      EXPECT_THAT(embedder->embed_text("red").value(), near(1, 0, 0)) << static_cast<int>(type) << mask << types;
      EXPECT_THAT(embedder->embed_text("blue blue green blue").value(), near(0, 0.3162278F, 0.9486833F));
      // A short text after a long one: nothing of that is left in the input.
      EXPECT_THAT(embedder->embed_text("red").value(), near(1, 0, 0));
    }
  }
}

TEST_F(ClipTower, PadsWithWhatTheBundleSays) {
  const auto with = [&](const Json& pad) {
    return load(make({.table = ColourWords::table(ColourWords::kEnd)}, {{"pad", pad}, {"length", 5}}))
        ->embed_text("red");
  };
  // Start, red, end and two of padding, which count 50 where they are the end, too.
  EXPECT_THAT(with(nullptr).value(), near(0.584989F, 0.573519F, 0.573519F));
  EXPECT_THAT(with("<|endoftext|>").value(), near(0.579908F, 0.576067F, 0.576067F));
  EXPECT_THAT(with(ColourWords::kEnd).value(), with("<|endoftext|>").value());
}

TEST_F(ClipTower, CutsWhatIsTooLongAndTellsIt) {
  const auto embedder = load(make({.table = ColourWords::table()}));
  std::string text;
  for (int i = 0; i < 14; ++i) text += "red ";
  EXPECT_EQ(embedder->tokenize(text)->cut, 0);
  const TextTokens tokens = embedder->tokenize(text + "blue green").value();
  EXPECT_EQ(tokens.cut, 2);
  EXPECT_EQ(tokens.ids.size(), 16);
  EXPECT_EQ(tokens.ids.back(), ColourWords::kEnd);
  EXPECT_THAT(embedder->embed_text(text + "blue green").value(), near(1, 0, 0));
}

TEST_F(ClipTower, RanksByNoTextThatSaysNothing) {
  // Start and end alone would give a vector.
  const auto embedder = load(make({.table = ColourWords::table(ColourWords::kEnd)}));
  for (const auto* const text : {"", "  \n", "\xFF"}) {
    const auto vector = embedder->embed_text(text);
    ASSERT_FALSE(vector);
    EXPECT_EQ(vector.error().code, ErrorCode::invalid_argument);
  }
  EXPECT_EQ(load(default_bundle())->tokenize("a dog").error().code, ErrorCode::unsupported);
}

TEST_F(ClipTower, IsCheckedAsAWhole) {
  EXPECT_EQ(message_of(make({.table = ColourWords::table()})), "no error");
  EXPECT_THAT(message_of(make({.table = ColourWords::table(), .length = 77})),
              AllOf(HasSubstr("takes [?,77]"), HasSubstr("[1,16]"), HasSubstr("length of its text")));
  EXPECT_EQ(message_of(make({.table = ColourWords::table(), .length = 77}, {{"length", 77}})), "no error");
  EXPECT_THAT(message_of(make({.table = ColourWords::table()}, {{"pad", "<pad>"}})), HasSubstr("no token '<pad>'"));
  EXPECT_THAT(message_of(make({.table = ColourWords::table()}, {{"merges", "none.txt"}})), HasSubstr("none.txt"));
  EXPECT_THAT(message_of(make({.table = ColourWords::table()}, {{"vocabulary", "merges.txt"}})),
              HasSubstr("merges.txt"));
  EXPECT_THAT(message_of(make({.table = ColourWords::table(), .other_input = "positions"})),
              AllOf(HasSubstr("2 inputs (input_ids, positions)"), HasSubstr("as 'input'")));
}

// A vocabulary of another model: wrong vectors, but nothing read that is not there.
TEST_F(ClipTower, SurvivesIdsThatTheModelDoesNotHave) {
  const auto embedder = load(make({.table = std::vector<float>(30, 1.0F)}));
  const auto vector = embedder->embed_text("red");
  EXPECT_TRUE(vector || !vector.error().message.empty());
}

}  // namespace
}  // namespace eidetic
