#include "base/toml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace eidetic {
namespace {

using testing::HasSubstr;

TEST(Toml, BecomesJsonThatKnowsItsLines) {
  const auto document = parse_toml(R"(name = "a"
[data]
paths = ["x", "y"]   # a list
inner = {deep = 1.5}
since = 1979-05-27

[[many]]
on = true
)",
                                   "a.toml");
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(document->values, Json::parse(R"({"name": "a", "many": [{"on": true}],
      "data": {"paths": ["x", "y"], "inner": {"deep": 1.5}, "since": null}})"));
  EXPECT_EQ(document->line("name"), 1U);
  EXPECT_EQ(document->line("data.paths"), 3U);
  EXPECT_EQ(document->line("data.inner.deep"), 4U);
  EXPECT_EQ(document->line("many"), 7U);
  EXPECT_EQ(document->line("many.on"), 0U);
  EXPECT_EQ(document->line("other"), 0U);
}

TEST(Toml, ThatIsNoneSaysWhere) {
  const auto refusal = [](std::string_view text) {
    const auto document = parse_toml(text, "a.toml");
    if (document) return std::string();
    EXPECT_EQ(document.error().code, ErrorCode::invalid_argument);
    return document.error().message;
  };
  EXPECT_THAT(refusal("a = 1\nb = \n"), HasSubstr("a.toml: line 2, column"));
  EXPECT_THAT(refusal("a = 1\na = 2\n"), HasSubstr("line 2"));
  EXPECT_THAT(refusal("a = \"\xff\"\n"), HasSubstr("a.toml: line 1"));
  EXPECT_NE(refusal("a = " + std::string(5000, '[')), "");
}

}  // namespace
}  // namespace eidetic
