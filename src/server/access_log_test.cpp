#include "server/access_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/log.h"

namespace eidetic {
namespace {

using testing::HasSubstr;

std::string logged(const AccessRecord& record, LogFormat format) {
  set_log_level(LogLevel::info);
  set_log_format(format);
  testing::internal::CaptureStderr();
  log_access(record);
  set_log_format(LogFormat::text);
  set_log_level(LogLevel::warning);
  return testing::internal::GetCapturedStderr();
}

const AccessRecord kRecord = {.request_id = "r1",
                              .method = "POST",
                              .route = "/v1/collections/{collection}/search",
                              .path = "/v1/collections/a/search",
                              .status = 200,
                              .milliseconds = 1.23456,
                              .bytes_in = 10,
                              .bytes_out = 20,
                              .client = "::1",
                              .token = "web shop"};

TEST(AccessLog, IsOneLineOfText) {
  const std::string line = logged(kRecord, LogFormat::text);
  EXPECT_THAT(line, HasSubstr(" info request request_id=r1 method=POST route=/v1/collections/{collection}/search"));
  EXPECT_THAT(line, HasSubstr(" status=200 ms=1.235 bytes_in=10 bytes_out=20 client=::1 token=\"web shop\"\n"));
}

TEST(AccessLog, IsOneObjectOfJson) {
  const auto line = parse_json_object(logged(kRecord, LogFormat::json), "the line");
  ASSERT_TRUE(line) << line.error().message;
  EXPECT_EQ((*line)["level"], "info");
  EXPECT_EQ((*line)["message"], "request");
  EXPECT_EQ((*line)["status"], 200);
  EXPECT_EQ((*line)["ms"], 1.235);
  EXPECT_EQ((*line)["token"], "web shop");
  EXPECT_THAT((*line)["ts"].get<std::string>(), testing::MatchesRegex("....-..-..T..:..:..\\....Z"));
}

TEST(AccessLog, NeverTakesMoreThanALine) {
  AccessRecord record = kRecord;
  record.status = 500;
  record.path = "/a\n2026-01-01 info forged\x1b[31m\xFF";
  for (const LogFormat format : {LogFormat::text, LogFormat::json}) {
    const std::string line = logged(record, format);
    EXPECT_EQ(std::ranges::count(line, '\n'), 1) << line;
    EXPECT_FALSE(line.contains('\x1b'));
    EXPECT_THAT(line, HasSubstr("error"));
  }
}

}  // namespace
}  // namespace eidetic
