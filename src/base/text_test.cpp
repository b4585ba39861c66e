#include "base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace eidetic {
namespace {

using testing::ElementsAre;

TEST(Text, SuggestsTheNearestNames) {
  const std::vector<std::string> known = {"features", "logits", "image_embeds", "block_1/features_out"};
  EXPECT_THAT(nearest_names("featurs", known), ElementsAre("features"));
  EXPECT_THAT(nearest_names("Features", known), ElementsAre("features", "block_1/features_out"));
  EXPECT_EQ(did_you_mean("logit", known), "; did you mean 'logits'?");
  EXPECT_EQ(did_you_mean("zzzzzzzzzz", known), "");
}

TEST(Text, MeasuresWhatATerminalShows) {
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("имя"), 3U);
  EXPECT_EQ(display_width("写真"), 4U);
  EXPECT_EQ(display_width("e\xCC\x81"), 1U);
  EXPECT_EQ(display_width("\xFF"), 1U);
}

TEST(Text, KnowsUtf8) {
  EXPECT_TRUE(is_utf8("写真 имя 😀"));
  EXPECT_FALSE(is_utf8("\xC0\x80"));          // overlong
  EXPECT_FALSE(is_utf8("\xED\xA0\x80"));      // surrogate
  EXPECT_FALSE(is_utf8("\xF4\x90\x80\x80"));  // beyond U+10FFFF
  EXPECT_FALSE(is_utf8("\xE5\x86"));          // cut off
}

TEST(Text, SplitsTrimsAndWritesSizes) {
  EXPECT_THAT(split("a,,b", ','), ElementsAre("a", "", "b"));
  EXPECT_EQ(trim(" \t a b \n"), "a b");
  EXPECT_EQ(human_bytes(17), "17 B");
  EXPECT_EQ(human_bytes(1000), "1.0 kB");
  EXPECT_EQ(human_bytes(999'990'000), "1.0 GB");
}

TEST(UriEncode, ComesBackAndLeavesSlashesWhereAsked) {
  const std::string text = "a b/ä+%~.";
  EXPECT_EQ(uri_encode(text), "a%20b%2F%C3%A4%2B%25~.");
  EXPECT_EQ(uri_encode(text, true), "a%20b/%C3%A4%2B%25~.");
  EXPECT_EQ(percent_decode(uri_encode(text)), text);
  EXPECT_FALSE(percent_decode("%2"));
}

}  // namespace
}  // namespace eidetic
