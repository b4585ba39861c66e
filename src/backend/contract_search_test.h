// What every Backend has to do: searching, and everything at the same time.
#pragma once

#include "backend/contract_test.h"

namespace eidetic {

// --- searching ---

TEST_P(BackendContract, ReturnsAsManyAsThereAreUpToK) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  for (int stored = 0; stored <= 7; ++stored) {
    if (stored > 0) store_numbered("shoes", stored - 1, stored);
    for (const std::uint32_t k : {1U, 3U, 7U, 50U, kMaxK}) {
      EXPECT_EQ(search("shoes", point(2), k).size(), std::min<std::size_t>(k, static_cast<std::size_t>(stored)));
    }
  }
}

TEST_P(BackendContract, OrdersBestFirstAndFindsItself) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  store_numbered("shoes", 0, 300);
  for (const int i : {0, 150, 299}) {
    const auto hits = search("shoes", point(i), 50);
    ASSERT_EQ(hits.size(), 50U);
    EXPECT_EQ(hits[0].id, numbered(i));
    EXPECT_NEAR(hits[0].similarity, 1, 1e-5);
    EXPECT_NEAR(hits[0].distance, 0, 1e-5);
    for (std::size_t j = 1; j < hits.size(); ++j) {
      EXPECT_LE(hits[j].similarity, hits[j - 1].similarity);
      EXPECT_GE(hits[j].distance, hits[j - 1].distance);
    }
  }
}

// a = (4, 0), b = (1, 1), c = (1, 0.5), asked for (1, 0.6):
//   cosine: c (0.9971) b (0.9701) a (0.8575); dot: a (4) b (1.6) c (1.3); euclidean: c (0.1) b (0.4) a (3.06).
TEST_P(BackendContract, EachMetricOrdersAsComputedByHand) {
  const std::vector<Item> items = {item("a", {4, 0}), item("b", {1, 1}), item("c", {1, 0.5F})};
  const auto make = [&](const std::string& name, Metric metric) {
    ASSERT_TRUE(backend().create(spec(name, metric, 2)));
    store(name, items);
  };
  make("cosine", Metric::cosine);
  make("dot", Metric::dot);
  make("euclidean", Metric::euclidean);
  const Vector query = {1, 0.6F};
  EXPECT_THAT(ids("cosine", query, 3), testing::ElementsAre("c", "b", "a"));
  EXPECT_THAT(ids("dot", query, 3), testing::ElementsAre("a", "b", "c"));
  EXPECT_THAT(ids("euclidean", query, 3), testing::ElementsAre("c", "b", "a"));
  const auto cosine = search("cosine", query, 3);
  EXPECT_NEAR(cosine[2].similarity, 0.857493, 1e-5);
  EXPECT_NEAR(cosine[2].distance, 1 - 0.857493, 1e-5);
  const auto dot = search("dot", query, 1);
  EXPECT_NEAR(dot[0].similarity, 4, 1e-5);
  EXPECT_NEAR(dot[0].distance, -3, 1e-5);
  const auto euclidean = search("euclidean", query, 1);
  EXPECT_NEAR(euclidean[0].distance, 0.1, 1e-5);
  EXPECT_NEAR(euclidean[0].similarity, 1 / 1.1, 1e-5);
}

TEST_P(BackendContract, BreaksTiesByIdAlsoAtTheLastPlace) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  store("shoes", {item("near", padded({1}))});
  // Stored in an order that is neither that of ids nor its reverse.
  for (int i = 0; i < 40; ++i) store("shoes", {item("twin-" + std::to_string(10 + i * 7 % 40), padded({1, 1}))});
  store("shoes", {item("far", padded({0, 1}))});
  const auto found = ids("shoes", padded({1}), 5);
  EXPECT_THAT(found, testing::ElementsAre("near", "twin-10", "twin-11", "twin-12", "twin-13"));
  EXPECT_EQ(ids("shoes", padded({1}), 5), found);
  EXPECT_EQ(ids("shoes", padded({1}), 100).back(), "far");
}

TEST_P(BackendContract, LeavesOutExcludedIdsAndStillReturnsK) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  store_numbered("shoes", 0, 200);
  const auto all = ids("shoes", point(0), 200);
  ASSERT_EQ(all.size(), 200U);
  EXPECT_THAT(ids("shoes", point(0), 3, {all[0], all[2], "nowhere"}), testing::ElementsAre(all[1], all[3], all[4]));
  std::vector<std::string> most;
  most.reserve(195);
  for (int i = 0; i < 195; ++i) most.push_back(numbered(i));
  EXPECT_EQ(ids("shoes", point(0), 50, most).size(), 5U);
  EXPECT_EQ(ids("shoes", point(0), 3, most).size(), 3U);
}

TEST_P(BackendContract, RefusesBadQueries) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  store_numbered("shoes", 0, 5);
  const auto refused = [&](Vector vector, std::uint32_t k) {
    VectorQuery query;
    query.vector = std::move(vector);
    query.k = k;
    const auto hits = backend().search("shoes", query);
    return !hits && hits.error().code == ErrorCode::invalid_argument;
  };
  EXPECT_TRUE(refused(point(0), 0));
  EXPECT_TRUE(refused(point(0), kMaxK + 1));
  EXPECT_TRUE(refused(Vector(kDimensions - 1, 1), 5));
  EXPECT_TRUE(refused({}, 5));
  EXPECT_TRUE(refused(padded({}), 5));
  EXPECT_TRUE(refused(padded({1, std::numeric_limits<float>::quiet_NaN()}), 5));
  EXPECT_TRUE(refused(padded({1, std::numeric_limits<float>::infinity()}), 5));
}

TEST_P(BackendContract, ManyQueriesFindWhatEachFindsAlone) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  store_numbered("shoes", 0, 200);
  for (int i = 0; i < 40; ++i) store("shoes", {item("twin-" + std::to_string(10 + i * 7 % 40), point(3))});
  std::vector<VectorQuery> queries;
  for (int i = 0; i < 30; ++i) {
    VectorQuery& query = queries.emplace_back();
    query.vector = i == 11 ? Vector(3, 1) : point(i % 7);  // one is wrong, many are equal
    query.k = i % 3 == 0 ? 4 : 9;
    if (i % 10 == 7) query.exclude_ids = {numbered(i % 7), "twin-12"};
    if (i % 10 == 3) query.depth.ef = 100;
  }
  queries[17].k = 0;
  const auto results = backend().search("shoes", queries).value();
  ASSERT_EQ(results.size(), queries.size());
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const auto alone = backend().search("shoes", queries[i]);
    ASSERT_EQ(results[i].has_value(), alone.has_value()) << i;
    if (!alone) {
      EXPECT_EQ(results[i].error().message, alone.error().message);
      continue;
    }
    ASSERT_EQ(results[i]->size(), alone->size()) << i;
    for (std::size_t j = 0; j < alone->size(); ++j) {
      EXPECT_EQ((*results[i])[j].id, (*alone)[j].id) << i << ' ' << j;
      EXPECT_NEAR((*results[i])[j].similarity, (*alone)[j].similarity, 1e-6);
    }
  }
  EXPECT_TRUE(backend().search("shoes", std::span<const VectorQuery>{})->empty());
  EXPECT_EQ(backend().search("boots", queries).error().code, ErrorCode::not_found);
}

// --- at the same time ---

TEST_P(BackendContract, SearchesStayConsistentWhileItemsComeAndGo) {
  if (!GetParam().several_threads) GTEST_SKIP() << "what several threads ask for has no order to be recorded";
  ASSERT_TRUE(backend().create(spec("shoes")));
  store_numbered("shoes", 0, 100);  // stay as they are
  std::atomic<bool> done = false;
  std::vector<std::thread> searchers;
  searchers.reserve(3);
  for (int thread = 0; thread < 3; ++thread) {
    searchers.emplace_back([&, thread] {
      for (int i = thread; !done; i = (i + 7) % 100) {
        const auto hits = search("shoes", point(i), 20);
        ASSERT_EQ(hits.size(), 20U);
        EXPECT_EQ(hits[0].id, numbered(i));
        EXPECT_NEAR(hits[0].similarity, 1, 1e-5);
        EXPECT_FALSE(hits[19].id.empty());
        EXPECT_EQ(search("shoes", point(i), 100).size(), 100U);
      }
    });
  }
  for (int round = 0; round < 10; ++round) {
    store_numbered("shoes", 200, 260);
    store_numbered("shoes", 230, 260);
    std::vector<std::string> gone;
    for (int i = 200; i < 260; ++i) gone.push_back(numbered(i));
    EXPECT_EQ(backend().erase("shoes", gone).value(), 60U);
  }
  done = true;
  for (auto& searcher : searchers) searcher.join();
  EXPECT_EQ(count("shoes"), 100U);
  EXPECT_EQ(search("shoes", point(0), 500).size(), 100U);
}

// A replaced item is there all the time: before, with the old vector; after, with the new one.
TEST_P(BackendContract, AnItemBeingReplacedIsAlwaysFoundOnce) {
  if (!GetParam().several_threads) GTEST_SKIP() << "what several threads ask for has no order to be recorded";
  ASSERT_TRUE(backend().create(spec("shoes")));
  store_numbered("shoes", 0, 5);
  std::atomic<bool> done = false;
  std::thread searcher([&] {
    while (!done) {
      auto found = ids("shoes", point(2), 10);
      std::ranges::sort(found);
      EXPECT_THAT(found, testing::ElementsAre(numbered(0), numbered(1), numbered(2), numbered(3), numbered(4)));
      EXPECT_EQ(search("shoes", point(2), 10, {numbered(3)}).size(), 4U);
    }
  });
  for (int round = 0; round < 100; ++round) store("shoes", {item(numbered(3), point(100 + round))});
  done = true;
  searcher.join();
}

TEST_P(BackendContract, WritersOfSeveralThreadsLoseNothing) {
  if (!GetParam().several_threads) GTEST_SKIP() << "what several threads ask for has no order to be recorded";
  ASSERT_TRUE(backend().create(spec("shoes")));
  std::vector<std::thread> writers;
  writers.reserve(4);
  for (int thread = 0; thread < 4; ++thread) {
    writers.emplace_back([&, thread] {
      for (int batch = 0; batch < 5; ++batch) {
        const int first = thread * 100 + batch * 20;
        store_numbered("shoes", first, first + 20);
      }
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(count("shoes"), 400U);
  for (int i = 0; i < 400; i += 13) EXPECT_EQ(ids("shoes", point(i), 1)[0], numbered(i));
}

TEST_P(BackendContract, FlushKeepsEverything) {
  ASSERT_TRUE(backend().flush());
  ASSERT_TRUE(backend().create(spec("shoes")));
  store_numbered("shoes", 0, 50);
  ASSERT_TRUE(backend().flush());
  ASSERT_TRUE(backend().flush());
  EXPECT_EQ(count("shoes"), 50U);
  EXPECT_EQ(search("shoes", point(0), 100).size(), 50U);
}

}  // namespace eidetic
