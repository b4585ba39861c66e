#include "s3/place.h"

#include <gtest/gtest.h>

namespace eidetic {
namespace {

TEST(S3Uri, TakesEveryCharacterOfAKeyAsItIs) {
  for (const std::string key : {"a.jpg", "a b/写真 #1?.jpg", "100%/%41+x.jpg", "/a//b/", "..", ""}) {
    const auto place = parse_s3_uri("s3://shop-1/" + key);
    ASSERT_TRUE(place) << place.error().message;
    EXPECT_EQ(*place, (S3Place{"shop-1", key}));
    EXPECT_EQ(place->uri(), "s3://shop-1/" + key);
  }
  EXPECT_EQ(parse_s3_uri("S3://shop")->bucket, "shop");
}

TEST(S3Uri, RefusesWhatIsNone) {
  const std::string long_key(1025, 'x');
  for (const std::string uri : {"s3:", "s3://", "s3:///a", "s3://a/b", "s3://with space/a", "s3://a..b/c", "http://a/b",
                                "/s3/a", "s3://bucket/\xFF"}) {
    const auto place = parse_s3_uri(uri);
    ASSERT_FALSE(place) << uri;
    EXPECT_EQ(place.error().code, ErrorCode::invalid_argument);
    EXPECT_TRUE(place.error().message.contains(uri));
  }
  EXPECT_FALSE(parse_s3_uri("s3://bucket/" + long_key));
  EXPECT_FALSE(parse_s3_object("s3://bucket/"));
}

TEST(S3Place, IsJoinedAsAFolder) {
  EXPECT_EQ((S3Place{"b", ""} / "x").key, "x");
  EXPECT_EQ((S3Place{"b", "a"} / "x").key, "a/x");
  EXPECT_EQ((S3Place{"b", "a/"} / "x").key, "a/x");
}

TEST(S3Roots, HoldWhatLiesBelowThem) {
  const auto check = [](const std::optional<std::vector<std::string>>& roots, std::string_view uri) {
    return S3Roots::of(roots)->check(*parse_s3_uri(uri)).has_value();
  };
  EXPECT_TRUE(check(std::nullopt, "s3://any/thing"));
  EXPECT_FALSE(check(std::vector<std::string>(), "s3://any/thing"));
  const std::vector<std::string> roots = {"s3://shop/public", "s3://open", "s3://deep/a/"};
  for (const auto* good : {"s3://shop/public", "s3://shop/public/x", "s3://open/x", "s3://open/", "s3://deep/a/b"}) {
    EXPECT_TRUE(check(roots, good)) << good;
  }
  for (const auto* bad : {"s3://shop/", "s3://shop/publicity/x", "s3://shop2/public/x", "s3://opened/x", "s3://deep/a",
                          "s3://shop/public/../x"}) {
    EXPECT_FALSE(check(roots, bad)) << bad;
  }
  EXPECT_FALSE(S3Roots::of(std::vector<std::string>{"shop/public"}));
}

}  // namespace
}  // namespace eidetic
