#include "base/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>

namespace eidetic {
namespace {

TEST(BoundedQueue, HandsEverythingOverInOrderAndEnds) {
  BoundedQueue<int> queue(2);
  std::thread producer([&] {
    for (int i = 0; i < 1000; ++i) queue.push(i);
    queue.close();
  });
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(queue.pop(), i);
  EXPECT_EQ(queue.pop(), std::nullopt);
  EXPECT_FALSE(queue.push(1));
  producer.join();
}

TEST(BoundedQueue, ClosingFreesAWaitingProducer) {
  BoundedQueue<int> queue(1);
  queue.push(0);
  std::thread producer([&] { EXPECT_FALSE(queue.push(1)); });
  queue.close();
  producer.join();
}

TEST(ThreadPool, RunsEveryIndexOnce) {
  ThreadPool pool(3);
  std::vector<std::atomic<int>> runs(10'000);
  pool.parallel_for(runs.size(), [&](std::size_t i) { ++runs[i]; });
  for (const auto& count : runs) EXPECT_EQ(count, 1);
}

TEST(ThreadPool, NestsWithoutStanding) {
  ThreadPool pool(2);
  std::atomic<int> sum = 0;
  pool.parallel_for(8, [&](std::size_t) { pool.parallel_for(8, [&](std::size_t) { ++sum; }); });
  EXPECT_EQ(sum, 64);
}

TEST(ThreadPool, RunsPostedJobsBeforeItEnds) {
  std::atomic<int> ran = 0;
  {
    ThreadPool pool(1);
    for (int i = 0; i < 100; ++i) pool.post([&] { ++ran; });
  }
  EXPECT_EQ(ran, 100);
}

}  // namespace
}  // namespace eidetic
