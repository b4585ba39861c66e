// Which items are near each other, by every kind of index.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "backend/embedded_harness.h"

namespace eidetic {
namespace {

constexpr int kItems = 1200;
constexpr std::uint32_t kDimensions = 16;

std::string id_of(int i) { return "item-" + std::to_string(i); }

std::pair<std::string, std::string> in_order(int i, int j) {
  std::pair ids(id_of(i), id_of(j));
  if (ids.second < ids.first) std::swap(ids.first, ids.second);
  return ids;
}

class NearPairsTest : public testing::TestWithParam<const char*> {
 protected:
  NearPairsTest() {
    harness_.open();
    if (!backend().create(make_spec("c", kDimensions, GetParam()))) std::abort();
    std::mt19937 random(5);
    std::vector<Item> items;
    for (int i = 0; i < kItems; ++i) {
      Item item = make_item(id_of(i), random_vector(random, kDimensions));
      // Every tenth is nearly the one before.
      if (i % 10 == 1) {
        item.vector = items.back().vector;
        item.vector[0] += 0.001F;
      }
      item.metadata = i < 600 ? R"({"half":1})" : R"({"half":2})";
      items.push_back(std::move(item));
    }
    if (!backend().upsert("c", items) || !backend().flush()) std::abort();
    items_ = std::move(items);
  }

  Backend& backend() { return *harness_.backend; }
  NearPairs near(const NearRequest& request) { return backend().near_pairs("c", request, {}, {}).value(); }
  static std::set<std::pair<std::string, std::string>> names(const NearPairs& near) {
    std::set<std::pair<std::string, std::string>> pairs;
    for (const auto& [a, b, similarity] : near.pairs) pairs.emplace(near.ids[a], near.ids[b]);
    return pairs;
  }

  EmbeddedHarness harness_;
  std::vector<Item> items_;
};

TEST_P(NearPairsTest, FindsTheTwins) {
  const auto found = near({.k = 3, .min_similarity = 0.9999});
  EXPECT_EQ(found.items, static_cast<std::uint64_t>(kItems));
  EXPECT_TRUE(std::ranges::is_sorted(found.ids));
  const auto pairs = names(found);
  EXPECT_EQ(pairs.size(), found.pairs.size()) << "each once";
  int twins = 0;
  for (int i = 1; i < kItems; i += 10) {
    twins += pairs.contains(in_order(i, i - 1)) ? 1 : 0;
  }
  EXPECT_EQ(twins, kItems / 10);
  EXPECT_EQ(pairs.size(), static_cast<std::size_t>(twins));
  for (const auto& pair : found.pairs) {
    EXPECT_LT(pair.a, pair.b);
    EXPECT_GT(pair.similarity, 0.9999);
  }
}

TEST_P(NearPairsTest, ErasedItemsAndThoseThatDoNotPassAreInNone) {
  const std::vector<std::string> gone = {id_of(0)};
  ASSERT_TRUE(backend().erase("c", gone));
  const auto all = names(near({.k = 1, .min_similarity = 0.9999}));
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kItems / 10 - 1));
  NearRequest request{.k = 1, .min_similarity = 0.9999};
  request.filter = parse_filter("half = 2").value();
  const auto half = near(request);
  EXPECT_EQ(half.items, 600U);
  EXPECT_EQ(half.pairs.size(), 60U);
}

TEST_P(NearPairsTest, TellsHowFarItIsAndStops) {
  std::vector<std::uint64_t> told;
  ASSERT_TRUE(backend().near_pairs("c", {.k = 1},
                                   [&](std::uint64_t done, std::uint64_t total) {
                                     told.push_back(done);
                                     EXPECT_EQ(total, static_cast<std::uint64_t>(kItems));
                                   },
                                   {}));
  EXPECT_EQ(told.front(), 0U);
  EXPECT_EQ(told.back(), static_cast<std::uint64_t>(kItems));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(backend().near_pairs("c", {}, {}, stop.get_token()).error().code, ErrorCode::unavailable);
}

// As many as k of each and no more, and as brute force finds them.
TEST_P(NearPairsTest, AreTheNearest) {
  if (std::string_view(GetParam()) != "Flat") GTEST_SKIP() << "only an exact index promises that";
  constexpr std::size_t kNearest = 4;
  const auto cosine = [&](int i, int j) {
    double product = 0;
    double a = 0;
    double b = 0;
    for (std::size_t d = 0; d < kDimensions; ++d) {
      const double x = items_[static_cast<std::size_t>(i)].vector[d];
      const double y = items_[static_cast<std::size_t>(j)].vector[d];
      product += x * y, a += x * x, b += y * y;
    }
    return product / std::sqrt(a * b);
  };
  std::set<std::pair<std::string, std::string>> expected;
  for (int i = 0; i < kItems; ++i) {
    std::vector<std::pair<double, int>> others;
    for (int j = 0; j < kItems; ++j) {
      if (j != i) others.emplace_back(-cosine(i, j), j);
    }
    std::ranges::partial_sort(others, others.begin() + kNearest);
    for (std::size_t n = 0; n < kNearest; ++n) expected.insert(in_order(i, others[n].second));
  }
  EXPECT_EQ(names(near({.k = kNearest, .min_similarity = -1})), expected);
}

TEST_P(NearPairsTest, OutOfBoundsIsRefusedAndEmptyIsEmpty) {
  EXPECT_EQ(backend().near_pairs("c", {.k = 0}, {}, {}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(backend().near_pairs("c", {.k = kMaxNearNeighbors + 1}, {}, {}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(backend().near_pairs("d", {}, {}, {}).error().code, ErrorCode::not_found);
  ASSERT_TRUE(backend().create(make_spec("empty", kDimensions, GetParam())));
  EXPECT_TRUE(backend().near_pairs("empty", {}, {}, {})->pairs.empty());
}

INSTANTIATE_TEST_SUITE_P(Indexes, NearPairsTest, testing::Values("Flat", "HNSW16", "IVF4,Flat"), index_test_name);

}  // namespace
}  // namespace eidetic
