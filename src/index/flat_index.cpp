#include "index/flat_index.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/threads.h"
#include "index/candidates.h"
#include "index/exact_score.h"
#include "index/portions.h"
#include "index/snapshot.h"
#include "index/wanted_rows.h"

namespace eidetic {
namespace {

constexpr std::size_t kPortionRows = 1024;  // gathered and encoded at once
// A scan of so many runs (262,144 rows) takes milliseconds, and more than one thread is worth waking.
constexpr Block kSharedRuns = 16;
// Reading one row's vector takes as long as scanning the codes of so many.
constexpr double kFew = 1.0 / 10;
constexpr std::size_t kGroup = 16;  // queries that go through the blocks together
constexpr Block kGroupBlocks = 64;  // at a time: few enough for a core's cache
static_assert(kBlockRun % kGroupBlocks == 0);

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

Result<ExactScore> FlatIndex::checked_score(std::span<const float> query, const SearchParams& params) const {
  EIDETIC_CHECK(check_params(params));
  return ExactScore::of(query, *store_);
}

// A query on its way through the blocks, or through some of them.
struct FlatIndex::Question {
  Question(const FlatIndex& index, const ExactScore& score, const SearchParams& params)
      : candidates(params.k, [wanted = WantedRows(params, index.states_)](
                                 Slot row) { return wanted.contains(row) ? std::optional<Row>(row) : std::nullopt; }),
        scan(index.codes_.scan(score.prepared())) {}

  Candidates candidates;
  std::unique_ptr<RowCodes::Scan> scan;
};

Result<std::vector<Neighbor>> FlatIndex::search(std::span<const float> query, const SearchParams& params) const {
  EIDETIC_TRY(const ExactScore score, checked_score(query, params));
  if (const WantedRows wanted(params, states_); wanted.share() <= kFew) return wanted.nearest(score, params);
  const Block runs = (blocks_of(states_.end()) + kBlockRun - 1) / kBlockRun;
  const bool alone = options_.pool == nullptr || runs < kSharedRuns;
  // Each part has a threshold of its own and finds candidates of its own; the best are among them.
  const Block parts = alone ? 1 : std::min(runs, Block{options_.pool->size()} + 1);
  std::vector<std::vector<Candidate>> found(parts);
  const auto search_part = [&](std::size_t part) {
    Question question(*this, score, params);
    const auto first = static_cast<Block>(runs * part / parts);
    const auto end = static_cast<Block>(runs * (part + 1) / parts);
    for (Block run = first; run < end; ++run) scan_run(question, run);
    found[part] = question.candidates.best();
  };
  std::vector<Candidate> all;
  if (alone) {
    search_part(0);
    all = std::move(found[0]);
  } else {
    options_.pool->parallel_for(parts, search_part);
    for (const auto& some : found) all.insert(all.end(), some.begin(), some.end());
    std::ranges::sort(all, std::greater{}, &Candidate::upper);
  }
  if (params.trace != nullptr) {
    for (const Candidate& candidate : all) {
      params.trace->candidates.push_back({.row = candidate.row,
                                          .estimate = score.similarity(score.score_of_scan(candidate.upper)),
                                          .similarity = score.similarity(score(candidate.row).score)});
    }
  }
  return rescore(score, all, params.k, /*proven=*/true);
}

void FlatIndex::scan_run(Question& question, Block run) const {
  const Block first = run * kBlockRun;
  question.scan->run(first, std::min(kBlockRun, blocks_of(states_.end()) - first), question.candidates);
}

// Blocks are read from memory once for all queries of a group, which meet them in the cache.
std::vector<Result<std::vector<Neighbor>>> FlatIndex::search(std::span<const std::span<const float>> queries,
                                                             const SearchParams& params) const {
  if (WantedRows(params, states_).share() <= kFew) return search_each(*this, queries, params, options_.pool);
  std::vector<Result<std::vector<Neighbor>>> found(queries.size());
  const std::size_t threads = options_.pool == nullptr ? 1 : options_.pool->size() + 1;
  const std::size_t groups = std::min(queries.size(), std::max(threads, (queries.size() + kGroup - 1) / kGroup));
  const Block blocks = blocks_of(states_.end());
  const auto search_group = [&](std::size_t group) {
    const std::size_t begin = queries.size() * group / groups;
    const std::size_t end = queries.size() * (group + 1) / groups;
    std::vector<std::optional<ExactScore>> scores(end - begin);
    std::vector<std::unique_ptr<Question>> questions(end - begin);
    for (std::size_t i = begin; i < end; ++i) {
      auto prepared = checked_score(queries[i], params);
      if (!prepared) {
        found[i] = std::unexpected(std::move(prepared).error());
        continue;
      }
      scores[i - begin] = *prepared;
      questions[i - begin] = std::make_unique<Question>(*this, *scores[i - begin], params);
    }
    for (Block first = 0; first < blocks; first += kGroupBlocks) {
      for (const auto& question : questions) {
        if (question == nullptr) continue;
        question->scan->run(first, std::min(kGroupBlocks, blocks - first), question->candidates);
      }
    }
    for (std::size_t i = begin; i < end; ++i) {
      if (const auto& question = questions[i - begin]; question != nullptr) {
        found[i] = rescore(*scores[i - begin], question->candidates.best(), params.k, /*proven=*/true);
      }
    }
  };
  if (groups > 1 && options_.pool != nullptr) {
    options_.pool->parallel_for(groups, search_group);
  } else {
    for (std::size_t group = 0; group < groups; ++group) search_group(group);
  }
  return found;
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
  const std::size_t block_bytes = index->codes_.memory_bytes(1);
  const auto bytes = in.bytes(in.left());
  const bool good = in_portions(blocks_of(end), kBlockRun, options.pool, [&](std::size_t first, std::size_t last) {
    CheckedReader part(bytes.subspan(first * block_bytes, (last - first) * block_bytes));
    for (std::size_t block = first; block < last; ++block) {
      if (!index->codes_.load(part, static_cast<Block>(block))) return false;
    }
    return true;
  });
  if (!good) return refuse();
  return index;
}

}  // namespace eidetic
