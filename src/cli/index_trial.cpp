#include "cli/index_trial.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>
#include <set>

#include "cli/bench.h"
#include "index/index_plan.h"

namespace eidetic {
namespace {

constexpr double kPassSeconds = 0.5;   // longest pass over the queries; later ones are left out
constexpr std::size_t kTogether = 16;  // queries that brute force scores a row for
constexpr double kWorthwhile = 0.98;   // a step of a sweep that leaves more of the misses than this is in vain
constexpr int kMostInVain = 3;         // steps in a row
constexpr std::uint32_t kMostDepth = 10'000;
constexpr std::string_view kRefined = ",RFlat";  // FAISS: what codes find is scored again in full, as ours always is

using Clock = std::chrono::steady_clock;

constexpr double kNoLimit = 1e6;  // seconds

// work(i) for every i below count, on all threads of the pool, until `seconds` are over. How many were done.
template <typename Work>
std::uint64_t spread(ThreadPool& pool, std::size_t count, double seconds, const Work& work) {
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  std::atomic<std::size_t> next = 0;
  std::atomic<std::uint64_t> done = 0;
  std::vector<std::future<void>> workers;
  for (unsigned worker = 0; worker < pool.size(); ++worker) {
    workers.push_back(pool.post([&] {
      for (std::size_t i = next++; i < count; i = next++) {
        work(i);
        ++done;
        if (Clock::now() >= end) break;
      }
    }));
  }
  for (auto& worker : workers) worker.wait();
  return done;
}

// --- our own ---

class OwnIndex final : public Contender {
 public:
  // The calling thread takes part.
  explicit OwnIndex(const IndexTask& task) : task_(task), pool_(std::max(1U, task.threads - 1)) {
    for (std::size_t i = 0; i < task.queries.rows(); ++i) queries_.push_back(task.queries[i]);
  }

  Result<void> build(const std::string& factory) {
    const IndexOptions shared = {.pool = task_.threads > 1 ? &pool_ : nullptr};
    EIDETIC_TRY(sharing_, make_index(factory, task_.store, shared));
    std::vector<Row> rows(task_.store->rows());
    std::iota(rows.begin(), rows.end(), Row{0});
    Result<void> outcome;
    built_.train_seconds = seconds_of([&] { outcome = sharing_->train(rows); });
    EIDETIC_CHECK(outcome);
    built_.build_seconds = seconds_of([&] { outcome = sharing_->add(rows); });
    EIDETIC_CHECK(outcome);
    built_.index = sharing_->stats().kind;
    built_.memory_bytes = sharing_->stats().memory_bytes;
    const auto snapshot = task_.folder / "snapshot";
    EIDETIC_CHECK(sharing_->save(snapshot));
    std::error_code error;
    built_.disk_bytes = std::filesystem::file_size(snapshot, error);
    Result<std::unique_ptr<VectorIndex>> loaded;
    built_.open_seconds = seconds_of([&] { loaded = load_index(snapshot, task_.store, shared); });
    if (!loaded) return std::unexpected(std::move(loaded).error());
    loaded->reset();
    EIDETIC_TRY(alone_, load_index(snapshot, task_.store));
    std::filesystem::remove(snapshot, error);
    return {};
  }

  Result<Answers> answers(const SearchParams& params) override {
    Answers answers;
    for (const auto& found : sharing_->search(queries_, filtered(params))) {
      if (!found) return std::unexpected(found.error());
      auto& rows = answers.emplace_back();
      for (const Neighbor& neighbor : *found) rows.push_back(neighbor.row);
    }
    return answers;
  }

  Result<Pass> pass(const SearchParams& params, bool all_threads, double seconds) override {
    Pass pass;
    if (all_threads) {
      pass.seconds = seconds_of([&] { (void)sharing_->search(queries_, filtered(params)); });
      pass.queries = queries_.size();
      return pass;
    }
    const auto end = Clock::now() + std::chrono::duration<double>(seconds);
    for (std::size_t i = 0; i < task_.queries.rows() && (i == 0 || Clock::now() < end); ++i) {
      Result<std::vector<Neighbor>> found;
      const double took = seconds_of([&] { found = alone_->search(queries_[i], filtered(params)); });
      EIDETIC_CHECK(found);
      pass.seconds += took;
      pass.ms.push_back(took * 1000);
    }
    pass.queries = pass.ms.size();
    return pass;
  }

 private:
  [[nodiscard]] SearchParams filtered(SearchParams params) const {
    if (task_.among) params.among = &*task_.among;
    return params;
  }

  const IndexTask& task_;
  ThreadPool pool_;
  std::vector<std::span<const float>> queries_;
  std::unique_ptr<VectorIndex> sharing_;  // the threads of the pool
  std::unique_ptr<VectorIndex> alone_;    // the same index, on one thread
};

std::vector<std::uint32_t> doubling(std::uint32_t first, std::uint32_t last) {
  std::vector<std::uint32_t> values;
  for (std::uint64_t value = first; value < last; value *= 2) values.push_back(static_cast<std::uint32_t>(value));
  values.push_back(last);
  return values;
}

// The task's own settings, those that are the same to such an index once.
std::vector<std::vector<SearchParams>> given_settings(const IndexPlan& plan, bool blurred, const IndexTask& task) {
  std::vector<SearchDepth> depths;
  for (SearchDepth depth : task.depths) {
    if (plan.structure != IndexPlan::Structure::graph) depth.ef = 0;
    if (plan.structure != IndexPlan::Structure::cells || plan.cells == 1) depth.nprobe = 0;
    if (plan.structure == IndexPlan::Structure::graph || !blurred) depth.rescore = 0;
    if (std::ranges::find(depths, depth) == depths.end()) depths.push_back(depth);
  }
  std::vector<std::vector<SearchParams>> lists;
  for (const auto& [ef, nprobe, rescore] : depths) {
    lists.push_back({{.k = task.asked(), .ef = ef, .nprobe = nprobe, .rescore = rescore}});
  }
  return lists;
}

// The largest number of segments that the dimensions divide into, 4 dimensions or more each.
std::uint32_t segments_for(std::uint32_t dimensions) {
  constexpr std::uint32_t kMost = 64;
  constexpr std::uint32_t kLeastWidth = 4;
  for (std::uint32_t segments = std::min(kMost, dimensions / kLeastWidth); segments > 1; --segments) {
    if (dimensions % segments == 0) return segments;
  }
  return 0;
}

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5);
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(at));
  return values[at];
}

Result<void> go_on(const std::stop_token& stop) {
  if (stop.stop_requested()) return fail(ErrorCode::unavailable, "stopped");
  return {};
}

}  // namespace

// --- exact answers ---

Result<ExactAnswers> ExactAnswers::of(const IndexTask& task) {
  ExactAnswers exact(task);
  const std::size_t count = task.queries.rows();
  for (std::size_t i = 0; i < count; ++i) {
    EIDETIC_TRY(const ExactScore score, ExactScore::of(task.queries[i], *task.store));
    exact.scores_.push_back(score);
  }
  exact.first_.resize(count);
  exact.last_.resize(count);
  ThreadPool pool(task.threads);
  spread(pool, (count + kTogether - 1) / kTogether, kNoLimit, [&](std::size_t group) {
    const std::size_t first = group * kTogether;
    const std::size_t end = std::min(count, first + kTogether);
    // Scores alone: which of equally near rows is found makes no difference.
    std::vector<std::vector<double>> best(end - first);  // least on top
    for (Row row = 0; row < task.store->rows(); ++row) {
      for (std::size_t i = first; i < end; ++i) {
        if (!task.members.empty() && task.members[i] == row) continue;
        if (task.among && !task.among->contains(row)) continue;
        auto& heap = best[i - first];
        const double score = exact.scores_[i](row).score;
        if (heap.size() == task.k) {
          if (score <= heap.front()) continue;
          std::ranges::pop_heap(heap, std::greater{});
          heap.pop_back();
        }
        heap.push_back(score);
        std::ranges::push_heap(heap, std::greater{});
      }
    }
    for (std::size_t i = first; i < end; ++i) {
      exact.first_[i] = std::ranges::max(best[i - first]);
      exact.last_[i] = best[i - first].front();
    }
  });
  return exact;
}

std::vector<Row> ExactAnswers::others(std::size_t query, std::vector<Row> found) const {
  if (!task_->members.empty()) std::erase(found, task_->members[query]);
  found.resize(std::min<std::size_t>(found.size(), task_->k));
  return found;
}

Recall ExactAnswers::recall(const Answers& found) const {
  const Row rows = task_->store->rows();
  const std::size_t wanted = std::min<std::size_t>(task_->k, rows - (task_->members.empty() ? 0 : 1));
  std::size_t first_hits = 0;
  std::size_t nearest = 0;
  std::size_t hits = 0;
  for (std::size_t i = 0; i < scores_.size(); ++i) {
    const std::vector<Row> counted = others(i, found[i]);
    const std::set<Row> distinct(counted.begin(), counted.end());
    const auto reaches = [&](double score) {
      return [&, score](Row row) { return row < rows && scores_[i](row).score >= score; };
    };
    hits += std::min(wanted, static_cast<std::size_t>(std::ranges::count_if(distinct, reaches(last_[i]))));
    if (!counted.empty() && reaches(first_[i])(counted[0])) ++first_hits;
    if (std::ranges::any_of(counted, reaches(first_[i]))) ++nearest;
  }
  const auto count = static_cast<double>(scores_.size());
  return {.at_1 = static_cast<double>(first_hits) / count,
          .at_k = static_cast<double>(hits) / (count * static_cast<double>(wanted)),
          .nearest_in_k = static_cast<double>(nearest) / count};
}

// --- trying ---

Result<std::unique_ptr<Contender>> build_index(const std::string& factory, const IndexTask& task) {
  auto index = std::make_unique<OwnIndex>(task);
  EIDETIC_CHECK(index->build(factory));
  return index;
}

std::vector<std::vector<SearchParams>> sweep_of(const std::string& factory, const IndexTask& task, bool rescores) {
  const auto plan = plan_index(factory, task.store->dimensions());
  const auto rows = task.store->rows();
  const std::uint32_t k = task.asked();
  if (!plan || plan->structure == IndexPlan::Structure::flat) return {{{.k = k}}};
  // What is kept whole is found where it is looked for: only codes and projections blur.
  const bool blurred =
      rescores && (plan->code != IndexPlan::Code::flat || plan->projection != IndexPlan::Projection::none);
  if (!task.depths.empty()) return given_settings(*plan, blurred, task);
  std::vector<SearchParams> list;
  if (plan->structure == IndexPlan::Structure::graph) {
    list.push_back({.k = k, .ef = k});
    for (const std::uint32_t ef : {16U, 24U, 32U, 48U, 64U, 96U, 128U, 256U, 512U, 1024U}) {
      if (ef > k && ef < rows) list.push_back({.k = k, .ef = ef});
    }
    return {list};
  }
  const auto depth = [&](std::uint32_t factor) {
    return std::min({kMostDepth, std::max(rows, k), factor * std::min(k, kMaxK)});
  };
  if (plan->cells == 1) {
    if (!blurred) return {{{.k = k}}};
    for (const std::uint32_t rescore : doubling(k, std::max(k, depth(256)))) {
      list.push_back({.k = k, .rescore = rescore});
    }
    return {list};
  }
  std::vector<std::uint32_t> depths = {0};
  if (blurred && plan->code == IndexPlan::Code::bytes && plan->projection == IndexPlan::Projection::none) {
    depths = {depth(2)};
  } else if (blurred) {
    depths = {depth(2), depth(10), depth(50)};
  }
  std::vector<std::vector<SearchParams>> lists;
  for (const std::uint32_t rescore : depths) {
    list.clear();
    for (const std::uint32_t nprobe : doubling(1, plan->cells)) {
      list.push_back({.k = k, .nprobe = nprobe, .rescore = rescore});
    }
    lists.push_back(list);
  }
  return lists;
}

std::string describe(const SearchParams& params) {
  std::string text;
  const auto add = [&](std::string_view name, std::uint32_t value) {
    if (value != 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, value);
  };
  add("ef", params.ef);
  add("nprobe", params.nprobe);
  add("rescore", params.rescore);
  return text;
}

Result<Trial> try_out(std::unique_ptr<Contender> contender, const IndexTask& task, const ExactAnswers& exact,
                      const std::stop_token& stop) {
  Trial trial;
  const Built& built = contender->built();
  const bool refined = built.index.ends_with(kRefined);
  const std::string factory = built.index.substr(0, built.index.size() - (refined ? kRefined.size() : 0));
  for (const auto& list : sweep_of(factory, task, refined || built.library == Built().library)) {
    double least_missed = 2;
    int in_vain = 0;
    for (const SearchParams& params : list) {
      EIDETIC_CHECK(go_on(stop));
      EIDETIC_TRY(const Answers answers, contender->answers(params));
      trial.points.push_back({.params = params, .recall = exact.recall(answers)});
      // More than everything would only take longer, and so would more of what does not help.
      const Recall& recall = trial.points.back().recall;
      const double missed = 2 - recall.at_1 - recall.at_k;
      in_vain = missed < kWorthwhile * least_missed ? 0 : in_vain + 1;
      if (missed == 0 || in_vain == kMostInVain) break;
      least_missed = std::min(least_missed, missed);
    }
  }
  trial.contender = std::move(contender);
  return trial;
}

Result<void> measure_round(std::span<Trial> trials, const IndexTask& task, const std::stop_token& stop) {
  for (Trial& trial : trials) {
    for (Point& point : trial.points) {
      EIDETIC_CHECK(go_on(stop));
      EIDETIC_TRY(const Pass one, trial.contender->pass(point.params, false, kPassSeconds));
      point.rates.push_back(static_cast<double>(one.queries) / std::max(1e-9, one.seconds));
      point.ms.insert(point.ms.end(), one.ms.begin(), one.ms.end());
      if (task.threads == 1) continue;
      EIDETIC_TRY(const Pass all, trial.contender->pass(point.params, true, kPassSeconds));
      point.rates_all.push_back(static_cast<double>(all.queries) / std::max(1e-9, all.seconds));
    }
  }
  return {};
}

void summarise(std::span<Trial> trials) {
  for (Trial& trial : trials) {
    for (Point& point : trial.points) {
      point.queries_per_s = median(point.rates);
      point.queries_per_s_all = point.rates_all.empty() ? point.queries_per_s : median(point.rates_all);
      point.p50_ms = quantile(point.ms, 0.5);
      point.p99_ms = quantile(point.ms, 0.99);
    }
  }
}

std::vector<const Point*> front_of(const Trial& trial) {
  std::vector<const Point*> fastest_first;
  for (const Point& point : trial.points) fastest_first.push_back(&point);
  std::ranges::sort(fastest_first, [](const Point* a, const Point* b) {
    return std::pair(a->queries_per_s, a->recall.at_k) > std::pair(b->queries_per_s, b->recall.at_k);
  });
  std::vector<const Point*> front;
  for (const Point* point : fastest_first) {
    if (front.empty() || point->recall.at_k > front.back()->recall.at_k) front.push_back(point);
  }
  return front;
}

Result<Target> parse_target(std::string_view text, std::uint32_t k) {
  const auto equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  Target target{.at = k};
  bool good = equals != std::string_view::npos &&
              (name == "recall" || name == "recall@1" || name == fmt::format("recall@{}", k));
  if (good) {
    if (name == "recall@1") target.at = 1;
    const std::string_view number = text.substr(equals + 1);
    const auto [rest, error] = std::from_chars(number.data(), number.data() + number.size(), target.recall);
    good = error == std::errc{} && rest == number.data() + number.size() && target.recall > 0 && target.recall <= 1;
  }
  if (good) return target;
  return fail(ErrorCode::invalid_argument,
              fmt::format("--target '{}' is no recall over 0 and up to 1, like recall=0.95, recall@1=0.95 or "
                          "recall@{}=0.95",
                          text, k));
}

const Point* fastest(const Trial& trial, const Target& target) {
  const Point* best = nullptr;
  for (const Point& point : trial.points) {
    if (target.of(point) >= target.recall && (!best || point.queries_per_s > best->queries_per_s)) best = &point;
  }
  return best;
}

const Point& most_thorough(const Trial& trial, const Target& target) {
  return *std::ranges::max_element(
      trial.points, {}, [&](const Point& point) { return std::pair(target.of(point), point.queries_per_s); });
}

// --- what to try ---

std::vector<Suggestion> suggest_indexes(std::uint64_t rows, std::uint32_t dimensions) {
  const auto cells =
      static_cast<std::uint32_t>(std::clamp(std::round(std::sqrt(static_cast<double>(rows))), 2.0, 65'536.0));
  const std::string ivf = fmt::format("IVF{}", cells);
  const std::string pca = fmt::format("PCA{}", std::max(1U, dimensions / 4));
  const std::uint32_t segments = segments_for(dimensions);
  const std::string pq = fmt::format("PQ{}", segments);
  std::vector<Suggestion> list;
  for (const std::string& factory :
       {std::string("Flat"), std::string("HNSW16"), ivf + ",Flat", ivf + ",SQ8", ivf + "," + pq, pq, pca + ",Flat",
        pca + ",HNSW16", fmt::format("O{},{},{}", pq, ivf, pq)}) {
    Suggestion suggestion{.factory = factory, .left_out = {}};
    const auto least = least_training_rows(factory);
    if (segments == 0 && factory.contains("PQ")) {
      suggestion.factory = "PQ";
      suggestion.left_out = fmt::format("{} dimensions do not divide into segments of 4 or more", dimensions);
    } else if (const auto checked = check_factory(factory, dimensions); !checked) {
      suggestion.left_out = checked.error().message;
    } else if (least && *least > rows) {
      suggestion.left_out = fmt::format("learnt from at least {} vectors, and there are {}", *least, rows);
    } else if (*checked != factory) {
      suggestion.left_out = fmt::format("{} dimensions are too few to leave some out", dimensions);
    }
    list.push_back(suggestion);
  }
  return list;
}

}  // namespace eidetic
