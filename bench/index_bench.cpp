// Builds indexes over vectors and measures searches, one thread, one query at a time. Standard output: one JSON object
// a line.
//
//   index_bench --base BASE.npy --queries QUERIES.npy [--truth IDS.npy] FACTORY…
//   index_bench --generate ROWS DIMENSIONS QUERIES [--folder FOLDER] FACTORY…
//
// Then a line of standard input "FACTORY EF NPROBE RESCORE" (0: the index's default) is one round over all queries.
// `bench/index_vs_peers.py` drives it beside other libraries.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "eidetic/vector_index.h"

#include "base/npy.h"
#include "base/threads.h"
#include "index/exact_score.h"
#include "index/test_vectors.h"
#include "index/vector_store.h"

namespace eidetic {
namespace {

constexpr std::uint32_t kTop = 10;
constexpr std::size_t kCenters = 1000;

struct Options {
  std::string base;
  std::string queries;
  std::string truth;
  std::string folder;
  std::size_t rows = 0;
  std::size_t dimensions = 0;
  std::size_t query_count = 0;
  std::vector<std::string> factories;
};

template <typename T>
T must(Result<T> result) {
  if (result) {
    if constexpr (std::is_void_v<T>)
      return;
    else
      return *std::move(result);
  }
  fmt::print(stderr, "index_bench: {}\n", result.error().message);
  std::exit(1);
}

// Of this thread: what a search costs when other programs keep the machine busy.
double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Options parse(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string name = arguments[i];
    const auto next = [&]() -> std::string { return i + 1 < count ? arguments[++i] : ""; };
    if (name == "--base") {
      options.base = next();
    } else if (name == "--queries") {
      options.queries = next();
    } else if (name == "--truth") {
      options.truth = next();
    } else if (name == "--folder") {
      options.folder = next();
    } else if (name == "--generate") {
      options.rows = std::strtoull(next().c_str(), nullptr, 10);
      options.dimensions = std::strtoull(next().c_str(), nullptr, 10);
      options.query_count = std::strtoull(next().c_str(), nullptr, 10);
    } else {
      options.factories.push_back(name);
    }
  }
  return options;
}

TestVectors read_vectors(const std::string& file) {
  const NpyArray array = must(read_npy(file));
  TestVectors vectors(array.shape[0], array.shape[1]);
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    std::ranges::copy(std::span(array.values).subspan(i * array.shape[1], array.shape[1]), vectors[i].begin());
  }
  return vectors;
}

// Anonymous memory of this process, in MB: everything but the mapped file of full-precision vectors.
double anonymous_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::strtod(line.c_str() + 8, nullptr) / 1024;
  }
  return 0;
}

// Rows are made a thousand at a time, so that what is measured is the store and not its source.
void fill(VectorStore& store, const Options& options) {
  if (!options.base.empty()) {
    const TestVectors base = read_vectors(options.base);
    for (std::size_t i = 0; i < base.size(); ++i) must(store.append(i, base[i]));
    return;
  }
  const TestVectors centers = random_vectors(kCenters, options.dimensions, 1);
  std::mt19937_64 random(2);
  for (std::size_t first = 0; first < options.rows; first += 1000) {
    TestVectors vectors =
        random_vectors(std::min<std::size_t>(1000, options.rows - first), options.dimensions, first + 3);
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      const auto center = centers[random() % kCenters];
      for (std::size_t j = 0; j < options.dimensions; ++j) vectors[i][j] += center[j];
      must(store.append(first + i, vectors[i]));
    }
  }
}

TestVectors make_queries(const Options& options) {
  if (!options.queries.empty()) return read_vectors(options.queries);
  const TestVectors centers = random_vectors(kCenters, options.dimensions, 1);
  TestVectors queries = random_vectors(options.query_count, options.dimensions, 0);
  for (std::size_t i = 0; i < queries.size(); ++i) {
    for (std::size_t j = 0; j < options.dimensions; ++j) queries[i][j] += centers[i % kCenters][j];
  }
  return queries;
}

std::vector<std::vector<Row>> ground_truth(const VectorStore& store, const TestVectors& queries,
                                           const Options& options) {
  std::vector<std::vector<Row>> truth(queries.size());
  if (!options.truth.empty()) {
    const NpyArray ids = must(read_npy(options.truth));
    for (std::size_t i = 0; i < queries.size(); ++i) {
      for (std::size_t j = 0; j < kTop; ++j) truth[i].push_back(static_cast<Row>(ids.values[i * ids.shape[1] + j]));
    }
    return truth;
  }
  ThreadPool pool(0);
  pool.parallel_for(queries.size(), [&](std::size_t i) {
    const ExactScore score = must(ExactScore::of(queries[i], store));
    BestK best(kTop);
    for (Row row = 0; row < store.rows(); ++row) best.offer(score(row));
    for (const Neighbor& neighbor : best.take(score)) truth[i].push_back(neighbor.row);
  });
  return truth;
}

std::unique_ptr<VectorIndex> build(const std::string& factory, std::shared_ptr<const VectorStore> store) {
  ThreadPool pool(0);
  const double before_mb = anonymous_mb();
  const auto start = std::chrono::steady_clock::now();
  auto index = must(make_index(factory, store, {.pool = &pool}));
  std::vector<Row> rows(store->rows());
  std::iota(rows.begin(), rows.end(), Row{0});
  must(index->train(rows));
  const double trained = seconds_since(start);
  must(index->add(rows));
  const double seconds = seconds_since(start);
  fmt::print(
      "{{\"index\": \"{}\", \"rows\": {}, \"train_s\": {:.2f}, \"build_s\": {:.2f}, \"threads\": {}, \"memory_mb\": "
      "{:.1f}, "
      "\"rss_growth_mb\": {:.1f}, \"rss_anonymous_mb\": {:.1f}}}\n",
      factory, index->stats().rows, trained, seconds, pool.size() + 1,
      static_cast<double>(index->stats().memory_bytes) / 1048576, anonymous_mb() - before_mb, anonymous_mb());
  std::fflush(stdout);
  return index;
}

void round(const VectorIndex& index, const SearchParams& params, const TestVectors& queries,
           const std::vector<std::vector<Row>>& truth) {
  std::vector<std::vector<Neighbor>> found(queries.size());
  const auto start = std::chrono::steady_clock::now();
  const double cpu_start = cpu_seconds();
  for (std::size_t i = 0; i < queries.size(); ++i) found[i] = must(index.search(queries[i], params));
  const double seconds = seconds_since(start);
  const double cpu = cpu_seconds() - cpu_start;
  double at_1 = 0;
  double at_10 = 0;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const std::set<Row> expected(truth[i].begin(), truth[i].end());
    at_1 += !found[i].empty() && found[i][0].row == truth[i][0] ? 1 : 0;
    for (const Neighbor& neighbor : found[i]) at_10 += expected.contains(neighbor.row) ? 1.0 / kTop : 0;
  }
  const auto count = static_cast<double>(queries.size());
  fmt::print(
      "{{\"index\": \"{}\", \"ef\": {}, \"nprobe\": {}, \"rescore\": {}, \"queries_per_s\": {:.1f}, \"ms\": {:.4f}, "
      "\"cpu_ms\": "
      "{:.4f}, "
      "\"recall_1\": {:.4f}, \"recall_10\": {:.4f}}}\n",
      index.stats().kind, params.ef, params.nprobe, params.rescore, count / seconds, 1000 * seconds / count,
      1000 * cpu / count, at_1 / count, at_10 / count);
  std::fflush(stdout);
}

int run(const Options& options) {
  const TestVectors queries = make_queries(options);
  const auto dimensions = static_cast<std::uint32_t>(queries[0].size());
  std::shared_ptr<VectorStore> store =
      options.folder.empty()
          ? must(VectorStore::in_memory(dimensions, Metric::cosine))
          : must(VectorStore::create(std::filesystem::path(options.folder) / "vectors", dimensions, Metric::cosine));
  fill(*store, options);
  if (!options.folder.empty()) {
    must(store->sync(1));
    store.reset();
    const auto start = std::chrono::steady_clock::now();
    store = must(VectorStore::open(std::filesystem::path(options.folder) / "vectors", dimensions, Metric::cosine));
    fmt::print("{{\"store_open_s\": {:.2f}, \"rows\": {}, \"rss_anonymous_mb\": {:.1f}}}\n", seconds_since(start),
               store->rows(), anonymous_mb());
  }
  std::map<std::string, std::unique_ptr<VectorIndex>> indexes;
  for (const std::string& factory : options.factories) indexes[factory] = build(factory, store);
  const auto truth = ground_truth(*store, queries, options);
  std::string factory;
  std::uint32_t ef = 0;
  std::uint32_t nprobe = 0;
  std::uint32_t rescore = 0;
  while (std::cin >> factory >> ef >> nprobe >> rescore) {
    const auto index = indexes.find(factory);
    if (index == indexes.end()) must(Result<void>(fail(ErrorCode::not_found, "no index " + factory + " was built")));
    round(*index->second, {.k = kTop, .ef = ef, .nprobe = nprobe, .rescore = rescore}, queries, truth);
  }
  return 0;
}

}  // namespace
}  // namespace eidetic

int main(int count, char** arguments) {
  const auto options = eidetic::parse(count, arguments);
  if (options.factories.empty() || (options.base.empty() == (options.rows == 0))) {
    fmt::print(stderr, "see the head of bench/index_bench.cpp for how to call this\n");
    return 2;
  }
  return eidetic::run(options);
}
