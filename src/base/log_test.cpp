#include "base/log.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace eidetic {
namespace {

TEST(Log, IsJsonWhereThatIsWanted) {
  set_log_format(LogFormat::json);
  testing::internal::CaptureStderr();
  log(LogLevel::warning, "a \"{}\"\nline", 1);
  set_log_format(LogFormat::text);
  const auto line = parse_json_object(testing::internal::GetCapturedStderr(), "the line");
  ASSERT_TRUE(line) << line.error().message;
  EXPECT_EQ((*line)["level"], "warning");
  EXPECT_EQ((*line)["message"], "a \"1\"\nline");
}

TEST(Log, HasLevelsWithNames) {
  EXPECT_EQ(parse_log_level("debug"), LogLevel::debug);
  EXPECT_EQ(parse_log_level("error"), LogLevel::error);
  EXPECT_FALSE(parse_log_level("loud"));
}

}  // namespace
}  // namespace eidetic
