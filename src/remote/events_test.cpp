#include "remote/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace eidetic::remote {
namespace {

using testing::ElementsAre;

TEST(EventReader, GivesEventsAtTheirEnd) {
  std::vector<std::string> seen;
  EventReader reader([&](const ServerEvent& event) -> Result<void> {
    seen.push_back(event.name + "|" + event.data);
    return {};
  });
  for (const auto* line : {": comment", "", "event: job", "data: {\"a\":", "data:1}", "id: 7", "", "data: x", ""}) {
    ASSERT_TRUE(reader.line(line));
  }
  EXPECT_THAT(seen, ElementsAre("job|{\"a\":\n1}", "message|x"));
}

TEST(EventReader, EndsWithTheCallersErrorAndAtItsLimit) {
  EventReader reader([](const ServerEvent&) -> Result<void> { return fail(ErrorCode::corrupt, "enough"); });
  ASSERT_TRUE(reader.line("data: x"));
  EXPECT_EQ(reader.line("").error().message, "enough");
  const std::string line = "data: " + std::string(600'000, 'x');
  ASSERT_TRUE(reader.line(line));
  EXPECT_EQ(reader.line(line).error().code, ErrorCode::overloaded);
}

}  // namespace
}  // namespace eidetic::remote
