// What every Backend has to do, as tests. An implementation brings a way to make an empty one and instantiates the
// suite:
//
//   INSTANTIATE_TEST_SUITE_P(Mine, BackendContract, testing::Values(BackendUnderTest{"mine", "auto", make_mine}),
//                            backend_test_name);
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "eidetic/backend.h"

namespace eidetic {

// A backend and whatever has to live as long as it.
struct BackendHarness {
  BackendHarness() = default;
  BackendHarness(const BackendHarness&) = delete;
  BackendHarness& operator=(const BackendHarness&) = delete;
  virtual ~BackendHarness() = default;
  [[nodiscard]] virtual Backend& backend() = 0;
};

struct BackendUnderTest {
  std::string name;
  std::string index;  // of the collections made
  std::function<std::unique_ptr<BackendHarness>()> make;
};

inline std::string backend_test_name(const testing::TestParamInfo<BackendUnderTest>& info) { return info.param.name; }

class BackendContract : public testing::TestWithParam<BackendUnderTest> {
 protected:
  static constexpr std::uint32_t kDimensions = 16;

  [[nodiscard]] CollectionSpec spec(std::string name, Metric metric = Metric::cosine,
                                    std::uint32_t dimensions = kDimensions) const {
    CollectionSpec made;
    made.name = std::move(name);
    made.space.model = "test";
    made.space.hash = "0123";
    made.space.dimensions = dimensions;
    made.space.metric = metric;
    made.index = GetParam().index;
    return made;
  }
  static Item item(std::string id, Vector vector) {
    Item made;
    made.id = std::move(id);
    made.vector = std::move(vector);
    return made;
  }
  // Scattered points, so that approximate indexes, too, have to find each by itself; the same at every call.
  static Vector point(int i) {
    std::mt19937 random(static_cast<unsigned>(i));
    std::normal_distribution<float> normal;
    Vector made(kDimensions);
    for (float& value : made) value = normal(random);
    return made;
  }
  // The first `values`, then zeros.
  static Vector padded(Vector values) {
    values.resize(kDimensions);
    return values;
  }
  static std::string numbered(int i) { return "item-" + std::to_string(i); }
  void store(std::string_view collection, const std::vector<Item>& items) {
    const auto results = backend().upsert(collection, items);
    ASSERT_TRUE(results) << results.error().message;
    ASSERT_EQ(results->size(), items.size());
    for (const auto& result : *results) EXPECT_TRUE(result) << result.error().message;
  }
  void store_numbered(std::string_view collection, int first, int last) {
    std::vector<Item> items;
    for (int i = first; i < last; ++i) items.push_back(item(numbered(i), point(i)));
    store(collection, items);
  }
  std::vector<Hit> search(std::string_view collection, Vector vector, std::uint32_t k,
                          std::vector<std::string> exclude = {}) {
    VectorQuery query;
    query.vector = std::move(vector);
    query.k = k;
    query.exclude_ids = std::move(exclude);
    auto hits = backend().search(collection, query);
    EXPECT_TRUE(hits) << hits.error().message;
    return std::move(hits).value_or(std::vector<Hit>());
  }
  std::vector<std::string> ids(std::string_view collection, const Vector& vector, std::uint32_t k,
                               const std::vector<std::string>& exclude = {}) {
    std::vector<std::string> found;
    for (const Hit& hit : search(collection, vector, k, exclude)) found.push_back(hit.id);
    return found;
  }
  std::uint64_t count(std::string_view collection) { return backend().count(collection).value(); }
  Backend& backend() { return harness_->backend(); }

 private:
  std::unique_ptr<BackendHarness> harness_ = GetParam().make();
};

// --- collections ---

TEST_P(BackendContract, ListsCollectionsByNameWithTheirSpecs) {
  auto shoes = spec("shoes", Metric::euclidean);
  shoes.settings = R"({"model":"x"})";
  shoes.space.precision = Precision::bf16;
  ASSERT_TRUE(backend().create(shoes));
  ASSERT_TRUE(backend().create(spec("hats")));
  const auto all = backend().list().value();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].spec.name, "hats");
  EXPECT_EQ(all[1].spec.name, "shoes");
  EXPECT_TRUE(all[1].spec.space.matches(shoes.space));
  EXPECT_EQ(all[1].spec.space.model, "test");
  EXPECT_EQ(all[1].spec.settings, R"({"model":"x"})");
  EXPECT_EQ(all[1].spec.index, GetParam().index);
  EXPECT_GT(all[1].created_ms, 0);
}

TEST_P(BackendContract, RefusesBadSpecsAndTakenNames) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  EXPECT_EQ(backend().create(spec("shoes")).error().code, ErrorCode::already_exists);
  for (const std::string name : {"", ".x", "a/b", "a b", "é"}) {
    EXPECT_EQ(backend().create(spec(name)).error().code, ErrorCode::invalid_argument) << name;
  }
  EXPECT_EQ(backend().create(spec(std::string(65, 'x'))).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(backend().create(spec("none", Metric::cosine, 0)).error().code, ErrorCode::invalid_argument);
  auto bad_index = spec("x");
  bad_index.index = "Flatt";
  EXPECT_EQ(backend().create(bad_index).error().code, ErrorCode::invalid_argument);
  auto bad_settings = spec("x");
  bad_settings.settings = "[]";
  EXPECT_EQ(backend().create(bad_settings).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(backend().list()->size(), 1U);
}

TEST_P(BackendContract, EveryCallRefusesAnUnknownCollection) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  const std::vector<Item> items = {item("a", point(0))};
  const std::vector<std::string> some = {"a"};
  VectorQuery query;
  query.vector = point(0);
  EXPECT_EQ(backend().drop("shoe").error().code, ErrorCode::not_found);
  EXPECT_EQ(backend().describe("shoe").error().code, ErrorCode::not_found);
  EXPECT_EQ(backend().spec("shoe").error().code, ErrorCode::not_found);
  EXPECT_EQ(backend().configure("shoe", "{}").error().code, ErrorCode::not_found);
  EXPECT_EQ(backend().upsert("shoe", items).error().code, ErrorCode::not_found);
  EXPECT_EQ(backend().update("shoe", items).error().code, ErrorCode::not_found);
  EXPECT_EQ(backend().erase("shoe", some).error().code, ErrorCode::not_found);
  EXPECT_EQ(backend().get("shoe", some, false).error().code, ErrorCode::not_found);
  EXPECT_EQ(backend().scroll("shoe", "", 1, false).error().code, ErrorCode::not_found);
  EXPECT_EQ(backend().count("shoe").error().code, ErrorCode::not_found);
  const auto searched = backend().search("shoe", query);
  EXPECT_EQ(searched.error().code, ErrorCode::not_found);
  EXPECT_THAT(searched.error().message, testing::HasSubstr("'shoe'"));
}

TEST_P(BackendContract, ADroppedCollectionIsGoneAndItsNameFree) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  ASSERT_TRUE(backend().create(spec("hats")));
  store_numbered("shoes", 0, 20);
  store_numbered("hats", 0, 10);
  ASSERT_TRUE(backend().drop("shoes"));
  EXPECT_EQ(backend().count("shoes").error().code, ErrorCode::not_found);
  ASSERT_TRUE(backend().create(spec("shoes", Metric::cosine, 2)));
  EXPECT_EQ(count("shoes"), 0U);
  EXPECT_THAT(search("shoes", {1, 0}, 5), testing::IsEmpty());
  EXPECT_EQ(count("hats"), 10U);
  EXPECT_EQ(search("hats", point(0), 50).size(), 10U);
}

TEST_P(BackendContract, ConfigureReplacesSettings) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  ASSERT_TRUE(backend().configure("shoes", R"({"a":1})"));
  EXPECT_EQ(backend().describe("shoes")->spec.settings, R"({"a":1})");
  EXPECT_EQ(backend().spec("shoes")->settings, R"({"a":1})");
  EXPECT_TRUE(backend().spec("shoes")->space.matches(backend().describe("shoes")->spec.space));
  EXPECT_EQ(backend().configure("shoes", "3").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(backend().describe("shoes")->spec.settings, R"({"a":1})");
}

TEST_P(BackendContract, DescribeCountsItemsAndBatches) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  const auto before = backend().describe("shoes").value();
  EXPECT_EQ(before.items, 0U);
  store_numbered("shoes", 0, 7);
  const auto after = backend().describe("shoes").value();
  EXPECT_EQ(after.items, 7U);
  EXPECT_GT(after.sequence, before.sequence);
  EXPECT_FALSE(after.index_kind.empty());
}

// --- items ---

TEST_P(BackendContract, GivesEveryFieldBack) {
  ASSERT_TRUE(backend().create(spec("shoes", Metric::dot)));
  Item stored = item("ordner/bild é 日本.jpg", padded({0.1F, -2, 3e-7F, 4e5F}));
  stored.uri = "file:///tmp/a%20b.jpg";
  stored.content_hash = "abcdef";
  stored.size_bytes = 5'000'000'000;
  stored.modified_ns = 1'700'000'000'123'456'789;
  stored.metadata = R"({"label":"Ä\u0000","n":[1,2.5,null,true],"o":{"p":"q"}})";
  const std::string longest(1024, 'x');
  store("shoes", {stored, item(longest, padded({1}))});
  const auto got = backend().get("shoes", std::vector<std::string>{longest, "nowhere", stored.id}, true).value();
  ASSERT_EQ(got.size(), 3U);
  ASSERT_TRUE(got[0] && !got[1] && got[2]);
  EXPECT_EQ(got[0]->id, longest);
  EXPECT_EQ(got[0]->metadata, "{}");
  EXPECT_EQ(got[2]->id, stored.id);
  EXPECT_EQ(got[2]->uri, stored.uri);
  EXPECT_EQ(got[2]->content_hash, stored.content_hash);
  EXPECT_EQ(got[2]->size_bytes, stored.size_bytes);
  EXPECT_EQ(got[2]->modified_ns, stored.modified_ns);
  EXPECT_EQ(got[2]->metadata, stored.metadata);
  EXPECT_EQ(got[2]->vector, stored.vector);
  EXPECT_TRUE(backend().get("shoes", std::vector<std::string>{stored.id}, false).value()[0]->vector.empty());
  const auto hits = search("shoes", stored.vector, 1);
  ASSERT_EQ(hits.size(), 1U);
  EXPECT_EQ(hits[0].id, stored.id);
  EXPECT_EQ(hits[0].uri, stored.uri);
  EXPECT_EQ(hits[0].metadata, stored.metadata);
}

TEST_P(BackendContract, ABadItemFailsAloneAndSaysWhy) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<Item> items = {item("good", point(0)),
                             item("short", Vector(kDimensions - 1, 1)),
                             item("long", Vector(kDimensions + 1, 1)),
                             item("none", {}),
                             item("nan", padded({1, kNan})),
                             item("infinite", padded({1, -kInfinity})),
                             item("zero", padded({})),
                             item("", point(1)),
                             item(std::string(1025, 'x'), point(1)),
                             item("\xC3\x28", point(1)),
                             item("list", point(1)),
                             item("broken", point(1)),
                             item("also good", point(1))};
  items[10].metadata = "[1]";
  items[11].metadata = R"({"a":)";
  const auto results = backend().upsert("shoes", items).value();
  ASSERT_EQ(results.size(), items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    const bool is_good = i == 0 || i + 1 == items.size();
    EXPECT_EQ(results[i].has_value(), is_good) << items[i].id;
    if (!results[i]) EXPECT_EQ(results[i].error().code, ErrorCode::invalid_argument) << items[i].id;
  }
  EXPECT_EQ(count("shoes"), 2U);
  EXPECT_THAT(ids("shoes", point(0), 50), testing::UnorderedElementsAre("good", "also good"));
}

TEST_P(BackendContract, ZeroVectorsAreFineWhereTheyCanBeCompared) {
  ASSERT_TRUE(backend().create(spec("shoes", Metric::euclidean)));
  store("shoes", {item("zero", padded({})), item("one", padded({1}))});
  EXPECT_THAT(ids("shoes", padded({}), 2), testing::ElementsAre("zero", "one"));
}

TEST_P(BackendContract, StoringAnIdAgainReplacesTheItem) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  store_numbered("shoes", 0, 20);
  auto moved = item(numbered(3), point(1000));
  moved.metadata = R"({"new":true})";
  store("shoes", {moved});
  EXPECT_EQ(count("shoes"), 20U);
  EXPECT_NE(ids("shoes", point(3), 1)[0], numbered(3));
  const auto hits = search("shoes", point(1000), 50);
  ASSERT_EQ(hits.size(), 20U);
  EXPECT_EQ(hits[0].id, numbered(3));
  EXPECT_EQ(hits[0].metadata, R"({"new":true})");
}

TEST_P(BackendContract, OfAnIdTwiceInABatchTheLastStays) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  store("shoes", {item("a", padded({1})), item("b", padded({1, 1})), item("a", padded({0, 1}))});
  EXPECT_EQ(count("shoes"), 2U);
  EXPECT_THAT(ids("shoes", padded({1}), 5), testing::ElementsAre("b", "a"));
}

TEST_P(BackendContract, UpdateChangesFactsAndLeavesVectors) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  store_numbered("shoes", 0, 5);
  Item changed = item(numbered(2), {});
  changed.uri = "file:///new";
  changed.metadata = R"({"x":1})";
  Item bad = item(numbered(1), {});
  bad.metadata = "no";
  const auto results = backend().update("shoes", std::vector<Item>{changed, item("nowhere", {}), bad}).value();
  ASSERT_EQ(results.size(), 3U);
  EXPECT_TRUE(results[0]);
  EXPECT_EQ(results[1].error().code, ErrorCode::not_found);
  EXPECT_EQ(results[2].error().code, ErrorCode::invalid_argument);
  const auto hits = search("shoes", point(2), 1);
  ASSERT_EQ(hits.size(), 1U);
  EXPECT_EQ(hits[0].id, numbered(2));
  EXPECT_NEAR(hits[0].similarity, 1, 1e-5);
  EXPECT_EQ(hits[0].uri, "file:///new");
  EXPECT_EQ(hits[0].metadata, R"({"x":1})");
  EXPECT_EQ(count("shoes"), 5U);
}

TEST_P(BackendContract, ErasedItemsNeverComeBackUnlessStoredAgain) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  store_numbered("shoes", 0, 1000);
  for (int i = 0; i < 500; ++i) {
    const auto erased = backend().erase("shoes", std::vector<std::string>{numbered(i), "nowhere", numbered(i)});
    ASSERT_EQ(erased.value(), 1U) << i;
  }
  EXPECT_EQ(count("shoes"), 500U);
  for (int i = 0; i < 500; i += 25) {
    const auto left = ids("shoes", point(i), 100);
    EXPECT_EQ(std::set(left.begin(), left.end()).size(), 100U);
    for (const auto& id : left) EXPECT_GE(std::stoi(id.substr(5)), 500) << id;
    EXPECT_EQ(ids("shoes", point(500 + i), 1)[0], numbered(500 + i));
  }
  EXPECT_EQ(ids("shoes", point(0), 1000).size(), 500U);
  store_numbered("shoes", 0, 1);
  EXPECT_EQ(ids("shoes", point(0), 1)[0], numbered(0));
  EXPECT_EQ(count("shoes"), 501U);
}

TEST_P(BackendContract, EmptyBatchesAreFine) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  EXPECT_TRUE(backend().upsert("shoes", {})->empty());
  EXPECT_TRUE(backend().update("shoes", {})->empty());
  EXPECT_EQ(backend().erase("shoes", {}).value(), 0U);
  EXPECT_TRUE(backend().get("shoes", {}, true)->empty());
}

TEST_P(BackendContract, ScrollsThroughAllItemsById) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  std::vector<std::string> expected;
  std::vector<Item> items;
  for (int i = 0; i < 26; ++i) {
    expected.push_back(std::string(1, static_cast<char>('Z' - i)) + "é");
    items.push_back(item(expected.back(), point(i)));
  }
  store("shoes", items);
  std::ranges::sort(expected);
  for (const std::uint32_t limit : {1U, 5U, 13U, 26U, 100U}) {
    std::vector<std::string> found;
    std::string cursor;
    do {
      const auto page = backend().scroll("shoes", cursor, limit, limit == 5).value();
      EXPECT_LE(page.items.size(), limit);
      for (const Item& each : page.items) {
        found.push_back(each.id);
        EXPECT_EQ(each.vector.size(), limit == 5 ? kDimensions : 0);
      }
      cursor = page.next;
    } while (!cursor.empty());
    EXPECT_EQ(found, expected) << limit;
  }
  EXPECT_EQ(backend().scroll("shoes", "", 0, false).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(backend().scroll("shoes", "", 10'001, false).error().code, ErrorCode::invalid_argument);
}

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
