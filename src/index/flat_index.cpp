#include "index/flat_index.h"

#include <algorithm>
#include <vector>

#include "index/candidates.h"
#include "index/exact_score.h"
#include "index/snapshot.h"

namespace eidetic {
namespace {

constexpr std::size_t kPortionRows = 1024;  // gathered and encoded at once

Block blocks_of(Row end) { return static_cast<Block>((end + kBlockRows - 1) / kBlockRows); }

}  // namespace

FlatIndex::FlatIndex(std::shared_ptr<const VectorStore> store, const IndexOptions& options)
    : store_(std::move(store)), options_(options), codes_(store_->dimensions(), store_->metric()) {}

Result<void> FlatIndex::reserve(Row row) {
  EIDETIC_CHECK(states_.reserve(row));
  return codes_.reserve(row / static_cast<Row>(kBlockRows));
}

Result<void> FlatIndex::add(std::span<const Row> rows) {
  EIDETIC_CHECK(states_.check_new(rows, *store_));
  if (rows.empty()) return {};
  const std::scoped_lock lock(write_mutex_);
  EIDETIC_CHECK(reserve(rows.back()));
  for (std::size_t first = 0; first < rows.size(); first += kPortionRows) {
    const auto portion = rows.subspan(first, std::min(kPortionRows, rows.size() - first));
    codes_.encode(portion, store_->gathered(portion), {}, options_.pool);
  }
  for (const Row row : rows) states_.publish(row);
  return {};
}

void FlatIndex::remove(std::span<const Row> rows) { states_.remove(rows); }

Result<std::vector<Neighbor>> FlatIndex::search(std::span<const float> query, const SearchParams& params) const {
  EIDETIC_CHECK(check_params(params));
  EIDETIC_TRY(const ExactScore score, ExactScore::of(query, *store_));
  const Row end = states_.end();
  Candidates candidates(params.k, [&](Slot row) -> std::optional<Row> {
    if (row >= end || !states_.live(row) || (params.accept && !params.accept(row))) return std::nullopt;
    return row;
  });
  const auto scan = codes_.scan(score.prepared());
  const Block blocks = blocks_of(end);
  for (Block first = 0; first < blocks; first += kBlockRun) {
    scan->run(first, std::min(kBlockRun, blocks - first), candidates);
  }
  return rescore(score, candidates.best(), params.k, /*proven=*/true);
}

IndexStats FlatIndex::stats() const {
  return {.kind = "Flat",
          .rows = states_.live_count(),
          .removed = states_.removed_count(),
          .end = states_.end(),
          .memory_bytes = codes_.memory_bytes(blocks_of(states_.end())) + states_.end()};
}

Result<void> FlatIndex::save(const std::filesystem::path& file) const {
  const std::scoped_lock lock(write_mutex_);
  const Row end = states_.end();
  return write_snapshot(file, kSnapshot, *store_, end, [&](CheckedWriter& out) {
    states_.save(out, end);
    for (Block block = 0; block < blocks_of(end); ++block) codes_.save(out, block);
  });
}

Result<std::unique_ptr<VectorIndex>> FlatIndex::load(CheckedReader& in, Row end,
                                                     std::shared_ptr<const VectorStore> store,
                                                     const IndexOptions& options) {
  auto index = std::make_unique<FlatIndex>(std::move(store), options);
  const auto refuse = [] { return fail(ErrorCode::corrupt, "does not hold what it says"); };
  EIDETIC_TRY(const bool states, index->states_.load(in, end));
  if (!states || in.left() != index->codes_.memory_bytes(blocks_of(end))) return refuse();
  if (end > 0) EIDETIC_CHECK(index->reserve(end - 1));
  for (Block block = 0; block < blocks_of(end); ++block) {
    if (!index->codes_.load(in, block)) return refuse();
  }
  return index;
}

}  // namespace eidetic
