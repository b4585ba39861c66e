#include "server/rate_limiter.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace eidetic {
namespace {

using std::chrono::milliseconds;

const RateLimiter::Clock::time_point kStart{std::chrono::hours(1)};

TEST(RateLimiter, GrantsABurstAndThenItsRate) {
  RateLimiter limiter(10, 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limiter.take("1.2.3.4", kStart), 0);
  EXPECT_NEAR(limiter.take("1.2.3.4", kStart), 0.1, 1e-9);
  EXPECT_NEAR(limiter.take("1.2.3.4", kStart + milliseconds(60)), 0.04, 1e-9);
  EXPECT_EQ(limiter.take("1.2.3.4", kStart + milliseconds(101)), 0);
  EXPECT_GT(limiter.take("1.2.3.4", kStart + milliseconds(101)), 0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limiter.take("1.2.3.4", kStart + std::chrono::hours(1)), 0);
  EXPECT_GT(limiter.take("1.2.3.4", kStart + std::chrono::hours(1)), 0);
}

TEST(RateLimiter, KnowsClientsApart) {
  RateLimiter limiter(1, 1);
  EXPECT_EQ(limiter.take("1.2.3.4", kStart), 0);
  EXPECT_EQ(limiter.take("1.2.3.5", kStart), 0);
  EXPECT_EQ(limiter.take("2001:db8::1", kStart), 0);
  EXPECT_GT(limiter.take("2001:db8::2", kStart), 0);  // of the same /64
  EXPECT_EQ(limiter.take("2001:db8:0:1::1", kStart), 0);
  EXPECT_EQ(limiter.take("::ffff:1.1.1.1", kStart), 0);
  EXPECT_EQ(limiter.take("::ffff:1.1.1.2", kStart), 0);
}

TEST(RateLimiter, GrantsARateBelowOneASecond) {
  RateLimiter limiter(0.5, 0);
  EXPECT_EQ(limiter.take("a", kStart), 0);
  EXPECT_NEAR(limiter.take("a", kStart), 2, 1e-9);
}

TEST(RateLimiter, MayBeOff) {
  RateLimiter limiter(0, 0);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(limiter.take("a", kStart), 0);
}

TEST(RateLimiter, ForgetsWhoWasSilentLongest) {
  RateLimiter limiter(0.001, 1, 2);
  EXPECT_EQ(limiter.take("a", kStart), 0);
  EXPECT_EQ(limiter.take("b", kStart), 0);
  EXPECT_GT(limiter.take("a", kStart), 0);
  EXPECT_EQ(limiter.take("c", kStart), 0);  // in the place of b
  EXPECT_GT(limiter.take("a", kStart), 0);
  EXPECT_EQ(limiter.take("b", kStart), 0);
}

TEST(RateLimiter, CountsOverThreads) {
  RateLimiter limiter(0.001, 100);
  std::atomic<int> granted = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 100; ++j) granted += limiter.take("a", kStart) == 0 ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(granted, 100);
}

}  // namespace
}  // namespace eidetic
