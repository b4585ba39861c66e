#include "remote/times.h"

#include <gtest/gtest.h>

namespace eidetic::remote {
namespace {

TEST(ParseTime, ReadsUtcFractionsAndOffsets) {
  EXPECT_EQ(parse_time("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_time("2001-09-09T01:46:40Z"), 1'000'000'000'000'000'000);
  EXPECT_EQ(parse_time("2001-09-09T01:46:40.25Z"), 1'000'000'000'250'000'000);
  EXPECT_EQ(parse_time("1970-01-01T00:00:01.123456789123Z"), 1'123'456'789);
  EXPECT_EQ(parse_time("1970-01-01T02:00:00+02:00"), 0);
  EXPECT_EQ(parse_time("1969-12-31T22:30:00-01:30"), 0);
}

TEST(ParseTime, RefusesAllElse) {
  for (const auto* text : {"", "2001", "2001-09-09", "2001-13-09T01:46:40Z", "2001-02-30T01:46:40Z",
                           "2001-09-09T25:46:40Z", "2001-09-09T01:46:40", "2001-09-09T01:46:40+2", "now"}) {
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace eidetic::remote
