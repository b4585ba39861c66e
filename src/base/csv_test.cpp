#include "base/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace eidetic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Csv, ReadsQuotesCommasAndLineEndsWithinFields) {
  const auto table = parse_csv(
      "\xEF\xBB\xBF"
      "file,name\r\na.jpg,\"red, \"\"big\"\"\nshoe\"\r\n\r\nb.jpg\n",
      "t.csv");
  ASSERT_TRUE(table);
  EXPECT_THAT(table->header, ElementsAre("file", "name"));
  EXPECT_THAT(table->rows, ElementsAre(ElementsAre("a.jpg", "red, \"big\"\nshoe"), ElementsAre("b.jpg", "")));
  EXPECT_THAT(table->lines, ElementsAre(2, 5));
}

TEST(Csv, NamesTheLineOfARowThatIsTooLong) {
  const auto table = parse_csv("a,b\n1,2\n1,2,3\n", "t.csv");
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(table.error().message, HasSubstr("t.csv: line 3"));
}

TEST(Csv, RefusesAnEndlessQuoteAndAnEmptyFile) {
  EXPECT_THAT(parse_csv("a\n\"b", "t.csv").error().message, HasSubstr("line 2"));
  EXPECT_THAT(parse_csv("\n", "t.csv").error().message, HasSubstr("empty"));
}

TEST(Csv, WritesFieldsThatReadBack) {
  const std::string value = "a \"b\", c\nd";
  const auto table = parse_csv("h\n" + csv_field(value) + "\n", "t");
  ASSERT_TRUE(table);
  EXPECT_EQ(table->rows[0][0], value);
}

}  // namespace
}  // namespace eidetic
