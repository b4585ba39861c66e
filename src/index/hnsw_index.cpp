#include "index/hnsw_index.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/threads.h"
#include "index/snapshot.h"
#include "index/training.h"
#include "index/wanted_rows.h"

namespace eidetic {
namespace {

constexpr std::size_t kParallelRows = 100;  // fewer are not worth waking threads
constexpr std::size_t kChunkRows = 512;     // inserted between two moments in which a snapshot can be taken
// Rows that a walk looks at for each that it keeps, in terms of what it costs to score one in full. Where only a share
// is wanted, it has to look at more in proportion.
constexpr double kLooks = 8;
// Past this share of all rows, to score all that are wanted is faster than to go on.
constexpr std::size_t kWalkShare = 8;
constexpr std::size_t kMinBudget = 4096;
constexpr std::uint64_t kMaxNodes = 2000;  // of an anatomy

}  // namespace

HnswIndex::HnswIndex(const IndexPlan& plan, Projection projection, std::shared_ptr<const VectorStore> store,
                     const IndexOptions& options)
    : plan_(plan),
      store_(std::move(store)),
      options_(options),
      projection_(std::move(projection)),
      rotation_(projection_.dimensions()),
      graph_(rotation_.padded(), projection_.metric(), plan.links, plan.expansion) {}

Result<std::unique_ptr<HnswIndex>> HnswIndex::make(const IndexPlan& plan, std::shared_ptr<const VectorStore> store,
                                                   const IndexOptions& options) {
  EIDETIC_TRY(Projection projection, Projection::of(plan, store->dimensions(), store->metric()));
  return std::unique_ptr<HnswIndex>(new HnswIndex(plan, std::move(projection), std::move(store), options));
}

Result<void> HnswIndex::train(std::span<const Row> rows) {
  if (!plan_.needs_training()) return {};
  Training training(plan_, rows);
  EIDETIC_TRY(const Matrix sample, training.sample(*store_));
  EIDETIC_CHECK(projection_.train(sample, options_));
  EIDETIC_TRY(training_, training.report(projection_, options_));
  return {};
}

std::vector<float> HnswIndex::inside(std::span<const float> vector) const {
  std::vector<float> projected(projection_.dimensions());
  projection_.apply(vector, projected);
  std::vector<float> rotated(rotation_.padded());
  rotation_.apply(projected, rotated);
  return rotated;
}

Result<void> HnswIndex::add(std::span<const Row> rows) {
  EIDETIC_CHECK(states_.check_new(rows, *store_));
  EIDETIC_CHECK(check_trained(plan_, training_));
  const bool parallel = options_.pool != nullptr && rows.size() >= kParallelRows;
  while (!rows.empty()) {
    const auto chunk = rows.first(std::min(kChunkRows, rows.size()));
    rows = rows.subspan(chunk.size());
    const std::scoped_lock lock(write_mutex_);
    for (const Row row : chunk) {
      EIDETIC_CHECK(states_.reserve(row));
      EIDETIC_CHECK(graph_.reserve(row));
    }
    if (parallel) {
      options_.pool->parallel_for(chunk.size(), [&](std::size_t i) { insert(chunk[i]); });
    } else {
      for (const Row row : chunk) insert(row);
    }
    for (const Row row : chunk) states_.publish(row);
  }
  return {};
}

void HnswIndex::remove(std::span<const Row> rows) { states_.remove(rows); }

Result<std::vector<Neighbor>> HnswIndex::search(std::span<const float> query, const SearchParams& params) const {
  EIDETIC_CHECK(check_params(params));
  EIDETIC_TRY(const ExactScore score, ExactScore::of(query, *store_));
  if (states_.end() == 0) return std::vector<Neighbor>{};
  const WantedRows wanted(params, states_);
  // A walk reaches what links lead to, which may leave out a row in a great many.
  if (params.ef >= states_.live_count()) return wanted.nearest(score, params);
  const std::size_t ef = std::max(params.k, params.ef != 0 ? params.ef : std::max(kDefaultEf, 2 * params.k));
  // A walk looks at so many rows to find each row that is wanted; all that are wanted may be fewer.
  const double share = wanted.share();
  const double rows = share * static_cast<double>(states_.live_count());
  if (share < 1 && rows * share <= kLooks * static_cast<double>(ef)) return wanted.nearest(score, params);
  const std::size_t budget = std::max<std::size_t>({kMinBudget, 8 * ef, states_.end() / kWalkShare});
  HnswGraph::See see;
  if (params.trace != nullptr) {
    see = [&](const HnswGraph::Near& near, Row from, unsigned layer) {
      const double similarity = score.similarity(projection_.score(near.distance));
      params.trace->steps.push_back({.row = near.row, .from = from, .layer = layer, .similarity = similarity});
    };
  }
  const auto [nearest, complete] = graph_.walk(
      inside(score.prepared()), {.ef = ef, .budget = budget}, [&](Row row) { return wanted.contains(row); }, see);
  if (!complete || nearest.size() < params.k) return wanted.nearest(score, params);
  return rescore(score, nearest, params);
}

// In the order of the walk's distances, until a row would have to be further off than the worst of them so far, twice
// over, to be among the k best.
std::vector<Neighbor> HnswIndex::rescore(const ExactScore& score, std::span<const HnswGraph::Near> nearest,
                                         const SearchParams& params) const {
  BestK best(params.k);
  double worst_error = 0;
  for (std::size_t i = 0; i < nearest.size(); ++i) {
    const double estimate = projection_.score(nearest[i].distance);
    const bool hopeless = best.full() && estimate + 2 * worst_error < best.worst().score;
    if (i >= params.k && (params.rescore != 0 ? i >= params.rescore : hopeless)) break;
    if (i + 1 < nearest.size()) score.prefetch(nearest[i + 1].row);
    const Scored scored = score(nearest[i].row);
    if (params.trace != nullptr) {
      params.trace->candidates.push_back(
          {.row = scored.row, .estimate = score.similarity(estimate), .similarity = score.similarity(scored.score)});
    }
    worst_error = std::max(worst_error, std::abs(scored.score - estimate));
    best.offer(scored);
  }
  return best.take(score);
}

IndexStats HnswIndex::stats() const {
  const std::scoped_lock lock(write_mutex_);
  return {.kind = plan_.to_string(),
          .rows = states_.live_count(),
          .removed = states_.removed_count(),
          .end = states_.end(),
          .memory_bytes = graph_.memory_bytes(states_.end()) + states_.end(),
          .training = training_};
}

IndexAnatomy HnswIndex::anatomy() const {
  IndexAnatomy anatomy = {.kind = plan_.to_string(), .dimensions = projection_.dimensions()};
  const auto live = [this](Row row) { return states_.live(row); };
  for (const auto& [rows, links] : graph_.layers(states_.end(), live)) {
    anatomy.layers.push_back(
        {.rows = rows,
         .mean_links = static_cast<double>(links) / static_cast<double>(std::max<std::uint64_t>(1, rows))});
  }
  const auto few = std::ranges::find_if(anatomy.layers, [](const auto& layer) { return layer.rows <= kMaxNodes; });
  const auto lowest = static_cast<unsigned>(few - anatomy.layers.begin());
  anatomy.nodes = graph_.nodes(lowest, states_.end(), live);
  return anatomy;
}

Result<void> HnswIndex::save(const std::filesystem::path& file) const {
  std::unique_lock lock(write_mutex_);
  const Row end = states_.end();
  const std::vector<std::uint32_t> links = graph_.links(end);
  lock.unlock();
  return write_snapshot(file, kSnapshot, *store_, end, [&](CheckedWriter& out) {
    write_plan(out, plan_, training_);
    projection_.save(out);
    states_.save(out, end);
    graph_.save(out, end, links);
  });
}

Result<std::unique_ptr<VectorIndex>> HnswIndex::load(CheckedReader& in, Row end,
                                                     std::shared_ptr<const VectorStore> store,
                                                     const IndexOptions& options) {
  const auto refuse = [] { return fail(ErrorCode::corrupt, "does not hold what it says"); };
  TrainingReport training;
  const auto plan = read_plan(in, *store, IndexPlan::Structure::graph, training);
  if (!plan) return refuse();
  EIDETIC_TRY(auto index, make(*plan, std::move(store), options));
  index->training_ = training;
  if (!index->projection_.load(in)) return refuse();
  EIDETIC_TRY(const bool states, index->states_.load(in, end));
  if (!states) return refuse();
  EIDETIC_TRY(const bool graph,
              index->graph_.load(in, end, [&](Row row) { return index->states_.present(row); }, options.pool));
  if (!graph) return refuse();
  return index;
}

}  // namespace eidetic
