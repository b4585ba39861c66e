// eidetic bench index: kinds of index side by side on real vectors: what they cost to build and hold, what they find,
// and how fast.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <fstream>
#include <numeric>
#include <random>

#include "base/file.h"
#include "base/text.h"
#include "cli/bench.h"
#include "cli/bench_peers.h"
#include "cli/bench_vectors.h"
#include "cli/index_trial.h"
#include "cli/interruption.h"
#include "cli/progress.h"
#include "cli/recall_plot.h"
#include "cli/report.h"
#include "cli/scratch_folder.h"
#include "cli/session.h"
#include "cli/table.h"

namespace eidetic {
namespace {

struct BenchIndexOptions {
  BenchSource source;
  std::string generate;
  std::string metric;
  std::vector<std::string> indexes;
  std::uint32_t k = 10;
  double share = 1;
  std::vector<std::uint32_t> ef, nprobe, rescore;
  std::uint32_t rounds = 3;
  std::string target;
  std::filesystem::path plot;
  std::string peers;
  std::filesystem::path folder;
};

// Stays where it is: the trials refer to the task and to the peers.
struct Outcome {
  IndexTask task;
  std::unique_ptr<Peers> peers;
  double open_seconds = 0;
  std::uint64_t resident_bytes = 0;
  std::uint32_t rounds = 0;
  std::optional<Target> target;
  std::vector<Trial> trials;
  std::vector<Peers::LeftOut> left_out;

  [[nodiscard]] std::string name_of(const Trial& trial) const {
    const Built& built = trial.contender->built();
    return built.library == Built().library ? built.index : built.library + ' ' + built.index;
  }
};

// Memory of this process besides mapped files: the store's vectors are not among it.
std::uint64_t anonymous_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::strtoull(line.c_str() + 8, nullptr, 10) * 1024;
  }
  return 0;
}

// The kinds to try: those asked for, each spelt as it will be known, or what suits.
Result<std::vector<std::string>> choose(const BenchIndexOptions& options, const VectorStore& store,
                                        std::vector<Peers::LeftOut>& left_out) {
  std::vector<std::string> chosen;
  for (const std::string& factory : options.indexes) {
    EIDETIC_TRY(std::string checked, check_factory(factory, store.dimensions()));
    if (std::ranges::find(chosen, checked) == chosen.end()) chosen.push_back(std::move(checked));
  }
  if (!chosen.empty()) return chosen;
  for (Suggestion& suggestion : suggest_indexes(store.live(), store.dimensions())) {
    if (suggestion.left_out.empty()) {
      chosen.push_back(std::move(suggestion.factory));
    } else {
      left_out.push_back({std::move(suggestion.factory), std::move(suggestion.left_out)});
    }
  }
  return chosen;
}

// A share of the rows, at random; all of them: nullopt.
std::optional<RowSet> some_of(Row rows, double share) {
  if (share >= 1) return std::nullopt;
  RowSet some(rows);
  std::mt19937_64 random(1);
  std::vector<Row> all(rows);
  std::iota(all.begin(), all.end(), Row{0});
  std::ranges::shuffle(all, random);
  const auto count = std::max<std::size_t>(1, static_cast<std::size_t>(share * static_cast<double>(rows)));
  for (const Row row : std::span(all).first(std::min<std::size_t>(count, rows))) some.insert(row);
  return some;
}

// Every combination of those given; none given: none.
std::vector<SearchDepth> depths_of(const BenchIndexOptions& options) {
  if (options.ef.empty() && options.nprobe.empty() && options.rescore.empty()) return {};
  const auto or_default = [](std::vector<std::uint32_t> values) {
    if (values.empty()) values.push_back(0);
    return values;
  };
  std::vector<SearchDepth> depths;
  for (const std::uint32_t ef : or_default(options.ef)) {
    for (const std::uint32_t rescore : or_default(options.rescore)) {
      for (const std::uint32_t nprobe : or_default(options.nprobe)) {
        depths.push_back({.ef = ef, .nprobe = nprobe, .rescore = rescore});
      }
    }
  }
  return depths;
}

// Our indexes and then the peers', each built, and tried at every setting for what it finds.
Result<void> build_all(const std::vector<std::string>& factories, const std::stop_token& stop, Outcome& outcome) {
  Peers* const peers = outcome.peers.get();
  const auto start = std::chrono::steady_clock::now();
  Progress bar("building", "indexes");
  const std::size_t total = factories.size() + (peers ? peers->offers().size() : 0);
  const auto advance = [&](std::size_t done) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    bar.update({.total = total, .done = done, .seconds = took.count()});
  };
  advance(0);
  EIDETIC_TRY(const ExactAnswers exact, ExactAnswers::of(outcome.task));
  for (std::size_t i = 0; i < total; ++i) {
    if (stop.stop_requested()) return fail(ErrorCode::unavailable, "stopped");
    const bool own = i < factories.size();
    auto contender = own ? build_index(factories[i], outcome.task) : peers->build(i - factories.size());
    if (contender) {
      EIDETIC_TRY(outcome.trials.emplace_back(), try_out(*std::move(contender), outcome.task, exact, stop));
    } else if (own || contender.error().code != ErrorCode::unsupported) {
      return std::unexpected(contender.error());
    } else {
      const auto& offer = peers->offers()[i - factories.size()];
      outcome.left_out.push_back({offer.library + ' ' + offer.index, contender.error().message});
    }
    if (i + 1 == factories.size()) outcome.resident_bytes = anonymous_bytes();
    advance(i + 1);
  }
  return {};
}

Result<void> measure_all(const std::stop_token& stop, Outcome& outcome) {
  const auto start = std::chrono::steady_clock::now();
  Progress bar("measuring", "rounds");
  for (std::uint32_t round = 0; round < outcome.rounds; ++round) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    bar.update({.total = outcome.rounds, .done = round, .seconds = took.count()});
    EIDETIC_CHECK(measure_round(outcome.trials, outcome.task, stop));
  }
  summarise(outcome.trials);
  return {};
}

// --- what is said ---

std::optional<std::pair<const Trial*, const Point*>> recommended(const Outcome& outcome) {
  std::optional<std::pair<const Trial*, const Point*>> best;
  for (const Trial& trial : outcome.trials) {
    if (trial.contender->built().library != Built().library) continue;
    const Point* point = fastest(trial, *outcome.target);
    if (point && (!best || point->queries_per_s > best->second->queries_per_s)) best = {&trial, point};
  }
  return best;
}

Json to_json(const SearchParams& params) {
  Json json = Json::object();
  if (params.ef != 0) json["ef"] = params.ef;
  if (params.nprobe != 0) json["nprobe"] = params.nprobe;
  if (params.rescore != 0) json["rescore"] = params.rescore;
  return json;
}

Json to_json(const Point& point, std::uint32_t k) {
  return {{"parameters", to_json(point.params)},
          {"recall_at", {{"1", point.recall.at_1}, {std::to_string(k), point.recall.at_k}}},
          {"nearest_found", point.recall.nearest_in_k},
          {"queries_per_s", point.queries_per_s},
          {"queries_per_s_all_threads", point.queries_per_s_all},
          {"p50_ms", point.p50_ms},
          {"p99_ms", point.p99_ms}};
}

Json to_json(const Outcome& outcome) {
  const VectorStore& store = *outcome.task.store;
  Json indexes = Json::array();
  for (const Trial& trial : outcome.trials) {
    const Built& built = trial.contender->built();
    Json points = Json::array();
    for (const Point& point : trial.points) points.push_back(to_json(point, outcome.task.k));
    indexes.push_back({{"index", built.index},
                       {"library", built.library},
                       {"train_seconds", built.train_seconds},
                       {"build_seconds", built.build_seconds},
                       {"memory_bytes", built.memory_bytes},
                       {"disk_bytes", built.disk_bytes},
                       {"open_seconds", built.open_seconds},
                       {"points", std::move(points)}});
    if (!outcome.target) continue;
    const Point* point = fastest(trial, *outcome.target);
    indexes.back()["target"] = {
        {"reached", point != nullptr},
        {"point", to_json(point ? *point : most_thorough(trial, *outcome.target), outcome.task.k)}};
  }
  Json left_out = Json::array();
  for (const auto& [index, reason] : outcome.left_out) left_out.push_back({{"index", index}, {"reason", reason}});
  Json json = {{"vectors", store.live()},
               {"dimensions", store.dimensions()},
               {"metric", to_string(store.metric())},
               {"queries", outcome.task.queries.rows()},
               {"k", outcome.task.k},
               {"among", outcome.task.among ? Json(outcome.task.among->count()) : Json()},
               {"threads", outcome.task.threads},
               {"rounds", outcome.rounds},
               {"store", {{"bytes", store.data_bytes()}, {"open_seconds", outcome.open_seconds}}},
               {"resident_bytes", outcome.resident_bytes},
               {"indexes", std::move(indexes)},
               {"left_out", std::move(left_out)}};
  if (!outcome.target) return json;
  json["target"] = {{"recall_at", outcome.target->at}, {"recall", outcome.target->recall}};
  const auto best = recommended(outcome);
  json["recommendation"] =
      best ? Json{{"index", best->first->contender->built().index}, {"parameters", to_json(best->second->params)}}
           : Json(nullptr);
  return json;
}

Table table_for(const Outcome& outcome) {
  std::vector<Column> columns = {{.title = "index", .least = 12}, {.title = "searched with"}};
  for (const std::string& title :
       {std::string("recall@1"), fmt::format("recall@{}", outcome.task.k), fmt::format("1st in {}", outcome.task.k),
        std::string("queries/s"), fmt::format("{} threads", outcome.task.threads), std::string("p50 ms"),
        std::string("p99 ms"), std::string("train s"), std::string("build s"), std::string("memory"),
        std::string("disk"), std::string("open s")}) {
    columns.push_back({.title = title, .right_aligned = true, .optional = columns.size() > 6 || columns.size() == 4});
  }
  return Table(std::move(columns));
}

// Facts of building stand in the first line of an index alone.
void add_line(Table& table, const Outcome& outcome, const Trial& trial, const Point& point, bool first,
              const std::string& note) {
  const Built& built = trial.contender->built();
  const std::string settings = describe(point.params);
  std::vector<std::string> cells = {first ? outcome.name_of(trial) : "",
                                    note.empty()       ? settings
                                    : settings.empty() ? note
                                                       : settings + "; " + note,
                                    fmt::format("{:.4f}", point.recall.at_1),
                                    fmt::format("{:.4f}", point.recall.at_k),
                                    fmt::format("{:.4f}", point.recall.nearest_in_k),
                                    fmt::format("{:.0f}", point.queries_per_s),
                                    fmt::format("{:.0f}", point.queries_per_s_all),
                                    fmt::format("{:.3f}", point.p50_ms),
                                    fmt::format("{:.3f}", point.p99_ms)};
  if (first) {
    cells.push_back(fmt::format("{:.2f}", built.train_seconds));
    cells.push_back(fmt::format("{:.2f}", built.build_seconds));
    cells.push_back(human_bytes(built.memory_bytes));
    cells.push_back(human_bytes(built.disk_bytes));
    cells.push_back(built.open_seconds > 0 ? fmt::format("{:.2f}", built.open_seconds) : "");
  }
  table.add(std::move(cells));
}

// One line a reason.
void print_left_out(const std::vector<Peers::LeftOut>& left_out) {
  std::vector<std::pair<std::string, std::string>> by_reason;
  for (const auto& [index, reason] : left_out) {
    const auto found = std::ranges::find(by_reason, reason, &std::pair<std::string, std::string>::first);
    if (found == by_reason.end()) {
      by_reason.emplace_back(reason, index);
    } else {
      found->second += " and " + index;
    }
  }
  for (const auto& [reason, indexes] : by_reason) fmt::print("left out: {}: {}\n", indexes, reason);
}

void print_outcome(const Outcome& outcome) {
  const IndexTask& task = outcome.task;
  fmt::print("{} vectors of {} dimensions, {}; {} queries, {} rounds\n", task.store->live(), task.store->dimensions(),
             to_string(task.store->metric()), task.queries.rows(), outcome.rounds);
  if (task.among) fmt::print("searched among {} of them, at random\n", task.among->count());
  fmt::print("the store opens in {:.2f} s; memory with all indexes of ours: {}\n", outcome.open_seconds,
             human_bytes(outcome.resident_bytes));
  Table table = table_for(outcome);
  for (const Trial& trial : outcome.trials) {
    if (outcome.target) {
      const Point* point = fastest(trial, *outcome.target);
      add_line(table, outcome, trial, point ? *point : most_thorough(trial, *outcome.target), true,
               point ? "" : "not reached");
      continue;
    }
    bool first = true;
    for (const Point* point : front_of(trial)) {
      add_line(table, outcome, trial, *point, first, "");
      first = false;
    }
  }
  table.print();
  print_left_out(outcome.left_out);
  if (!outcome.target) return;
  const std::string wanted = fmt::format("recall@{} of {}", outcome.target->at, outcome.target->recall);
  if (const auto best = recommended(outcome)) {
    const std::string settings = describe(best->second->params);
    fmt::print("fastest with {}: --index {}{}{}\n", wanted, best->first->contender->built().index,
               settings.empty() ? "" : ", searched with ", settings);
  } else {
    fmt::print("no index reaches {}\n", wanted);
  }
}

Result<void> write_plot(const Outcome& outcome, const std::filesystem::path& file) {
  const IndexTask& task = outcome.task;
  RecallPlot plot = {.title = fmt::format("{} vectors of {} dimensions, {}", task.store->live(),
                                          task.store->dimensions(), to_string(task.store->metric())),
                     .recall_name = fmt::format("recall@{}", task.k),
                     .target = {},
                     .lines = {}};
  if (outcome.target && outcome.target->at == task.k) plot.target = outcome.target->recall;
  std::vector<std::string> libraries;
  for (const Trial& trial : outcome.trials) {
    const Built& built = trial.contender->built();
    const auto library = std::ranges::find(libraries, built.library);
    PlotLine line = {.label = outcome.name_of(trial),
                     .kind = built.index,
                     .style = static_cast<std::size_t>(library - libraries.begin()),
                     .points = {}};
    if (library == libraries.end()) libraries.push_back(built.library);
    for (const Point* point : front_of(trial)) {
      line.points.push_back(
          {.recall = point->recall.at_k, .queries_per_s = point->queries_per_s, .settings = describe(point->params)});
    }
    plot.lines.push_back(std::move(line));
  }
  return write_file_atomically(file, svg_of(plot));
}

Result<void> measure(const Session& session, BenchIndexOptions options, const std::filesystem::path& scratch,
                     const std::stop_token& stop, Outcome& outcome) {
  outcome.rounds = options.rounds;
  // All that can be wrong is found before anything is measured.
  for (const std::string& factory : options.indexes) EIDETIC_CHECK(check_factory(factory));
  if (!options.target.empty()) {
    EIDETIC_TRY(outcome.target, parse_target(options.target, options.k));
  }
  if (!options.generate.empty()) {
    EIDETIC_TRY(options.source.generated, parse_shape(options.generate));
  }
  if (!options.metric.empty()) {
    EIDETIC_TRY(options.source.metric, parse_metric(options.metric));
  }
  EIDETIC_TRY(BenchVectors vectors, take_vectors(session.globals, options.source, scratch));
  outcome.open_seconds = vectors.open_seconds;
  outcome.task = {.store = std::move(vectors.store),
                  .queries = std::move(vectors.queries),
                  .k = options.k,
                  .threads = session.globals.threads > 0 ? session.globals.threads : available_cores(),
                  .folder = scratch,
                  .members = std::move(vectors.members),
                  .among = {},
                  .depths = depths_of(options)};
  outcome.task.among = some_of(outcome.task.store->rows(), options.share);
  EIDETIC_TRY(const auto factories, choose(options, *outcome.task.store, outcome.left_out));
  if (!options.peers.empty()) {
    if (outcome.task.among) return fail(ErrorCode::invalid_argument, "--peers search among all: leave out --share");
    EIDETIC_TRY(outcome.peers, Peers::start(options.peers, outcome.task, factories, stop));
    const auto& missing = outcome.peers->left_out();
    outcome.left_out.insert(outcome.left_out.end(), missing.begin(), missing.end());
  }
  EIDETIC_CHECK(build_all(factories, stop, outcome));
  return measure_all(stop, outcome);
}

Result<int> run_bench_index(const Session& session, const BenchIndexOptions& options) {
  const Interruption interruption;
  EIDETIC_TRY(const ScratchFolder scratch, ScratchFolder::make(session.globals, options.folder));
  Outcome outcome;
  const auto measured = measure(session, options, scratch.path(), interruption.token(), outcome);
  if (interruption.signal() != 0) {
    return interruption.told("stopped; nothing is kept");
  }
  EIDETIC_CHECK(measured);
  if (!options.plot.empty()) EIDETIC_CHECK(write_plot(outcome, options.plot));
  if (session.globals.json) {
    print_json(to_json(outcome));
  } else {
    print_outcome(outcome);
  }
  return kDone;
}

}  // namespace

void add_bench_index(CLI::App& bench, Session& session) {
  auto* app = bench
                  .add_subcommand("index",
                                  "Kinds of index side by side: building, size, recall and queries/s, on a collection "
                                  "or a file")
                  ->fallthrough();
  auto options = std::make_shared<BenchIndexOptions>();
  BenchSource& source = options->source;
  app->add_option("-c,--collection", source.collection, "take the vectors of this collection")->type_name("NAME");
  app->add_option("--vectors", source.vectors, "take the vectors of this file, one a row")->type_name("FILE.npy");
  app->add_option("--generate", options->generate, "make vectors around 1,000 centres")->type_name("ROWSxDIMENSIONS");
  app->add_option("--metric", options->metric,
                  "of --vectors and --generate: cosine, dot or euclidean (default: cosine)")
      ->type_name("NAME");
  app->add_option("--queries", source.queries, "search with the vectors of this file (default: some that are held out)")
      ->type_name("FILE.npy");
  app->add_option("--query-count", source.held, "vectors to hold out (default: 1000, at most a tenth)")
      ->type_name("N")
      ->check(CLI::Range(1U, 1'000'000U).description(""));
  app->add_option("--index", options->indexes, "a kind to measure; may be repeated (default: all that suit)")
      ->type_name("FACTORY")
      ->allow_extra_args(false);
  app->add_option("-k", options->k, "hits a query (default: 10)")
      ->type_name("N")
      ->check(CLI::Range(1U, kMaxK).description(""));
  app->add_option("--share", options->share,
                  "search among this share of the vectors only, as under a filter (default: 1)")
      ->type_name("SHARE")
      ->check(CLI::Range(1e-9, 1.0).description(""));
  app->add_flag("--members", source.members, "vectors to search with stay in the set, and are not counted as found");
  const auto add_depth = [&](const char* name, std::vector<std::uint32_t>& values, const char* help,
                             std::uint32_t most) {
    app->add_option(name, values, help)
        ->type_name("N")
        ->allow_extra_args(false)
        ->check(CLI::Range(0U, most).description(""));
  };
  add_depth("--ef", options->ef, "try this ef alone, 0: the default; may be repeated (default: a sweep)", kMaxEf);
  add_depth("--nprobe", options->nprobe, "the same of nprobe", kMaxNprobe);
  add_depth("--rescore", options->rescore, "the same of rescore", kMaxEf);
  app->add_option("--target", options->target, "name the fastest setting with this recall: recall=0.95, recall@1=0.95")
      ->type_name("RECALL");
  app->add_option("--rounds", options->rounds, "times that everything is searched with in turn (default: 3)")
      ->type_name("N")
      ->check(CLI::Range(1U, 1000U).description(""));
  app->add_option("--plot", options->plot, "draw recall against speed")->type_name("FILE.svg");
  app->add_option("--peers", options->peers, "a Python with faiss, usearch or hnswlib, to measure these beside")
      ->type_name("PYTHON");
  app->add_option("--folder", options->folder, "where to keep the vectors meanwhile (default: in the data folder)")
      ->type_name("DIR");
  app->callback([=, &session] { session.command = [=, &session] { return run_bench_index(session, *options); }; });
}

}  // namespace eidetic
