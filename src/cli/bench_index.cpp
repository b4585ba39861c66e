// eidetic bench index: build time, queries/s and recall of index kinds on real vectors.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <set>

#include "eidetic/vector_index.h"

#include "base/npy.h"
#include "base/text.h"
#include "base/threads.h"
#include "cli/bench.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/table.h"
#include "index/vector_store.h"

namespace eidetic {
namespace {

struct BenchIndexOptions {
  std::filesystem::path npy;
  std::string collection;
  std::vector<std::string> kinds = {"Flat", "HNSW16"};
  std::uint32_t k = 10;
  std::uint32_t ef = 0;
  std::size_t queries = 1000;
};

struct Measured {
  std::string kind;
  double build_seconds = 0;
  double queries_per_s = 0;
  double median_ms = 0;
  double recall = 0;  // share of the exact answer's hits that are found
  std::uint64_t memory_bytes = 0;
};

using Answers = std::vector<std::vector<Row>>;

Result<std::unique_ptr<VectorStore>> store_of_npy(const std::filesystem::path& file) {
  EIDETIC_TRY(const NpyArray array, read_npy(file));
  if (array.shape.size() != 2 || array.values.empty()) {
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' holds no matrix of vectors", file.native()));
  }
  const std::size_t dimensions = array.shape[1];
  EIDETIC_TRY(auto store, VectorStore::in_memory(static_cast<std::uint32_t>(dimensions), Metric::cosine));
  for (std::size_t row = 0; row < array.shape[0]; ++row) {
    EIDETIC_CHECK(store->append(row, std::span(array.values).subspan(row * dimensions, dimensions)));
  }
  return store;
}

Result<std::unique_ptr<VectorStore>> store_of_collection(const Session& session, const std::string& name) {
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const CollectionInfo info, engine->describe(name));
  EIDETIC_TRY(auto store, VectorStore::in_memory(info.spec.space.dimensions, info.spec.space.metric));
  std::string cursor;
  std::uint64_t key = 0;
  do {
    EIDETIC_TRY(ScrollPage page, engine->list(name, {.cursor = cursor, .limit = 10'000, .with_vectors = true}));
    for (const Item& item : page.items) EIDETIC_CHECK(store->append(key++, item.vector));
    cursor = std::move(page.next);
  } while (!cursor.empty());
  if (key == 0) return fail(ErrorCode::invalid_argument, fmt::format("collection '{}' is empty", name));
  return store;
}

// Rows spread evenly over the store.
std::vector<Row> query_rows(const VectorStore& store, std::size_t count) {
  count = std::min<std::size_t>(count, store.rows());
  std::vector<Row> rows;
  for (std::size_t i = 0; i < count; ++i) rows.push_back(static_cast<Row>(i * store.rows() / count));
  return rows;
}

double recall_against(const Answers& exact, const Answers& found) {
  std::size_t hits = 0;
  std::size_t possible = 0;
  for (std::size_t query = 0; query < exact.size(); ++query) {
    const std::set<Row> wanted(exact[query].begin(), exact[query].end());
    possible += wanted.size();
    for (const Row row : found[query]) hits += wanted.count(row);
  }
  return possible == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(possible);
}

// Builds one index, searches it from one thread, and leaves what it found in `answers`.
Result<Measured> measure(const std::string& kind, const std::shared_ptr<const VectorStore>& store,
                         std::span<const Row> queries, const BenchIndexOptions& options, ThreadPool& pool,
                         Answers& answers) {
  EIDETIC_TRY(const auto index, make_index(kind, store, {.pool = &pool}));
  std::vector<Row> rows(store->rows());
  for (Row row = 0; row < store->rows(); ++row) rows[row] = row;
  Measured measured = {.kind = kind};
  Result<void> added;
  measured.build_seconds = seconds_of([&] { added = index->add(rows); });
  EIDETIC_CHECK(added);
  std::vector<double> seconds;
  double total = 0;
  for (const Row query : queries) {
    Result<std::vector<Neighbor>> found;
    seconds.push_back(
        seconds_of([&] { found = index->search(store->vector(query), {.k = options.k, .ef = options.ef}); }));
    total += seconds.back();
    if (!found) return std::unexpected(found.error());
    answers.emplace_back();
    for (const Neighbor& neighbor : *found) answers.back().push_back(neighbor.row);
  }
  measured.queries_per_s = total > 0 ? static_cast<double>(queries.size()) / total : 0;
  measured.median_ms = median(std::move(seconds)) * 1000;
  measured.memory_bytes = index->stats().memory_bytes;
  return measured;
}

void print_results(const Session& session, const VectorStore& store, std::size_t queries, std::uint32_t k,
                   const std::vector<Measured>& results) {
  if (session.globals.json) {
    Json list = Json::array();
    for (const Measured& m : results) {
      list.push_back({{"index", m.kind},
                      {"build_seconds", m.build_seconds},
                      {"queries_per_s", m.queries_per_s},
                      {"median_ms", m.median_ms},
                      {"recall", m.recall},
                      {"memory_bytes", m.memory_bytes}});
    }
    print_json({{"vectors", store.rows()},
                {"dimensions", store.dimensions()},
                {"queries", queries},
                {"k", k},
                {"indexes", std::move(list)}});
    return;
  }
  fmt::print("{} vectors of {} dimensions, {} queries from one thread\n", store.rows(), store.dimensions(), queries);
  Table table({{.title = "index"},
               {.title = "build s", .right_aligned = true},
               {.title = "queries/s", .right_aligned = true},
               {.title = "median ms", .right_aligned = true},
               {.title = fmt::format("recall@{}", k), .right_aligned = true},
               {.title = "memory", .right_aligned = true}});
  for (const Measured& m : results) {
    table.add({m.kind, fmt::format("{:.2f}", m.build_seconds), fmt::format("{:.0f}", m.queries_per_s),
               fmt::format("{:.3f}", m.median_ms), fmt::format("{:.4f}", m.recall), human_bytes(m.memory_bytes)});
  }
  table.print();
}

Result<int> run_bench_index(const Session& session, const BenchIndexOptions& options) {
  for (const auto& kind : options.kinds) EIDETIC_CHECK(check_factory(kind));
  if (options.npy.empty() == options.collection.empty()) {
    return fail(ErrorCode::invalid_argument, "bench index measures either FILE.npy or a collection: -c NAME");
  }
  EIDETIC_TRY(const std::shared_ptr<const VectorStore> store,
              options.npy.empty() ? store_of_collection(session, options.collection) : store_of_npy(options.npy));
  const auto queries = query_rows(*store, options.queries);
  ThreadPool pool(session.globals.threads);
  Answers exact;
  EIDETIC_CHECK(measure("Flat", store, queries, options, pool, exact));
  std::vector<Measured> results;
  for (const auto& kind : options.kinds) {
    Answers answers;
    EIDETIC_TRY(Measured measured, measure(kind, store, queries, options, pool, answers));
    measured.recall = recall_against(exact, answers);
    results.push_back(std::move(measured));
  }
  print_results(session, *store, queries.size(), options.k, results);
  return kDone;
}

}  // namespace

void add_bench_index(CLI::App& bench, Session& session) {
  auto* app =
      bench.add_subcommand("index", "Build time, queries/s and recall of index kinds, on a collection or a file")
          ->fallthrough();
  auto options = std::make_shared<BenchIndexOptions>();
  app->add_option("FILE.npy", options->npy, "vectors, one a row")->type_name("");
  app->add_option("-c,--collection", options->collection, "take the vectors of this collection")->type_name("NAME");
  app->add_option("--index", options->kinds, "index kinds to measure (default: Flat,HNSW16)")
      ->type_name("KIND,…")
      ->delimiter(',')
      ->allow_extra_args(false);
  app->add_option("-k", options->k, "hits a query (default: 10)")
      ->type_name("N")
      ->check(CLI::Range(1U, kMaxK).description(""));
  app->add_option("--ef", options->ef, "HNSW: candidates kept during the walk (default: the index's own)")
      ->type_name("N");
  app->add_option("--queries", options->queries, "stored vectors to search with (default: 1000)")
      ->type_name("N")
      ->check(CLI::Range(1U, 1'000'000U).description(""));
  app->callback([=, &session] { session.command = [=, &session] { return run_bench_index(session, *options); }; });
}

}  // namespace eidetic
