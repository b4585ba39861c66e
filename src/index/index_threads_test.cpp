// Indexes and several threads.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/threads.h"
#include "index/index_test.h"

namespace eidetic {
namespace {

class IndexOnThreads : public IndexTest {};
INSTANTIATE_TEST_SUITE_P(All, IndexOnThreads, testing::ValuesIn(of_one_metric(every_kind())), kind_name);

TEST_P(IndexOnThreads, IsSearchedAndSavedWhileRowsComeAndGo) {
  const TemporaryDirectory folder;
  const TestVectors& data = crowd().data;
  constexpr Row kRows = 1500;
  const auto store = crowd().store_of_rows(0, metric());
  ThreadPool pool(2);
  const auto index = crowd().empty(store, &pool);
  std::atomic<bool> done = false;
  std::atomic<int> failures = 0;
  const auto search = [&] {
    for (std::size_t i = 0; !done; i = (i + 1) % kRows) {
      const auto found = index->search(data[i], {.k = 5});
      if (!found || found->size() > 5) ++failures;
    }
  };
  std::thread first(search);
  std::thread second(search);
  std::thread saver([&] {
    do {
      if (!index->save(folder / "s") || index->stats().rows > kRows) ++failures;
    } while (!done);
  });
  for (Row start = 0; start < kRows; start += 150) {
    for (Row row = start; row < start + 150; ++row) ASSERT_TRUE(store->append(row, data[row]));
    ASSERT_TRUE(index->add(rows_from(start, start + (start % 300 == 0 ? 150 : 50))));
    for (Row row = start + 50; start % 300 != 0 && row < start + 150; ++row) {
      ASSERT_TRUE(index->add(std::vector{row}));
    }
    index->remove(std::vector{store->erase(start + 3).value()});
  }
  done = true;
  first.join();
  second.join();
  saver.join();
  EXPECT_EQ(failures, 0);
  EXPECT_TRUE(load_index(folder / "s", store));
  for (Row i = 0; i < kRows; i += 100) {
    EXPECT_EQ(index->search(data[i], {.k = 20}).value().size(), 20U);
  }
}

TEST_P(IndexOnThreads, AnswersManyQueriesAsItDoesEach) {
  ThreadPool pool(2);
  const auto index = crowd().full(crowd().store, &pool);
  std::vector<std::span<const float>> queries;
  for (Row i = 0; i < 50; ++i) queries.push_back(crowd().query(i));
  const std::vector<float> wrong(Crowd::kDimensions - 1, 1.F);
  queries[7] = wrong;
  const auto found = index->search(queries, {.k = 10});
  ASSERT_EQ(found.size(), 50U);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto alone = index->search(queries[i], {.k = 10});
    ASSERT_EQ(found[i].has_value(), i != 7);
    if (i != 7) EXPECT_EQ(rows_of(*found[i]), rows_of(*alone));
    if (i == 7) EXPECT_EQ(found[i].error().message, alone.error().message);
  }
  EXPECT_TRUE(index->search(std::span<const std::span<const float>>(), {.k = 10}).empty());
}

class LearningOnThreads : public IndexTest {};
INSTANTIATE_TEST_SUITE_P(All, LearningOnThreads, testing::ValuesIn(of_one_metric(learning_kinds())), kind_name);

TEST_P(LearningOnThreads, GivesTheSameOnAnyNumberOfThreads) {
  if (factory().contains("HNSW")) GTEST_SKIP() << "a graph depends on who comes first";
  ThreadPool pool(3);
  const auto together = trained(factory(), crowd().store, &pool);
  ASSERT_TRUE(together->add(rows_from(0, crowd().rows)));
  for (Row i = 0; i < 50; ++i) {
    const auto query = crowd().query(i);
    EXPECT_EQ(rows_of(crowd().index->search(query, {.k = 10}).value()),
              rows_of(together->search(query, {.k = 10}).value()));
  }
}

}  // namespace
}  // namespace eidetic
