#include "embed/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "base/test_files.h"

namespace eidetic {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Words : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(write_file_atomically(folder_ / "v.txt", "<pad>\n<unk>\ndog\ncats\n42\nbus\n"));
    vocabulary_ = WordVocabulary::load(folder_ / "v.txt").value();
  }

  TemporaryDirectory folder_;
  WordVocabulary vocabulary_;
};

TEST_F(Words, SplitsAndLowersAndLeavesOutTheUnknown) {
  EXPECT_THAT(vocabulary_.tokenize("A photo of a DOG, 42 dog!"), ElementsAre(2, 4, 2));
  EXPECT_THAT(vocabulary_.tokenize("dog-bus"), ElementsAre(2, 5));
  EXPECT_THAT(vocabulary_.tokenize("xyzzy"), IsEmpty());
  EXPECT_THAT(vocabulary_.tokenize(""), IsEmpty());
  EXPECT_THAT(vocabulary_.tokenize("hund \xFF\xC3\xA4"), IsEmpty());
}

TEST_F(Words, TriesTheOtherNumber) { EXPECT_THAT(vocabulary_.tokenize("dogs cat bus"), ElementsAre(2, 3, 5)); }

TEST_F(Words, TakesShortWordsAsTheyAre) { EXPECT_THAT(vocabulary_.tokenize("bu 4"), IsEmpty()); }

TEST_F(Words, NeverMatchesTheSpecialLines) { EXPECT_THAT(vocabulary_.tokenize("pad unk <pad>"), IsEmpty()); }

TEST_F(Words, RefusesAnEmptyVocabulary) {
  ASSERT_TRUE(write_file_atomically(folder_ / "e.txt", "<pad>\n<unk>\n"));
  EXPECT_EQ(WordVocabulary::load(folder_ / "e.txt").error().code, ErrorCode::corrupt);
  EXPECT_EQ(WordVocabulary::load(folder_ / "none.txt").error().code, ErrorCode::not_found);
}

TEST(WordsOfJointText, GiveTheGoldenIds) {
  EIDETIC_NEEDS_SHARED("models/golden/text_queries.json");
  const auto vocabulary = WordVocabulary::load(shared_file("models/joint_text_vocab.txt")).value();
  const Json golden = parse_json(read_text(shared_file("models/golden/text_queries.json")).value(), "golden").value();
  for (const auto& [text, expected] : golden.items()) {
    EXPECT_EQ(vocabulary.tokenize(text), expected["ids"].get<std::vector<std::int64_t>>()) << text;
  }
}

}  // namespace
}  // namespace eidetic
