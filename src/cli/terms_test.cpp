#include "cli/terms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_files.h"

namespace eidetic {
namespace {

using testing::HasSubstr;
using Kind = Term::Kind;

std::vector<Term> terms_of(std::vector<std::string> words) {
  auto terms = parse_terms(words);
  EXPECT_TRUE(terms) << terms.error().message;
  return terms.value_or(std::vector<Term>());
}

std::string error_of(std::vector<std::string> words) {
  const auto terms = parse_terms(words);
  EXPECT_FALSE(terms);
  if (terms) return "";
  EXPECT_EQ(terms.error().code, ErrorCode::invalid_argument);
  return terms.error().message;
}

TEST(Terms, TellPicturesIdsUrlsAndTextApart) {
  const TemporaryDirectory folder;
  const std::string file = folder / "cat.jpg";
  ASSERT_TRUE(write_file_atomically(file, "x"));
  const auto terms = terms_of({file, "+", "id:a/b.jpg", "+", "HTTPS://x.org/1.png", "+", "a red car"});
  ASSERT_EQ(terms.size(), 4U);
  EXPECT_EQ(terms[0].kind, Kind::picture);
  EXPECT_EQ(terms[0].value, file);
  EXPECT_EQ(terms[1].kind, Kind::id);
  EXPECT_EQ(terms[1].value, "a/b.jpg");
  EXPECT_EQ(terms[2].kind, Kind::picture);
  EXPECT_EQ(terms[3].kind, Kind::text);
  EXPECT_EQ(terms[3].value, "a red car");
}

TEST(Terms, CarrySignsAndWeights) {
  const auto terms = terms_of({"2:id:a", "-", "0.5:sea", "+", "time 12:30", "-", "id:3:4"});
  ASSERT_EQ(terms.size(), 4U);
  EXPECT_EQ(terms[0].weight, 2);
  EXPECT_EQ(terms[0].value, "a");
  EXPECT_EQ(terms[1].weight, -0.5);
  EXPECT_EQ(terms[1].value, "sea");
  EXPECT_EQ(terms[2].weight, 1);
  EXPECT_EQ(terms[2].value, "time 12:30");
  EXPECT_EQ(terms[3].weight, -1);
  EXPECT_EQ(terms[3].value, "3:4");
  EXPECT_EQ(terms_of({"-", "id:a"})[0].weight, -1);
}

TEST(Terms, AFileThatIsReallyNamedSoWins) {
  const TemporaryDirectory folder;
  ASSERT_TRUE(write_file_atomically(folder / "2:cat.jpg", "x"));
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  const auto terms = terms_of({"2:cat.jpg"});
  std::filesystem::current_path(before);
  EXPECT_EQ(terms[0].weight, 1);
  EXPECT_EQ(terms[0].value, "2:cat.jpg");
}

TEST(Terms, SayWhatIsWrong) {
  EXPECT_THAT(error_of({"a", "b"}), HasSubstr("'+' or '-' is missing between the search terms 'a' and 'b'"));
  EXPECT_THAT(error_of({"a", "+"}), HasSubstr("no search term after '+'"));
  EXPECT_THAT(error_of({"a", "+", "-", "b"}), HasSubstr("between '+' and '-'"));
  EXPECT_THAT(error_of({"0:a"}), HasSubstr("weight"));
  EXPECT_THAT(error_of({"id:"}), HasSubstr("empty"));
  EXPECT_THAT(error_of({"2:"}), HasSubstr("empty"));
  EXPECT_THAT(error_of({"/"}), HasSubstr("folder"));
  EXPECT_THAT(error_of({}), HasSubstr("no search term"));
}

TEST(Terms, ReadCrops) {
  const auto crop = parse_crop("10, 20,0.5,1");
  ASSERT_TRUE(crop);
  EXPECT_EQ(crop->x, 10);
  EXPECT_EQ(crop->y, 20);
  EXPECT_EQ(crop->width, 0.5);
  EXPECT_EQ(crop->height, 1);
  for (const char* wrong : {"", "1,2,3", "1,2,3,4,5", "1,2,0,4", "1,2,3,-4", "a,b,c,d", "1,2,3,nan", "1,2,3,inf"}) {
    EXPECT_FALSE(parse_crop(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace eidetic
