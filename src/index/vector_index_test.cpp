// What every index promises, checked for each against brute force in double.
#include "eidetic/vector_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fstream>
#include <limits>
#include <numeric>
#include <thread>

#include "base/test_files.h"
#include "base/threads.h"
#include "index/test_vectors.h"
#include "index/vector_math.h"
#include "index/vector_store.h"

namespace eidetic {
namespace {

using testing::HasSubstr;

std::shared_ptr<VectorStore> store_of(const TestVectors& data, std::uint32_t dimensions, Metric metric) {
  std::shared_ptr<VectorStore> store = VectorStore::in_memory(dimensions, metric).value();
  for (std::size_t i = 0; i < data.size(); ++i) EXPECT_TRUE(store->append(i, data[i]));
  return store;
}

std::vector<Row> rows_from(Row first, Row end) {
  std::vector<Row> rows(end - first);
  std::iota(rows.begin(), rows.end(), first);
  return rows;
}

std::unique_ptr<VectorIndex> index_of(std::string_view factory, const std::shared_ptr<const VectorStore>& store) {
  auto index = make_index(factory, store).value();
  EXPECT_TRUE(index->add(rows_from(0, store->rows())));
  return index;
}

double similarity(Metric metric, std::span<const float> a, std::span<const float> b) {
  double product = 0;
  double square_a = 0;
  double square_b = 0;
  double square = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += double{a[i]} * b[i];
    square_a += double{a[i]} * a[i];
    square_b += double{b[i]} * b[i];
    square += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
  }
  if (metric == Metric::cosine) return product / std::sqrt(square_a * square_b);
  if (metric == Metric::dot) return product;
  return 1 / (1 + std::sqrt(square));
}

std::vector<Row> brute_force(const VectorStore& store, std::span<const float> query, std::size_t k,
                             const std::function<bool(Row)>& accept = {}) {
  std::vector<std::pair<double, Row>> all;
  for (Row row = 0; row < store.rows(); ++row) {
    if (!store.alive(row) || (accept && !accept(row))) continue;
    all.emplace_back(-similarity(store.metric(), query, store.vector(row)), row);
  }
  std::ranges::sort(all);
  all.resize(std::min(k, all.size()));
  std::vector<Row> rows;
  for (const auto& [score, row] : all) rows.push_back(row);
  return rows;
}

std::vector<Row> rows_of(const std::vector<Neighbor>& neighbors) {
  std::vector<Row> rows;
  for (const Neighbor& neighbor : neighbors) rows.push_back(neighbor.row);
  return rows;
}

// Without waiting for the disk, as these tests write hundreds of files.
bool overwrite(const std::filesystem::path& path, std::string_view content) {
  return static_cast<bool>(std::ofstream(path, std::ios::binary) << content);
}

double recall(const std::vector<Row>& expected, const std::vector<Row>& found) {
  const auto hits =
      std::ranges::count_if(expected, [&](Row row) { return std::ranges::find(found, row) != found.end(); });
  return static_cast<double>(hits) / static_cast<double>(expected.size());
}

// --- the exact index ---

TEST(Flat, EqualsBruteForceForAllMetricsAndDimensions) {
  for (const Metric metric : {Metric::cosine, Metric::dot, Metric::euclidean}) {
    for (const std::uint32_t dimensions : {1U, 3U, 17U, 65U, 256U, 512U, 2048U}) {
      const std::size_t count = dimensions > 1000 ? 500 : 2000;
      const auto store = store_of(clustered_vectors(count, dimensions, 20, dimensions), dimensions, metric);
      const auto index = index_of("Flat", store);
      const auto queries = clustered_vectors(20, dimensions, 20, dimensions);
      for (std::size_t i = 0; i < queries.size(); ++i) {
        for (const std::uint32_t k : {1U, 10U, 100U}) {
          const auto found = index->search(queries[i], {.k = k}).value();
          if (dimensions == 1 && metric == Metric::cosine) continue;  // all similarities are 1 or -1
          ASSERT_EQ(rows_of(found), brute_force(*store, queries[i], k)) << to_string(metric) << ' ' << dimensions;
          for (const Neighbor& hit : found) {
            const double expected = similarity(metric, queries[i], store->vector(hit.row));
            ASSERT_NEAR(hit.similarity, expected, 1e-6 * std::max(1.0, std::abs(expected)));
          }
        }
      }
    }
  }
}

TEST(Flat, StaysExactWhereVectorsAreLopsidedHugeTinyOrZero) {
  for (const Metric metric : {Metric::dot, Metric::euclidean}) {
    TestVectors data = random_vectors(1000, 40, 3);
    for (std::size_t i = 0; i < data.size(); ++i) {
      const float size = std::pow(10.F, static_cast<float>(i % 29) - 15);
      for (float& value : data[i]) value *= size;
      if (i % 10 == 0) std::ranges::fill(data[i], 0.F);
      if (i % 10 == 1) std::ranges::fill(data[i].subspan(1), 0.F);
    }
    const auto store = store_of(data, 40, metric);
    const auto index = index_of("Flat", store);
    for (std::size_t i = 0; i < data.size(); i += 7) {
      const auto found = index->search(data[i], {.k = 20}).value();
      const auto expected = brute_force(*store, data[i], 20);
      for (std::size_t j = 0; j < 20; ++j) {  // scores, as rows whose scores differ by rounding may change places
        const double wanted = similarity(metric, data[i], store->vector(expected[j]));
        ASSERT_NEAR(found[j].similarity, wanted, 1e-9 * std::abs(found[0].similarity)) << i << ' ' << j;
      }
    }
  }
}

// --- every index ---

class EveryIndex : public testing::TestWithParam<std::tuple<const char*, Metric>> {
 protected:
  [[nodiscard]] const char* factory() const { return std::get<0>(GetParam()); }
  [[nodiscard]] Metric metric() const { return std::get<1>(GetParam()); }
};

INSTANTIATE_TEST_SUITE_P(All, EveryIndex,
                         testing::Combine(testing::Values("Flat", "HNSW16", "HNSW24:200"),
                                          testing::Values(Metric::cosine, Metric::dot, Metric::euclidean)),
                         [](const auto& info) {
                           std::string name = std::get<0>(info.param);
                           std::ranges::replace(name, ':', '_');
                           return name + '_' + std::string(to_string(std::get<1>(info.param)));
                         });

TEST_P(EveryIndex, HonoursKOnFewVectors) {
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

TEST_P(EveryIndex, OrdersByHandComputedNearness) {
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

TEST_P(EveryIndex, BreaksTiesByRow) {
  const auto vector = random_vectors(1, 33, 8);
  const auto store = std::shared_ptr(VectorStore::in_memory(33, metric()).value());
  for (Row row = 0; row < 40; ++row) ASSERT_TRUE(store->append(row, vector[0]));
  const auto index = index_of(factory(), store);
  EXPECT_EQ(rows_of(index->search(vector[0], {.k = 40}).value()), rows_from(0, 40));
  EXPECT_EQ(rows_of(index->search(vector[0], {.k = 50}).value()), rows_from(0, 40));
}

TEST_P(EveryIndex, RefusesQueriesThatMeanNothing) {
  const auto store = store_of(random_vectors(10, 3, 1), 3, metric());
  const auto index = index_of(factory(), store);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(index->search(std::vector{1.F, nan, 1.F}, {}).error().message, HasSubstr("finite"));
  EXPECT_THAT(index->search(std::vector{1.F, 1.F}, {}).error().message, HasSubstr("have 3"));
  EXPECT_EQ(index->search(std::vector{1.F, 1.F, 1.F}, {.k = 0}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(index->search(std::vector{1.F, 1.F, 1.F}, {.k = kMaxK + 1}).error().code, ErrorCode::invalid_argument);
  const auto zero = index->search(std::vector{0.F, 0.F, 0.F}, {});
  EXPECT_EQ(zero.has_value(), metric() != Metric::cosine);
}

TEST_P(EveryIndex, RefusesRowsTwiceOrThatAreNotThere) {
  const auto store = store_of(random_vectors(10, 3, 1), 3, metric());
  const auto index = make_index(factory(), store).value();
  ASSERT_TRUE(index->add(rows_from(0, 5)));
  for (const auto& rows : {std::vector<Row>{4}, std::vector<Row>{5, 5}, std::vector<Row>{6, 5}, std::vector<Row>{10}}) {
    EXPECT_EQ(index->add(rows).error().code, ErrorCode::invalid_argument);
  }
  EXPECT_EQ(index->stats().rows, 5U);
  EXPECT_EQ(index->stats().end, 5U);
  EXPECT_TRUE(index->add(std::vector<Row>{7}));
  EXPECT_EQ(index->stats().rows, 6U);
}

TEST_P(EveryIndex, ForgetsRemovedRowsAndStillGivesK) {
  const auto data = clustered_vectors(3000, 24, 30, 4);
  const auto store = store_of(data, 24, metric());
  const auto index = index_of(factory(), store);
  std::vector<Row> removed;
  for (Row row = 0; row < 2500; ++row) {
    store->erase(row);
    removed.push_back(row);
  }
  index->remove(removed);
  index->remove(std::vector<Row>{17, 100'000});  // gone already; never there
  EXPECT_EQ(index->stats().rows, 500U);
  EXPECT_EQ(index->stats().removed, 2500U);
  for (std::size_t i = 0; i < 100; ++i) {
    const auto found = rows_of(index->search(data[i], {.k = 50}).value());
    ASSERT_EQ(found.size(), 50U);
    ASSERT_GE(std::ranges::min(found), 2500U);
  }
  const Row again = store->append(3, data[3]).value();
  ASSERT_TRUE(index->add(std::vector{again}));
  if (metric() != Metric::dot) EXPECT_EQ(index->search(data[3], {.k = 1}).value()[0].row, again);
  EXPECT_EQ(index->search(data[3], {.k = 1000}).value().size(), 501U);
}

TEST_P(EveryIndex, GivesKAcceptedRowsUnderAnyFilter) {
  const auto data = clustered_vectors(5000, 32, 50, 6);
  const auto store = store_of(data, 32, metric());
  const auto index = index_of(factory(), store);
  for (const Row every : {2U, 50U, 700U, 6000U}) {
    const auto accept = [every](Row row) { return row % every == 1; };
    for (std::size_t i = 0; i < 10; ++i) {
      const auto expected = brute_force(*store, data[i], 5, accept);
      const auto found = rows_of(index->search(data[i], {.k = 5, .accept = accept}).value());
      ASSERT_EQ(found.size(), expected.size());
      ASSERT_TRUE(std::ranges::all_of(found, accept));
      if (std::string_view(factory()) == "Flat" || every >= 700) ASSERT_EQ(found, expected);
    }
  }
}

TEST_P(EveryIndex, FindsEveryStoredVectorAgain) {
  if (metric() == Metric::dot) GTEST_SKIP() << "under dot another vector may be nearer than the vector itself";
  const auto data = clustered_vectors(10'000, 64, 100, 7);
  const auto store = store_of(data, 64, metric());
  const auto index = index_of(factory(), store);
  int missed = 0;
  for (Row row = 0; row < store->rows(); ++row) {
    const auto found = index->search(data[row], {.k = 1}).value();
    if (found[0].row != row)
      ++missed;
    else
      EXPECT_NEAR(found[0].similarity, 1, 1e-5);
  }
  EXPECT_EQ(missed, 0);
}

// Far more copies than a row of a graph has links, as blank pictures in a large collection are.
TEST_P(EveryIndex, FindsEveryCopyAndWhatLiesBeside) {
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
  EXPECT_EQ(rows_of(index->search(data[0], {.k = kCopies, .accept = is_copy}).value()),
            brute_force(*store, data[0], kCopies, is_copy));
  const auto is_other = [](Row row) { return row % 2 == 1; };
  EXPECT_EQ(rows_of(index->search(data[0], {.k = 10, .accept = is_other}).value()),
            brute_force(*store, data[0], 10, is_other));
  for (Row row = 1; row < data.size(); row += 2) {
    EXPECT_EQ(index->search(data[row], {.k = 1}).value().front().row, row);
  }
}

TEST_P(EveryIndex, RecallsNearlyAllOfTenThousand) {
  const auto data = clustered_vectors(10'000, 128, 100, 9);
  const auto queries = clustered_vectors(200, 128, 100, 9);
  const auto store = store_of(data, 128, metric());
  const auto index = index_of(factory(), store);
  double total = 0;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    total += recall(brute_force(*store, queries[i], 10), rows_of(index->search(queries[i], {.k = 10}).value()));
  }
  EXPECT_GE(total / 200, std::string_view(factory()) == "Flat" ? 1 : 0.98);
}

TEST_P(EveryIndex, ComesBackFromItsSnapshotAndGoesOn) {
  const TemporaryDirectory folder;
  const auto data = clustered_vectors(3000, 48, 30, 10);
  const auto store = store_of(data, 48, metric());
  {
    const auto index = make_index(factory(), store).value();
    ASSERT_TRUE(index->add(rows_from(0, 1001)));
    ASSERT_TRUE(index->add(rows_from(1100, 2001)));
    index->remove(rows_from(5, 15));
    ASSERT_TRUE(index->save(folder / "s"));
  }
  store->erase(20);  // died after the snapshot
  const auto index = load_index(folder / "s", store).value();
  EXPECT_EQ(index->stats().kind, factory());
  EXPECT_EQ(index->stats().end, 2001U);
  EXPECT_EQ(index->stats().rows, 1001U + 901U - 11U);
  ASSERT_TRUE(index->add(rows_from(2001, 3000)));
  const auto accept = [](Row row) { return (row < 1001 || row >= 1100) && (row < 5 || row >= 15) && row != 20; };
  double total = 0;
  for (std::size_t i = 0; i < 100; ++i) {
    const auto found = rows_of(index->search(data[i * 30], {.k = 10}).value());
    ASSERT_TRUE(std::ranges::all_of(found, accept));
    total += recall(brute_force(*store, data[i * 30], 10, accept), found);
  }
  EXPECT_GE(total / 100, std::string_view(factory()) == "Flat" ? 1 : 0.98);
}

TEST_P(EveryIndex, CallsEveryTruncationBitFlipAndOtherStoreCorrupt) {
  const TemporaryDirectory folder;
  const auto store = store_of(random_vectors(200, 8, 11), 8, metric());
  ASSERT_TRUE(index_of(factory(), store)->save(folder / "s"));
  const std::string whole = read_text(folder / "s").value();
  const std::size_t step = whole.size() / 101;
  for (std::size_t at = 0; at < whole.size(); at += at < 64 ? 1 : step) {
    ASSERT_TRUE(overwrite(folder / "t", whole.substr(0, at)));
    ASSERT_EQ(load_index(folder / "t", store).error().code, ErrorCode::corrupt) << at;
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
    ASSERT_TRUE(overwrite(folder / "t", flipped));
    ASSERT_EQ(load_index(folder / "t", store).error().code, ErrorCode::corrupt) << at;
  }
  EXPECT_TRUE(load_index(folder / "s", store));
  const auto other = load_index(folder / "s", store_of(random_vectors(200, 8, 12), 8, metric()));
  EXPECT_THAT(other.error().message, HasSubstr("other vectors"));
  EXPECT_EQ(load_index(folder / "s", store_of(random_vectors(100, 8, 11), 8, metric())).error().code,
            ErrorCode::corrupt);
  EXPECT_EQ(load_index(folder / "nowhere", store).error().code, ErrorCode::not_found);
  std::string older = whole;
  older[8] = 0;
  ASSERT_TRUE(overwrite(folder / "t", older));
  EXPECT_THAT(load_index(folder / "t", store).error().message, HasSubstr("version 0"));
}

TEST_P(EveryIndex, SavesAndLoadsNothing) {
  const TemporaryDirectory folder;
  const auto store = store_of(random_vectors(4, 8, 11), 8, metric());
  ASSERT_TRUE(make_index(factory(), store).value()->save(folder / "s"));
  const auto index = load_index(folder / "s", store).value();
  EXPECT_TRUE(index->search(store->vector(0), {}).value().empty());
  EXPECT_TRUE(index->add(rows_from(0, 4)));
  EXPECT_EQ(index->search(store->vector(0), {}).value().size(), 4U);
}

TEST_P(EveryIndex, IsSearchedAndSavedWhileRowsComeAndGo) {
  const TemporaryDirectory folder;
  const auto data = clustered_vectors(1500, 32, 10, 13);
  const auto store = std::shared_ptr(VectorStore::in_memory(32, metric()).value());
  ThreadPool pool(2);
  const auto index = make_index(factory(), store, {.pool = &pool}).value();
  std::atomic<bool> done = false;
  std::atomic<int> failures = 0;
  const auto search = [&] {
    for (std::size_t i = 0; !done; i = (i + 1) % data.size()) {
      const auto found = index->search(data[i], {.k = 5});
      if (!found || found->size() > 5) ++failures;
    }
  };
  std::thread first(search);
  std::thread second(search);
  std::thread saver([&] {
    do {
      if (!index->save(folder / "s") || index->stats().rows > data.size()) ++failures;
    } while (!done);
  });
  for (Row row = 0; row < data.size(); row += 150) {
    for (Row i = row; i < row + 150; ++i) ASSERT_TRUE(store->append(i, data[i]));
    ASSERT_TRUE(index->add(rows_from(row, row + (row % 300 == 0 ? 150 : 50))));
    for (Row i = row + 50; row % 300 != 0 && i < row + 150; ++i) ASSERT_TRUE(index->add(std::vector{i}));
    index->remove(std::vector{store->erase(row + 3).value()});
  }
  done = true;
  first.join();
  second.join();
  saver.join();
  EXPECT_EQ(failures, 0);
  EXPECT_TRUE(load_index(folder / "s", store));
  for (std::size_t i = 0; i < data.size(); i += 100) {
    EXPECT_EQ(index->search(data[i], {.k = 20}).value().size(), 20U);
  }
}

TEST(Factory, NamesThePartThatIsWrongAndTheNearestGoodOne) {
  EXPECT_TRUE(check_factory("Flat"));
  EXPECT_TRUE(check_factory("HNSW4"));
  EXPECT_TRUE(check_factory("HNSW64"));
  EXPECT_EQ(check_factory("HNSW12:24").value(), "HNSW12:24");
  EXPECT_EQ(check_factory("HNSW16:128").value(), "HNSW16");
  EXPECT_EQ(make_index("HNSW12:24", VectorStore::in_memory(4, Metric::cosine).value()).value()->stats().kind,
            "HNSW12:24");
  EXPECT_THAT(check_factory("HNSW16:3").error().message, HasSubstr("the nearest is 4"));
  EXPECT_THAT(check_factory("HNSW16:").error().message, HasSubstr("like HNSW16:200"));
  EXPECT_THAT(check_factory("flat").error().message, HasSubstr("'Flat'"));
  EXPECT_THAT(check_factory("HNSW65").error().message, HasSubstr("the nearest is 64"));
  EXPECT_THAT(check_factory("HNSW3").error().message, HasSubstr("the nearest is 4"));
  EXPECT_THAT(check_factory("HNSW").error().message, HasSubstr("like HNSW16"));
  EXPECT_THAT(check_factory("HNSW16,PQ8").error().message, HasSubstr("'16,PQ8'"));
  EXPECT_EQ(check_factory("").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(check_factory("HNSW-4").error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace eidetic
