// What `eidetic bench index` does: exact answers to compare with, the settings an index is tried at, and the measuring.
//
// Thread rule: one thread; what is said to run on all threads runs on threads of the object's own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/vector_index.h"

#include "base/threads.h"
#include "index/exact_score.h"
#include "index/matrix.h"
#include "index/vector_store.h"

namespace eidetic {

// What every index is asked. Outlives all that is measured with it.
struct IndexTask {
  std::shared_ptr<const VectorStore> store;
  Matrix queries;
  std::uint32_t k = 10;
  unsigned threads = 1;                  // that "all threads" means
  std::filesystem::path folder = {};     // for snapshots, which do not stay
  std::vector<Row> members = {};         // empty, or the row that each query is: it is left out of what is found
  std::optional<RowSet> among = {};      // where set, nothing else is searched for, as a filter would have it
  std::vector<SearchDepth> depths = {};  // to try; empty: a sweep

  // Hits of a search, which finds a member first of all.
  [[nodiscard]] std::uint32_t asked() const noexcept { return k + (members.empty() ? 0 : 1); }
};

using Answers = std::vector<std::vector<Row>>;  // the rows found, best first, for each query

struct Recall {
  double at_1 = 0;          // share of queries whose first hit is as near as the nearest row
  double at_k = 0;          // share of the k nearest rows that is found; rows as near as the last of them count as it
  double nearest_in_k = 0;  // share of queries that find a row as near as the nearest
};

// The scores of the nearest rows by brute force over full precision, in double. Reads the task.
class ExactAnswers {
 public:
  [[nodiscard]] static Result<ExactAnswers> of(const IndexTask& task);

  // Rows that the store does not have count as not found, repeated ones once.
  [[nodiscard]] Recall recall(const Answers& found) const;

 private:
  // The k that count of what was found: without the query itself.
  [[nodiscard]] std::vector<Row> others(std::size_t query, std::vector<Row> found) const;

  explicit ExactAnswers(const IndexTask& task) : task_(&task) {}

  const IndexTask* task_;
  std::vector<ExactScore> scores_;  // of each query
  std::vector<double> first_;
  std::vector<double> last_;  // of the k, or of all where there are fewer
};

struct Built {
  std::string index;  // factory string
  std::string library = "eidetic";
  double train_seconds = 0;
  double build_seconds = 0;  // without training
  std::uint64_t memory_bytes = 0;
  std::uint64_t disk_bytes = 0;  // of its snapshot
  double open_seconds = 0;       // that the snapshot took to load; 0: not measured
};

// Searches of one setting, timed.
struct Pass {
  std::uint64_t queries = 0;
  double seconds = 0;
  std::vector<double> ms = {};  // of each query, where one thread asked one after the other
};

// A filled index, ours or another library's.
class Contender {
 public:
  virtual ~Contender() = default;

  [[nodiscard]] const Built& built() const noexcept { return built_; }
  // Of all queries, on all threads.
  [[nodiscard]] virtual Result<Answers> answers(const SearchParams& params) = 0;
  // The queries in order until they or about `seconds` are over, one by one from one thread, or on all of them.
  [[nodiscard]] virtual Result<Pass> pass(const SearchParams& params, bool all_threads, double seconds) = 0;

 protected:
  Built built_;
};

// Trains and fills an index of ours on all threads. Errors as check_factory; invalid_argument: too few to learn from.
[[nodiscard]] Result<std::unique_ptr<Contender>> build_index(const std::string& factory, const IndexTask& task);

// The settings to try, each list from fast to thorough by one parameter: a graph's ef, the nprobe of cells, and where
// codes blur, candidates scored again. `rescores`: false where a library cannot do that. Or the task's, of each what
// the index has, one a list.
[[nodiscard]] std::vector<std::vector<SearchParams>> sweep_of(const std::string& factory, const IndexTask& task,
                                                              bool rescores);
// "ef 32", "nprobe 8, rescore 100"; "" where there is nothing to choose.
[[nodiscard]] std::string describe(const SearchParams& params);

struct Point {
  SearchParams params;
  Recall recall;
  double queries_per_s = 0;      // from one thread; median of the rounds
  double queries_per_s_all = 0;  // from all threads
  double p50_ms = 0, p99_ms = 0;

  // Of each round; every query's.
  std::vector<double> rates = {}, rates_all = {}, ms = {};
};

struct Trial {
  std::unique_ptr<Contender> contender;
  std::vector<Point> points;
};

// The trial at every setting of its sweep: a list ends where everything is found, or nothing more is any longer. Recall
// only: rounds add speed.
[[nodiscard]] Result<Trial> try_out(std::unique_ptr<Contender> contender, const IndexTask& task,
                                    const ExactAnswers& exact, const std::stop_token& stop);
// One round over every point of every trial in turn, so that a machine that is busy for a while is so for all.
[[nodiscard]] Result<void> measure_round(std::span<Trial> trials, const IndexTask& task, const std::stop_token& stop);
// Makes the figures of the rounds.
void summarise(std::span<Trial> trials);

// The points that no other of the trial beats in recall and speed, lowest recall first.
[[nodiscard]] std::vector<const Point*> front_of(const Trial& trial);

struct Target {
  std::uint32_t at = 10;  // 1 or k
  double recall = 0;

  [[nodiscard]] double of(const Point& point) const noexcept { return at == 1 ? point.recall.at_1 : point.recall.at_k; }
};
// "recall=0.95" (at k) or "recall@1=0.95". Anything else: invalid_argument.
[[nodiscard]] Result<Target> parse_target(std::string_view text, std::uint32_t k);
// The fastest that reaches it; nullptr: none does.
[[nodiscard]] const Point* fastest(const Trial& trial, const Target& target);
// That with the highest recall, of equals the fastest.
[[nodiscard]] const Point& most_thorough(const Trial& trial, const Target& target);

// What is tried where nobody says what: every kind of index, in sizes that suit so many vectors.
struct Suggestion {
  std::string factory;
  std::string left_out;  // why it cannot be; empty: it can
};
[[nodiscard]] std::vector<Suggestion> suggest_indexes(std::uint64_t rows, std::uint32_t dimensions);

}  // namespace eidetic
