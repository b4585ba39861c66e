// What every index promises.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "index/index_test.h"
#include "index/vector_math.h"

namespace eidetic {
namespace {

using testing::HasSubstr;

class EveryIndex : public IndexTest {};
INSTANTIATE_TEST_SUITE_P(All, EveryIndex, testing::ValuesIn(every_kind()), kind_name);

TEST_P(EveryIndex, RefusesRowsTwiceOrThatAreNotThere) {
  const auto index = crowd().empty(crowd().store);
  ASSERT_TRUE(index->add(rows_from(0, 5)));
  for (const auto& rows :
       {std::vector<Row>{4}, std::vector<Row>{5, 5}, std::vector<Row>{6, 5}, std::vector<Row>{crowd().rows}}) {
    EXPECT_EQ(index->add(rows).error().code, ErrorCode::invalid_argument);
  }
  EXPECT_EQ(index->stats().rows, 5U);
  EXPECT_EQ(index->stats().end, 5U);
  EXPECT_TRUE(index->add(std::vector<Row>{7}));
  EXPECT_EQ(index->stats().rows, 6U);
}

TEST_P(EveryIndex, ForgetsRemovedRowsAndStillGivesK) {
  const TestVectors& data = crowd().data;
  const auto store = crowd().store_of_rows(crowd().rows, metric());
  const auto index = crowd().full(store);
  const auto stays = [](Row row) { return row % 5 == 4; };
  std::vector<Row> removed;
  for (Row row = 0; row < crowd().rows; ++row) {
    if (stays(row)) continue;
    store->erase(row);
    removed.push_back(row);
  }
  index->remove(removed);
  index->remove(std::vector<Row>{17, 100'000});  // gone already; never there
  const Row left = crowd().rows / 5;
  EXPECT_EQ(index->stats().rows, left);
  EXPECT_EQ(index->stats().removed, crowd().rows - left);
  for (std::size_t i = 0; i < 50; ++i) {
    const auto found = rows_of(index->search(data[i], {.k = 50}).value());
    ASSERT_EQ(found.size(), 50U);
    ASSERT_TRUE(std::ranges::all_of(found, stays));
  }
  const Row again = store->append(3, data[3]).value();
  ASSERT_TRUE(index->add(std::vector{again}));
  if (metric() != Metric::dot) EXPECT_EQ(index->search(data[3], {.k = 1}).value()[0].row, again);
  EXPECT_EQ(index->search(data[3], {.k = kMaxK}).value().size(), left + 1);
}

TEST_P(EveryIndex, GivesKOfTheRowsThatItIsKeptTo) {
  for (const Row every : {2U, 50U, 700U, 6000U}) {
    const auto accept = [every](Row row) { return row % every == 1; };
    const RowSet among = rows_where(crowd().store->rows(), accept);
    for (Row i = 0; i < 10; ++i) {
      const auto query = crowd().query(i);
      const auto expected = brute_force(*crowd().store, query, 5, accept);
      const auto found = rows_of(crowd().index->search(query, {.k = 5, .among = &among}).value());
      ASSERT_EQ(found.size(), expected.size());
      ASSERT_TRUE(std::ranges::all_of(found, accept));
      if (factory() == "Flat" || (expected_recall() >= .98 && every >= 700)) ASSERT_EQ(found, expected);
    }
  }
}

TEST_P(EveryIndex, FindsEveryStoredVectorAgain) {
  if (metric() == Metric::dot) GTEST_SKIP() << "under dot another vector may be nearer than the vector itself";
  int missed = 0;
  for (Row row = 0; row < crowd().rows; ++row) {
    const auto found = crowd().index->search(crowd().data[row], {.k = 1}).value();
    if (found[0].row != row)
      ++missed;
    else
      EXPECT_NEAR(found[0].similarity, 1, 1e-5);
  }
  EXPECT_EQ(missed, 0);
}

class EveryPlainIndex : public IndexTest {};
INSTANTIATE_TEST_SUITE_P(All, EveryPlainIndex, testing::ValuesIn(plain_kinds()), kind_name);

TEST_P(EveryPlainIndex, HonoursKOnFewVectors) {
  for (Row count = 0; count <= 7; ++count) {
    const auto data = random_vectors(count + 1, 6, 5);
    const auto store = VectorStore::in_memory(6, metric()).value();
    for (Row i = 0; i < count; ++i) ASSERT_TRUE(store->append(i, data[i]));
    const auto index = index_of(factory(), std::shared_ptr(std::move(VectorStore::in_memory(6, metric()).value())));
    EXPECT_TRUE(index->search(data[0], {.k = 3}).value().empty());
    const auto full = store_of(random_vectors(count, 6, 5), 6, metric());
    const auto filled = index_of(factory(), full);
    for (const std::uint32_t k : {1U, 3U, 50U}) {
      const auto found = filled->search(data[count], {.k = k}).value();
      EXPECT_EQ(rows_of(found), brute_force(*full, data[count], k));
    }
  }
}

TEST_P(EveryPlainIndex, OrdersByHandComputedNearness) {
  const auto store = std::shared_ptr(VectorStore::in_memory(2, metric()).value());
  for (const auto& vector : {std::vector{1.F, 0.F}, std::vector{3.F, 3.F}, std::vector{0.F, 1.5F}}) {
    ASSERT_TRUE(store->append(store->rows(), vector));
  }
  const auto index = index_of(factory(), store);
  const auto found = index->search(std::vector{2.F, 1.F}, {.k = 3}).value();
  // cosine: .894, .949, .447   dot: 2, 9, 1.5   distances: 1.414, 2.236, 2.062
  if (metric() == Metric::cosine) EXPECT_EQ(rows_of(found), (std::vector<Row>{1, 0, 2}));
  if (metric() == Metric::dot) EXPECT_EQ(rows_of(found), (std::vector<Row>{1, 0, 2}));
  if (metric() == Metric::euclidean) EXPECT_EQ(rows_of(found), (std::vector<Row>{0, 2, 1}));
  if (metric() == Metric::euclidean) EXPECT_NEAR(found[0].distance, std::sqrt(2.0), 1e-9);
  if (metric() == Metric::dot) EXPECT_NEAR(found[0].similarity, 9, 1e-9);
}

TEST_P(EveryPlainIndex, BreaksTiesByRow) {
  const auto vector = random_vectors(1, 33, 8);
  const auto store = std::shared_ptr(VectorStore::in_memory(33, metric()).value());
  for (Row row = 0; row < 40; ++row) ASSERT_TRUE(store->append(row, vector[0]));
  const auto index = index_of(factory(), store);
  EXPECT_EQ(rows_of(index->search(vector[0], {.k = 40}).value()), rows_from(0, 40));
  EXPECT_EQ(rows_of(index->search(vector[0], {.k = 50}).value()), rows_from(0, 40));
}

TEST_P(EveryPlainIndex, RefusesQueriesThatMeanNothing) {
  const auto store = store_of(random_vectors(10, 3, 1), 3, metric());
  const auto index = index_of(factory(), store);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(index->search(std::vector{1.F, nan, 1.F}, {}).error().message, HasSubstr("finite"));
  EXPECT_THAT(index->search(std::vector{1.F, 1.F}, {}).error().message, HasSubstr("have 3"));
  EXPECT_EQ(index->search(std::vector{1.F, 1.F, 1.F}, {.k = 0}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(index->search(std::vector{1.F, 1.F, 1.F}, {.k = kMaxK + 1}).error().code, ErrorCode::invalid_argument);
  const std::vector one = {1.F, 1.F, 1.F};
  EXPECT_THAT(index->search(one, {.ef = kMaxEf + 1}).error().message, HasSubstr("ef is"));
  EXPECT_THAT(index->search(one, {.nprobe = kMaxNprobe + 1}).error().message, HasSubstr("nprobe is"));
  EXPECT_THAT(index->search(one, {.rescore = kMaxEf + 1}).error().message, HasSubstr("rescore is"));
  const auto zero = index->search(std::vector{0.F, 0.F, 0.F}, {});
  EXPECT_EQ(zero.has_value(), metric() != Metric::cosine);
}

// Far more copies than a row of a graph has links, as blank pictures in a large collection are.
TEST_P(EveryPlainIndex, FindsEveryCopyAndWhatLiesBeside) {
  constexpr Row kCopies = 1500;
  TestVectors data = random_vectors(2 * kCopies, 24, 31);
  for (Row row = 0; row < data.size(); ++row) {  // of one length: each is its own nearest under every metric
    const double length = std::sqrt(dot_product(data[row], data[row]));
    for (float& value : data[row]) value = static_cast<float>(value / length);
  }
  for (Row row = 0; row < data.size(); row += 2) std::ranges::copy(data[0], data[row].begin());
  const auto store = store_of(data, 24, metric());
  const auto index = index_of(factory(), store);

  const auto is_copy = [](Row row) { return row % 2 == 0; };
  const RowSet copies = rows_where(store->rows(), is_copy);
  EXPECT_EQ(rows_of(index->search(data[0], {.k = kCopies, .among = &copies}).value()),
            brute_force(*store, data[0], kCopies, is_copy));
  const auto is_other = [](Row row) { return row % 2 == 1; };
  const RowSet others = rows_where(store->rows(), is_other);
  EXPECT_EQ(rows_of(index->search(data[0], {.k = 10, .among = &others}).value()),
            brute_force(*store, data[0], 10, is_other));
  for (Row row = 1; row < data.size(); row += 2) {
    EXPECT_EQ(index->search(data[row], {.k = 1}).value().front().row, row);
  }
}

}  // namespace
}  // namespace eidetic
