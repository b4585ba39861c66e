// What the tests of every index share: brute force in double to hold them against, the kinds there are, and for each of
// them vectors to try it on.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eidetic/vector_index.h"

#include "base/test_files.h"
#include "index/test_vectors.h"
#include "index/vector_store.h"

namespace eidetic {

inline std::shared_ptr<VectorStore> store_of(const TestVectors& data, std::uint32_t dimensions, Metric metric) {
  std::shared_ptr<VectorStore> store = VectorStore::in_memory(dimensions, metric).value();
  for (std::size_t i = 0; i < data.size(); ++i) EXPECT_TRUE(store->append(i, data[i]));
  return store;
}

inline std::vector<Row> rows_from(Row first, Row end) {
  std::vector<Row> rows(end - first);
  std::iota(rows.begin(), rows.end(), first);
  return rows;
}

inline std::unique_ptr<VectorIndex> trained(std::string_view factory, const std::shared_ptr<const VectorStore>& store,
                                            ThreadPool* pool = nullptr) {
  auto index = make_index(factory, store, {.pool = pool}).value();
  EXPECT_TRUE(index->train(rows_from(0, store->rows())));
  return index;
}

inline std::unique_ptr<VectorIndex> index_of(std::string_view factory,
                                             const std::shared_ptr<const VectorStore>& store) {
  auto index = trained(factory, store);
  EXPECT_TRUE(index->add(rows_from(0, store->rows())));
  return index;
}

inline double similarity(Metric metric, std::span<const float> a, std::span<const float> b) {
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

inline std::vector<Row> brute_force(const VectorStore& store, std::span<const float> query, std::size_t k,
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

// Those of the rows below `end` that are accepted.
inline RowSet rows_where(Row end, const std::function<bool(Row)>& accept) {
  RowSet rows(end);
  for (Row row = 0; row < end; ++row) {
    if (accept(row)) rows.insert(row);
  }
  return rows;
}

inline std::vector<Row> rows_of(const std::vector<Neighbor>& neighbors) {
  std::vector<Row> rows;
  for (const Neighbor& neighbor : neighbors) rows.push_back(neighbor.row);
  return rows;
}

// Without waiting for the disk, as these tests write hundreds of files; nor does the file system, which it would to
// keep what was there.
inline bool overwrite(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::remove(path);
  return static_cast<bool>(std::ofstream(path, std::ios::binary) << content);
}

inline std::vector<Row> first_of(const std::vector<Row>& rows, std::size_t count) {
  return {rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(std::min(count, rows.size()))};
}

inline double recall(const std::vector<Row>& expected, const std::vector<Row>& found) {
  const auto hits =
      std::ranges::count_if(expected, [&](Row row) { return std::ranges::find(found, row) != found.end(); });
  return static_cast<double>(hits) / static_cast<double>(expected.size());
}

// --- kinds ---

struct Kind {
  const char* factory;
  // On a Crowd: the recall at 10 that is expected of it as it is by default, and how far estimates may be from
  // similarities on average, as a share of them.
  double recall;
  double closeness;
};

inline constexpr Kind kPlainKinds[] = {{"Flat", 1, .02}, {"HNSW16", .98, .0022}, {"SQ8", .99, .0024}};
inline constexpr Kind kWideGraph = {"HNSW24:200", .98, .0022};  // differs from HNSW16 in nothing that a metric touches
inline constexpr Kind kLearningKinds[] = {
    {"IVF16,Flat", .96, .022},  {"IVF16,SQ8", .96, .0028}, {"IVF16,PQ8", .94, .23},
    {"PQ8x6", .77, .47},        {"PQ4x10", .93, .24},      {"PCA16,Flat", .98, .37},
    {"PCA16,HNSW16", .98, .31}, {"OPQ8,PQ8", .93, .29},    {"OPQ4_16,IVF16,PQ4x6", .94, .49}};

struct KindAndMetric {
  Kind kind;
  Metric metric;
  friend void PrintTo(const KindAndMetric& tried, std::ostream* out) {
    *out << tried.kind.factory << ' ' << to_string(tried.metric);
  }
};

// What learns nothing can be filled from the first vector on.
inline std::vector<KindAndMetric> plain_kinds() {
  std::vector<KindAndMetric> all = {{kWideGraph, Metric::cosine}};
  for (const Kind& kind : kPlainKinds) {
    for (const Metric metric : {Metric::cosine, Metric::dot, Metric::euclidean}) all.push_back({kind, metric});
  }
  return all;
}
inline std::vector<KindAndMetric> learning_kinds() {
  std::vector<KindAndMetric> all;
  for (const Kind& kind : kLearningKinds) {
    for (const Metric metric : {Metric::cosine, Metric::dot, Metric::euclidean}) all.push_back({kind, metric});
  }
  return all;
}
inline std::vector<KindAndMetric> every_kind() {
  std::vector<KindAndMetric> all = plain_kinds();
  std::ranges::copy(learning_kinds(), std::back_inserter(all));
  return all;
}
// For what a metric changes nothing about.
inline std::vector<KindAndMetric> of_one_metric(std::vector<KindAndMetric> kinds) {
  std::erase_if(kinds, [](const KindAndMetric& tried) { return tried.metric != Metric::cosine; });
  return kinds;
}
inline std::string kind_name(const testing::TestParamInfo<KindAndMetric>& info) {
  std::string name = info.param.kind.factory;
  std::ranges::replace_if(name, [](char letter) { return letter == ':' || letter == ','; }, '_');
  return name + '_' + std::string(to_string(info.param.metric));
}

// --- vectors to try them on ---

inline TestVectors falling(TestVectors vectors) {
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

inline const Crowd& crowd_of(const std::string& factory, Metric metric) {
  static std::map<std::pair<std::string, Metric>, Crowd> made;
  return made.try_emplace({factory, metric}, factory, metric).first->second;
}

class IndexTest : public testing::TestWithParam<KindAndMetric> {
 protected:
  [[nodiscard]] static std::string factory() { return GetParam().kind.factory; }
  [[nodiscard]] static double expected_recall() { return GetParam().kind.recall; }
  [[nodiscard]] static Metric metric() { return GetParam().metric; }
  [[nodiscard]] static const Crowd& crowd() { return crowd_of(factory(), metric()); }
};

}  // namespace eidetic
