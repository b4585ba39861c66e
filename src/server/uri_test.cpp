#include "server/uri.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace eidetic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

std::string refusal_of(std::string_view target) {
  const auto parsed = parse_request_target(target);
  if (parsed) return "";
  EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument);
  return parsed.error().message;
}

TEST(RequestTarget, IsSplitIntoDecodedSegments) {
  const auto parsed = parse_request_target("/v1/collections/my%20shoes/items/a%2Fb%2Fc.jpg");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_THAT(parsed->segments, ElementsAre("v1", "collections", "my shoes", "items", "a/b/c.jpg"));
  EXPECT_THAT(parsed->query, IsEmpty());
}

TEST(RequestTarget, KeepsEmptySegments) {
  EXPECT_THAT(parse_request_target("/")->segments, IsEmpty());
  EXPECT_THAT(parse_request_target("/v1/")->segments, ElementsAre("v1", ""));
  EXPECT_THAT(parse_request_target("//v1")->segments, ElementsAre("", "v1"));
}

TEST(RequestTarget, KeepsAPlusInThePathAndDotsThatAreEscaped) {
  EXPECT_THAT(parse_request_target("/a+b/%2e%2E/...")->segments, ElementsAre("a+b", "..", "..."));
}

TEST(RequestTarget, HasQueryParameters) {
  const auto parsed = parse_request_target("/s?k=5&filter=price+%3C+50%2B1&&flag&e=&r=a=b%26");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_THAT(parsed->query, ElementsAre(Pair("e", ""), Pair("filter", "price < 50+1"), Pair("flag", ""),
                                         Pair("k", "5"), Pair("r", "a=b&")));
}

TEST(RequestTarget, TakesTheAbsoluteForm) {
  EXPECT_THAT(parse_request_target("HTTP://host:1/v1/x?k=1")->segments, ElementsAre("v1", "x"));
  EXPECT_THAT(parse_request_target("http://host")->segments, IsEmpty());
  EXPECT_THAT(parse_request_target("http://host?k=1")->query, ElementsAre(Pair("k", "1")));
}

TEST(RequestTarget, RefusesWhatIsNone) {
  EXPECT_THAT(refusal_of(""), HasSubstr("begin with '/'"));
  EXPECT_THAT(refusal_of("*"), HasSubstr("begin with '/'"));
  EXPECT_THAT(refusal_of("host:443"), HasSubstr("begin with '/'"));
  EXPECT_THAT(refusal_of("/a b"), HasSubstr("blank"));
  EXPECT_THAT(refusal_of("/a#b"), HasSubstr("'#'"));
  EXPECT_THAT(refusal_of(std::string_view("/a\0b", 4)), HasSubstr("control character"));
}

TEST(RequestTarget, RefusesWrongEscapes) {
  for (const std::string_view target : {"/%", "/%4", "/%zz", "/%4g", "/a?b=%", "/a?%x=1"}) {
    EXPECT_THAT(refusal_of(target), HasSubstr("%25")) << target;
  }
  EXPECT_THAT(refusal_of("/a%00b"), HasSubstr("zero byte"));
  EXPECT_THAT(refusal_of("/a?b=%00"), HasSubstr("the query has a zero byte"));
  EXPECT_THAT(refusal_of("/a%FF"), HasSubstr("not UTF-8"));
  EXPECT_THAT(refusal_of("/a?b=%C0%AF"), HasSubstr("not UTF-8"));
}

TEST(RequestTarget, RefusesPlainDots) {
  EXPECT_THAT(refusal_of("/v1/../x"), HasSubstr("%2E%2E"));
  EXPECT_THAT(refusal_of("/."), HasSubstr("'.'"));
}

TEST(RequestTarget, TellsAParameterGivenTwice) {
  const auto target = parse_request_target("/a?k=1&%6B=2&l=3");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->repeated, "k");
  EXPECT_EQ(target->query.at("k"), "1");
  EXPECT_EQ(parse_request_target("/a?k=1&l=1")->repeated, "");
}

TEST(PercentEncode, IsReadBackAsItWas) {
  EXPECT_EQ(percent_encode("a/b c+é%.~"), "a%2Fb%20c%2B%C3%A9%25.~");
  for (const std::string name : {"a/b", "..", ".", "100 %+", "ü", "?&=#"}) {
    const auto parsed = parse_request_target("/" + percent_encode(name) + "?q=" + percent_encode(name));
    ASSERT_TRUE(parsed) << name;
    EXPECT_THAT(parsed->segments, ElementsAre(name));
    EXPECT_THAT(parsed->query, ElementsAre(Pair("q", name)));
  }
}

}  // namespace
}  // namespace eidetic
