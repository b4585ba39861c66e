// What every index promises, checked for each against brute force in double.
#include "eidetic/vector_index.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <numeric>
#include <set>
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

std::unique_ptr<VectorIndex> trained(std::string_view factory, const std::shared_ptr<const VectorStore>& store,
                                     ThreadPool* pool = nullptr) {
  auto index = make_index(factory, store, {.pool = pool}).value();
  EXPECT_TRUE(index->train(rows_from(0, store->rows())));
  return index;
}

std::unique_ptr<VectorIndex> index_of(std::string_view factory, const std::shared_ptr<const VectorStore>& store) {
  auto index = trained(factory, store);
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

// Without waiting for the disk, as these tests write hundreds of files; nor does the file system, which it would to
// keep what was there.
bool overwrite(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::remove(path);
  return static_cast<bool>(std::ofstream(path, std::ios::binary) << content);
}

std::vector<Row> first_of(const std::vector<Row>& rows, std::size_t count) {
  return {rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(std::min(count, rows.size()))};
}

double recall(const std::vector<Row>& expected, const std::vector<Row>& found) {
  const auto hits =
      std::ranges::count_if(expected, [&](Row row) { return std::ranges::find(found, row) != found.end(); });
  return static_cast<double>(hits) / static_cast<double>(expected.size());
}

// --- the exact index ---

TEST(Flat, EqualsBruteForceForAllMetricsAndDimensions) {
  for (const std::uint32_t dimensions : {1U, 3U, 17U, 65U, 256U, 512U, 2048U}) {
    const TestVectors data = clustered_vectors(dimensions > 100 ? 500 : 2000, dimensions, 20, dimensions);
    const TestVectors queries = clustered_vectors(20, dimensions, 20, dimensions);
    for (const Metric metric : {Metric::cosine, Metric::dot, Metric::euclidean}) {
      const auto store = store_of(data, dimensions, metric);
      const auto index = index_of("Flat", store);
      for (std::size_t i = 0; i < queries.size(); ++i) {
        const auto expected_rows = brute_force(*store, queries[i], 100);
        for (const std::uint32_t k : {1U, 10U, 100U}) {
          const auto found = index->search(queries[i], {.k = k}).value();
          if (dimensions == 1 && metric == Metric::cosine) continue;  // all similarities are 1 or -1
          ASSERT_EQ(rows_of(found), first_of(expected_rows, k)) << to_string(metric) << ' ' << dimensions;
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

TEST(Flat, IsExactOnSeveralThreads) {
  const auto store = store_of(clustered_vectors(300'000, 4, 20, 1), 4, Metric::euclidean);
  ThreadPool pool(3);
  const auto index = make_index("Flat", store, {.pool = &pool}).value();
  ASSERT_TRUE(index->add(rows_from(0, store->rows())));
  const auto queries = clustered_vectors(5, 4, 20, 1);
  for (std::size_t i = 0; i < queries.size(); ++i) {
    EXPECT_EQ(rows_of(index->search(queries[i], {.k = 25}).value()), brute_force(*store, queries[i], 25));
  }
}

// --- every index ---

struct Kind {
  const char* factory;
  double recall;  // that is expected of it at 10, as it is by default, on a Crowd
};

TestVectors falling(TestVectors vectors) {
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    for (std::size_t j = 0; j < vectors[i].size(); ++j) vectors[i][j] *= std::exp(-static_cast<float>(j) / 16);
  }
  return vectors;
}

// What an index is made of once for all tests of it: learning takes most of their time. Clustered vectors whose
// variance falls from component to component, as that of pictures does, more where nothing is learnt; queries are from
// the same clusters, and not among them.
struct Crowd {
  static constexpr std::uint32_t kDimensions = 64;
  static constexpr Row kQueries = 100;

  Crowd(const std::string& factory, Metric metric)
      : rows(least_training_rows(factory).value() > 0 ? 2500 : 5000),
        data(falling(clustered_vectors(rows + kQueries, kDimensions, 100, 7))),
        store(store_of_rows(rows, metric)) {
    auto made = trained(factory, store);
    EXPECT_TRUE(made->save(folder / "empty"));
    EXPECT_TRUE(made->add(rows_from(0, rows)));
    EXPECT_TRUE(made->save(folder / "full"));
    index = std::move(made);
  }
  // Of the first `count` of its vectors.
  [[nodiscard]] std::shared_ptr<VectorStore> store_of_rows(Row count, Metric metric) const {
    std::shared_ptr<VectorStore> made = VectorStore::in_memory(kDimensions, metric).value();
    for (Row row = 0; row < count; ++row) EXPECT_TRUE(made->append(row, data[row]));
    return made;
  }
  [[nodiscard]] std::span<const float> query(Row i) const { return data[rows + i]; }
  // An index that has learnt what `index` has, of no rows; of any store of as many dimensions.
  [[nodiscard]] std::unique_ptr<VectorIndex> empty(std::shared_ptr<const VectorStore> of, ThreadPool* pool = {}) const {
    return load_index(folder / "empty", std::move(of), {.pool = pool}).value();
  }
  // The index once more; `of` holds what `store` does.
  [[nodiscard]] std::unique_ptr<VectorIndex> full(std::shared_ptr<const VectorStore> of, ThreadPool* pool = {}) const {
    return load_index(folder / "full", std::move(of), {.pool = pool}).value();
  }

  const TemporaryDirectory folder = {};
  const Row rows;
  const TestVectors data;
  const std::shared_ptr<const VectorStore> store;
  std::unique_ptr<const VectorIndex> index;
};

const Crowd& crowd_of(const std::string& factory, Metric metric) {
  static std::map<std::pair<std::string, Metric>, Crowd> made;
  return made.try_emplace({factory, metric}, factory, metric).first->second;
}

class IndexTest : public testing::TestWithParam<std::tuple<Kind, Metric>> {
 protected:
  [[nodiscard]] std::string factory() const { return std::get<0>(GetParam()).factory; }
  [[nodiscard]] double expected_recall() const { return std::get<0>(GetParam()).recall; }
  [[nodiscard]] Metric metric() const { return std::get<1>(GetParam()); }
  [[nodiscard]] const Crowd& crowd() const { return crowd_of(factory(), metric()); }
};
class EveryIndex : public IndexTest {};
// What learns nothing can be filled from the first vector on.
class EveryPlainIndex : public IndexTest {};
class EveryLearningIndex : public IndexTest {};

constexpr auto kPlain = {Kind{"Flat", 1}, Kind{"HNSW16", .98}, Kind{"SQ8", .99}};
constexpr auto kWide = {Kind{"HNSW24:200", .98}};  // differs from HNSW16 in nothing that a metric touches
constexpr auto kLearning = {Kind{"IVF16,Flat", .96},   Kind{"IVF16,SQ8", .96}, Kind{"IVF16,PQ8", .94},
                            Kind{"PQ8x6", .77},        Kind{"PQ4x10", .93},    Kind{"PCA16,Flat", .98},
                            Kind{"PCA16,HNSW16", .98}, Kind{"OPQ8,PQ8", .93},  Kind{"OPQ4_16,IVF16,PQ4x6", .94}};
constexpr auto kMetrics = {Metric::cosine, Metric::dot, Metric::euclidean};
const auto kName = [](const auto& info) {
  std::string name = std::get<0>(info.param).factory;
  std::ranges::replace_if(name, [](char letter) { return letter == ':' || letter == ','; }, '_');
  return name + '_' + std::string(to_string(std::get<1>(info.param)));
};
INSTANTIATE_TEST_SUITE_P(Plain, EveryIndex, testing::Combine(testing::ValuesIn(kPlain), testing::ValuesIn(kMetrics)),
                         kName);
INSTANTIATE_TEST_SUITE_P(Wide, EveryIndex, testing::Combine(testing::ValuesIn(kWide), testing::Values(Metric::cosine)),
                         kName);
constexpr auto kTwoMetrics = {Metric::cosine, Metric::dot};
constexpr auto kEuclidean = {Kind{"IVF16,Flat", .96}, Kind{"IVF16,PQ8", .94}, Kind{"PCA16,HNSW16", .98}};
INSTANTIATE_TEST_SUITE_P(Learning, EveryIndex,
                         testing::Combine(testing::ValuesIn(kLearning), testing::ValuesIn(kTwoMetrics)), kName);
INSTANTIATE_TEST_SUITE_P(LearningByDistance, EveryIndex,
                         testing::Combine(testing::ValuesIn(kEuclidean), testing::Values(Metric::euclidean)), kName);
INSTANTIATE_TEST_SUITE_P(All, EveryPlainIndex, testing::Combine(testing::ValuesIn(kPlain), testing::ValuesIn(kMetrics)),
                         kName);
INSTANTIATE_TEST_SUITE_P(Wide, EveryPlainIndex,
                         testing::Combine(testing::ValuesIn(kWide), testing::Values(Metric::cosine)), kName);
INSTANTIATE_TEST_SUITE_P(All, EveryLearningIndex,
                         testing::Combine(testing::ValuesIn(kLearning), testing::ValuesIn(kMetrics)), kName);

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

TEST_P(EveryIndex, GivesKAcceptedRowsUnderAnyFilter) {
  for (const Row every : {2U, 50U, 700U, 6000U}) {
    const auto accept = [every](Row row) { return row % every == 1; };
    for (Row i = 0; i < 10; ++i) {
      const auto query = crowd().query(i);
      const auto expected = brute_force(*crowd().store, query, 5, accept);
      const auto found = rows_of(crowd().index->search(query, {.k = 5, .accept = accept}).value());
      ASSERT_EQ(found.size(), expected.size());
      ASSERT_TRUE(std::ranges::all_of(found, accept));
      if (factory() == "Flat" || (expected_recall() >= .98 && every >= 700)) ASSERT_EQ(found, expected);
    }
  }
}

TEST_P(EveryIndex, ShowsHowItSearchesAndIsBuilt) {
  const TestVectors& data = crowd().data;
  const auto index = crowd().full(crowd().store);
  const Row left = crowd().rows - 2;
  const std::vector<Row> gone = {0, 1};
  index->remove(gone);
  SearchTrace trace;
  const auto found = index->search(data[5], {.k = 10, .nprobe = 3, .trace = &trace}).value();
  EXPECT_EQ(rows_of(found), rows_of(index->search(data[5], {.k = 10, .nprobe = 3}).value()));

  // What is found is the best of the candidates.
  ASSERT_GE(trace.candidates.size(), found.size());
  auto candidates = trace.candidates;
  std::ranges::sort(candidates, std::greater{}, &SearchTrace::Candidate::similarity);
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(candidates[i].similarity, found[i].similarity);
  EXPECT_TRUE(std::ranges::is_sorted(trace.candidates, std::greater{}, &SearchTrace::Candidate::estimate));
  double apart = 0;
  double size = 0;
  for (const auto& candidate : trace.candidates) {
    apart += std::abs(candidate.estimate - candidate.similarity);
    size += std::abs(candidate.similarity);
  }
  EXPECT_LT(apart / size, .8);  // a projection makes all look nearer

  const IndexAnatomy anatomy = index->anatomy();
  EXPECT_EQ(anatomy.kind, factory());
  EXPECT_EQ(trace.steps.empty(), !factory().contains("HNSW"));
  EXPECT_EQ(anatomy.layers.empty(), !factory().contains("HNSW"));
  if (!trace.steps.empty()) {
    EXPECT_EQ(anatomy.layers[0].rows, left);
    EXPECT_GT(anatomy.layers[0].mean_links, 4);
    std::set<Row> seen = {trace.steps[0].row};
    for (const auto& step : trace.steps) {
      EXPECT_TRUE(seen.contains(step.from));
      seen.insert(step.row);
      EXPECT_LT(step.layer, anatomy.layers.size());
    }
    for (const auto& candidate : trace.candidates) EXPECT_TRUE(seen.contains(candidate.row));
  }
  EXPECT_EQ(trace.visits.empty(), !factory().contains("IVF"));
  EXPECT_EQ(anatomy.cells.empty(), !factory().contains("IVF"));
  if (trace.visits.empty()) return;
  EXPECT_EQ(trace.visits.size(), 3U);
  if (metric() != Metric::dot) {
    EXPECT_TRUE(std::ranges::is_sorted(trace.visits, std::less{}, &SearchTrace::Visit::distance));
  }
  std::uint64_t rows = 0;
  for (const auto& cell : anatomy.cells) {
    rows += cell.rows;
    EXPECT_EQ(cell.centroid.size(), anatomy.dimensions);
    EXPECT_LE(cell.mean_distance, cell.radius);
  }
  EXPECT_EQ(rows, left);
  EXPECT_EQ(anatomy.cell_of[0], kNoCell);
  EXPECT_EQ(std::ranges::count(anatomy.cell_of, trace.visits[0].cell),
            static_cast<std::ptrdiff_t>(anatomy.cells[trace.visits[0].cell].rows));
}

TEST_P(EveryIndex, AnswersManyQueriesAsItDoesEach) {
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
  EXPECT_EQ(rows_of(index->search(data[0], {.k = kCopies, .accept = is_copy}).value()),
            brute_force(*store, data[0], kCopies, is_copy));
  const auto is_other = [](Row row) { return row % 2 == 1; };
  EXPECT_EQ(rows_of(index->search(data[0], {.k = 10, .accept = is_other}).value()),
            brute_force(*store, data[0], 10, is_other));
  for (Row row = 1; row < data.size(); row += 2) {
    EXPECT_EQ(index->search(data[row], {.k = 1}).value().front().row, row);
  }
}

TEST_P(EveryIndex, RecallsNearlyAll) {
  double total = 0;
  for (Row i = 0; i < Crowd::kQueries; ++i) {
    const auto query = crowd().query(i);
    total += recall(brute_force(*crowd().store, query, 10), rows_of(crowd().index->search(query, {.k = 10}).value()));
  }
  EXPECT_GE(total / Crowd::kQueries, expected_recall());
}

TEST_P(EveryIndex, ComesBackFromItsSnapshotAndGoesOn) {
  const TemporaryDirectory folder;
  const TestVectors& data = crowd().data;
  const auto store = crowd().store_of_rows(2500, metric());
  {
    const auto index = crowd().empty(store);
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
  ASSERT_TRUE(index->add(rows_from(2001, 2500)));
  const auto accept = [](Row row) { return (row < 1001 || row >= 1100) && (row < 5 || row >= 15) && row != 20; };
  double total = 0;
  for (Row row = 0; row < 2500; row += 50) {
    const auto found = rows_of(index->search(data[row], {.k = 10}).value());
    ASSERT_TRUE(std::ranges::all_of(found, accept));
    total += recall(brute_force(*store, data[row], 10, accept), found);
  }
  EXPECT_GE(total / 50, expected_recall());
}

TEST_P(EveryIndex, CallsEveryTruncationBitFlipAndOtherStoreCorrupt) {
  const TemporaryDirectory folder;
  const auto store = crowd().store;
  {
    const auto index = crowd().empty(store);
    ASSERT_TRUE(index->add(rows_from(0, 200)));
    ASSERT_TRUE(index->save(folder / "s"));
  }
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
  const auto other =
      load_index(folder / "s", store_of(random_vectors(200, Crowd::kDimensions, 12), Crowd::kDimensions, metric()));
  EXPECT_THAT(other.error().message, HasSubstr("other vectors"));
  EXPECT_EQ(load_index(folder / "s", crowd().store_of_rows(100, metric())).error().code, ErrorCode::corrupt);
  EXPECT_EQ(load_index(folder / "nowhere", store).error().code, ErrorCode::not_found);
  std::string older = whole;
  older[8] = 0;
  ASSERT_TRUE(overwrite(folder / "t", older));
  EXPECT_THAT(load_index(folder / "t", store).error().message, HasSubstr("version 0"));
}

TEST_P(EveryPlainIndex, SavesAndLoadsNothing) {
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

// --- those that learn ---

TEST_P(EveryLearningIndex, IsTrainedFirstAndOfEnough) {
  const auto store = crowd().store;
  const auto index = make_index(factory(), store).value();
  EXPECT_THAT(index->add(rows_from(0, 5)).error().message, HasSubstr("trained"));
  EXPECT_TRUE(index->search(store->vector(0), {}).value().empty());
  EXPECT_EQ(index->stats().training.rows, 0U);
  const std::uint64_t least = least_training_rows(factory()).value();
  const auto refused = index->train(rows_from(0, static_cast<Row>(least - 1)));
  EXPECT_THAT(refused.error().message, HasSubstr(fmt::format("at least {} vectors", least)));
  const auto enough = static_cast<Row>(std::max<std::uint64_t>(least, 300));
  ASSERT_TRUE(index->train(rows_from(0, enough)));
  EXPECT_EQ(index->stats().training.rows, enough);
  EXPECT_GT(index->stats().training.explained_variance, 0.3);
  EXPECT_LE(index->stats().training.explained_variance, 1);
}

TEST_P(EveryLearningIndex, EqualsBruteForceWhenEverythingIsLookedAt) {
  const SearchParams all = {.k = 20, .ef = crowd().rows, .nprobe = 16, .rescore = crowd().rows};
  for (Row i = 0; i < 25; ++i) {
    const auto query = crowd().query(i);
    const auto found = crowd().index->search(query, all).value();
    ASSERT_EQ(rows_of(found), brute_force(*crowd().store, query, 20)) << i;
    ASSERT_NEAR(found[0].similarity, similarity(metric(), query, crowd().store->vector(found[0].row)), 1e-6);
  }
}

TEST_P(EveryLearningIndex, GivesTheSameOnAnyNumberOfThreads) {
  if (factory().contains("HNSW")) GTEST_SKIP() << "a graph depends on who comes first";
  if (metric() != Metric::cosine) GTEST_SKIP() << "threads share the work alike under every metric";
  ThreadPool pool(3);
  const auto together = trained(factory(), crowd().store, &pool);
  ASSERT_TRUE(together->add(rows_from(0, crowd().rows)));
  for (Row i = 0; i < 50; ++i) {
    const auto query = crowd().query(i);
    EXPECT_EQ(rows_of(crowd().index->search(query, {.k = 10}).value()),
              rows_of(together->search(query, {.k = 10}).value()));
  }
}

TEST(Ivf, FindsMoreTheMoreCellsAreVisited) {
  const auto data = clustered_vectors(5000, 32, 100, 3);
  const auto store = store_of(data, 32, Metric::cosine);
  const auto index = index_of("IVF50,Flat", store);
  double before = 0;
  for (const std::uint32_t nprobe : {1U, 4U, 16U, 50U}) {
    double total = 0;
    for (std::size_t i = 0; i < 100; ++i) {
      total += recall(brute_force(*store, data[i], 10),
                      rows_of(index->search(data[i], {.k = 10, .nprobe = nprobe}).value()));
    }
    EXPECT_GT(total, before);
    before = total;
  }
  EXPECT_DOUBLE_EQ(before, 100);
}

TEST(Pca, KeepsTheDirectionsThatMatterAndSaysHowMuch) {
  // Four directions carry nearly all.
  TestVectors data = random_vectors(2000, 24, 5);
  for (std::size_t i = 0; i < data.size(); ++i) {
    for (std::size_t j = 4; j < 24; ++j) data[i][j] *= .01F;
  }
  const auto store = store_of(data, 24, Metric::euclidean);
  const auto index = index_of("PCA4,Flat", store);
  EXPECT_GT(index->stats().training.explained_variance, .999);
  double total = 0;
  for (std::size_t i = 0; i < 100; ++i) {
    total += recall(brute_force(*store, data[i], 10), rows_of(index->search(data[i], {.k = 10}).value()));
  }
  EXPECT_DOUBLE_EQ(total, 100);
  EXPECT_LT(index_of("PCA2,Flat", store)->stats().training.explained_variance, .7);
}

TEST(Opq, IsNoWorseThanPlainCodes) {
  // Variance falls from component to component, which is what segments of equal width are bad at.
  TestVectors data = clustered_vectors(4000, 32, 100, 5);
  for (std::size_t i = 0; i < data.size(); ++i) {
    for (std::size_t j = 0; j < 32; ++j) data[i][j] *= std::exp(-static_cast<float>(j) / 8);
  }
  const auto store = store_of(data, 32, Metric::euclidean);
  const auto recall_of = [&](std::string_view factory) {
    const auto index = index_of(factory, store);
    double total = 0;
    for (std::size_t i = 0; i < 200; ++i) {
      total +=
          recall(brute_force(*store, data[i], 10), rows_of(index->search(data[i], {.k = 10, .rescore = 10}).value()));
    }
    return total / 200;
  };
  EXPECT_GT(recall_of("OPQ4,PQ4"), recall_of("PQ4") + .02);
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
  const auto message = [](std::string_view factory) { return check_factory(factory).error().message; };
  EXPECT_THAT(message("HNSW16:"), HasSubstr("as in 'HNSW16:200'"));
  EXPECT_THAT(message("flat"), HasSubstr("'Flat'"));
  EXPECT_THAT(message("HNSW65"), HasSubstr("the nearest is 64"));
  EXPECT_THAT(message("HNSW3"), HasSubstr("the nearest is 4"));
  EXPECT_THAT(message("HNSW"), HasSubstr("as in 'HNSW16'"));
  EXPECT_THAT(message("HNSW16,PQ8"), HasSubstr("nothing can follow 'HNSW16', but 'PQ8' does"));
  EXPECT_THAT(message("IVF100"), HasSubstr("'IVF100,Flat'"));
  EXPECT_THAT(message("IVF1,Flat"), HasSubstr("the nearest is 2"));
  EXPECT_THAT(message("IVF100,QP8"), HasSubstr("'PQ8'"));
  EXPECT_THAT(message("IVF100,PQ8x3"), HasSubstr("the nearest is 4"));
  EXPECT_THAT(message("PCA64"), HasSubstr("'PCA64,Flat'"));
  EXPECT_THAT(message("PCA,Flat"), HasSubstr("as in 'PCA64,Flat'"));
  EXPECT_THAT(message("OPQ8_20,PQ8"), HasSubstr("the nearest number is 10"));
  EXPECT_THAT(message("IVFx,Flat"), HasSubstr("'x' is no number of cells"));
  for (const char* const good : {"IVF100,Flat", "IVF100,PQ8", "PQ16x4", "SQ8", "IVF2,SQ8", "PCA64,IVF100,PQ8",
                                 "OPQ8,IVF100,PQ8", "OPQ8_64,PQ8", "PCA64,HNSW16", "PCA8,Flat", "OPQ4,HNSW8:40"}) {
    EXPECT_EQ(check_factory(good).value(), good);
  }
  EXPECT_EQ(check_factory("IVF100,PQ8x8").value(), "IVF100,PQ8");
  EXPECT_EQ(check_factory("PCA512,IVF4,Flat", 512).value(), "IVF4,Flat");
  EXPECT_EQ(check_factory("PCA600,Flat", 512).value(), "Flat");
  EXPECT_EQ(check_factory("PCA511,Flat", 512).value(), "PCA511,Flat");
  EXPECT_THAT(check_factory("PQ7", 512).error().message, HasSubstr("nearest number is 8"));
  EXPECT_THAT(check_factory("PCA60,PQ8", 512).error().message, HasSubstr("nearest number is 10"));
  EXPECT_EQ(check_factory("PCA64,Flat", 5000).error().code, ErrorCode::unsupported);
  EXPECT_EQ(check_factory("").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(check_factory("HNSW-4").error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace eidetic
