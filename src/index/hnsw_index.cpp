#include "index/hnsw_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/threads.h"
#include "index/snapshot.h"

namespace eidetic {
namespace {

constexpr std::size_t kParallelRows = 100;  // fewer are not worth waking threads
constexpr std::size_t kChunkRows = 512;     // inserted between two moments in which a snapshot can be taken
// A walk under a filter that few rows pass looks at ef / share rows. Past this share of all rows, a scan is faster.
constexpr std::size_t kWalkShare = 8;
constexpr std::size_t kMinBudget = 4096;

}  // namespace

HnswIndex::HnswIndex(std::shared_ptr<const VectorStore> store, unsigned links, unsigned expansion,
                     const IndexOptions& options)
    : store_(std::move(store)),
      options_(options),
      links_(links),
      expansion_(expansion),
      rotation_(store_->dimensions()),
      graph_(rotation_.padded(), store_->metric(), links, expansion) {}

void HnswIndex::insert(Row row) {
  std::vector<float> rotated(rotation_.padded());
  rotation_.apply(store_->vector(row), rotated);
  graph_.insert(row, rotated);
}

Result<void> HnswIndex::add(std::span<const Row> rows) {
  EIDETIC_CHECK(states_.check_new(rows, *store_));
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
  const HnswGraph::Accept accept = [&](Row row) { return states_.live(row) && (!params.accept || params.accept(row)); };
  const std::size_t ef = std::max(params.k, params.ef != 0 ? params.ef : std::max(kDefaultEf, 2 * params.k));
  const std::size_t budget = std::max<std::size_t>({kMinBudget, 8 * ef, states_.end() / kWalkShare});
  std::vector<float> rotated(rotation_.padded());
  rotation_.apply(score.prepared(), rotated);
  const auto [nearest, complete] = graph_.walk(rotated, {.ef = ef, .budget = budget}, accept);
  if (!complete || nearest.size() < params.k) return scan(score, params.k, accept);

  return rescore(score, nearest, params);
}

// In the order of the walk's distances, until a row would have to be further off than the worst of them so far, twice
// over, to be among the k best.
std::vector<Neighbor> HnswIndex::rescore(const ExactScore& score, std::span<const HnswGraph::Near> nearest,
                                         const SearchParams& params) const {
  BestK best(params.k);
  double worst_error = 0;
  for (std::size_t i = 0; i < nearest.size(); ++i) {
    const double estimate = -double{nearest[i].distance};  // scores are distances with the sign changed
    const bool hopeless = best.full() && estimate + 2 * worst_error < best.worst().score;
    if (i >= params.k && (params.rescore != 0 ? i >= params.rescore : hopeless)) break;
    if (i + 1 < nearest.size()) __builtin_prefetch(store_->vector(nearest[i + 1].row).data());
    const Scored scored = score(nearest[i].row);
    worst_error = std::max(worst_error, std::abs(scored.score - estimate));
    best.offer(scored);
  }
  return best.take(score);
}

std::vector<Neighbor> HnswIndex::scan(const ExactScore& score, std::size_t k, const HnswGraph::Accept& accept) const {
  BestK best(k);
  const Row end = states_.end();
  for (Row row = 0; row < end; ++row) {
    if (accept(row)) best.offer(score(row));
  }
  return best.take(score);
}

IndexStats HnswIndex::stats() const {
  const std::scoped_lock lock(write_mutex_);
  const std::string expansion = expansion_ == kDefaultExpansion ? "" : fmt::format(":{}", expansion_);
  return {.kind = fmt::format("HNSW{}{}", links_, expansion),
          .rows = states_.live_count(),
          .removed = states_.removed_count(),
          .end = states_.end(),
          .memory_bytes = graph_.memory_bytes(states_.end()) + states_.end()};
}

Result<void> HnswIndex::save(const std::filesystem::path& file) const {
  std::unique_lock lock(write_mutex_);
  const Row end = states_.end();
  const std::vector<std::uint32_t> links = graph_.links(end);
  lock.unlock();
  return write_snapshot(file, kSnapshot, *store_, end, [&](CheckedWriter& out) {
    out.value(std::uint32_t{links_});
    out.value(std::uint32_t{expansion_});
    states_.save(out, end);
    graph_.save(out, end, links);
  });
}

Result<std::unique_ptr<VectorIndex>> HnswIndex::load(CheckedReader& in, Row end,
                                                     std::shared_ptr<const VectorStore> store,
                                                     const IndexOptions& options) {
  const auto refuse = [] { return fail(ErrorCode::corrupt, "does not hold what it says"); };
  const auto links = in.value<std::uint32_t>();
  const auto expansion = in.value<std::uint32_t>();
  if (links < kMinLinks || links > kMaxLinks) return refuse();
  if (expansion < kMinExpansion || expansion > kMaxExpansion) return refuse();
  auto index = std::make_unique<HnswIndex>(std::move(store), links, expansion, options);
  EIDETIC_TRY(const bool states, index->states_.load(in, end));
  if (!states) return refuse();
  EIDETIC_TRY(const bool graph, index->graph_.load(in, end, [&](Row row) { return index->states_.present(row); }));
  if (!graph) return refuse();
  return index;
}

}  // namespace eidetic
