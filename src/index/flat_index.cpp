#include "index/flat_index.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "base/threads.h"
#include "index/exact_score.h"
#include "index/snapshot.h"
#include "index/vector_math.h"

namespace eidetic {
namespace {

constexpr std::size_t kRangeBlocks = 1024;  // scanned at once: never across segments of the arrays
constexpr std::size_t kParallelRows = 100;  // fewer are not worth waking threads
constexpr float kLargestTerm = 1e16F;       // what rows of norm kMaxNorm can give
constexpr float kThresholdRounding = 1e-6F;

bool plausible(const ScanTerms& terms) {
  const auto in_range = [](const auto& values) {
    return std::ranges::all_of(values, [](float value) { return value >= 0 && value <= kLargestTerm; });
  };
  return in_range(terms.scale_high) && in_range(terms.error_high) && in_range(terms.scale_full) &&
         in_range(terms.error_full) && in_range(terms.norm);
}

}  // namespace

// One search: collects the rows whose bounds let them be among the k best, then scores them in full.
class FlatIndex::Search {
 public:
  Search(const FlatIndex& index, const ExactScore& score, const SearchParams& params)
      : index_(index), score_(score), params_(params), query_(rotated(index, score), index.store_->metric()) {
    lower_bounds_.reserve(params.k);
  }

  std::vector<Neighbor> run() {
    const Row end = index_.states_.end();
    const std::size_t blocks = (end + kScanRows - 1) / kScanRows;
    for (std::size_t first = 0; first < blocks; first += kRangeBlocks) {
      scan_range(static_cast<Row>(first), std::min(kRangeBlocks, blocks - first), end);
    }
    return rescore();
  }

 private:
  struct Candidate {
    float upper;
    Row row;
  };

  static std::vector<float> rotated(const FlatIndex& index, const ExactScore& score) {
    std::vector<float> result(index.rotation_.padded());
    index.rotation_.apply(score.prepared(), result);
    return result;
  }

  void scan_range(Row first_block, std::size_t count, Row end) {
    const std::uint8_t* const high = index_.high_.at(first_block);
    const ScanTerms* const terms = index_.terms_.at(first_block);
    for (std::size_t at = 0; at < count; ++at) {
      const ScanHit hit = scan_high(query_, threshold_, high, terms, at, count);
      at = hit.block;
      if (at == count) return;
      const Row block = first_block + static_cast<Row>(at);
      take_block(block, hit, end);
    }
  }

  void take_block(Row block, const ScanHit& hit, Row end) {
    const ScanBounds bounds = scan_full(query_, threshold_, hit.sums, index_.low_.at(block), index_.terms_[block]);
    for (std::uint32_t lanes = hit.lanes; lanes != 0; lanes &= lanes - 1) {
      const auto lane = static_cast<Row>(std::countr_zero(lanes));
      const Row row = block * static_cast<Row>(kScanRows) + lane;
      if (bounds.upper[lane] < threshold_ || row >= end || !index_.states_.live(row)) continue;
      if (params_.accept && !params_.accept(row)) continue;
      candidates_.push_back({bounds.upper[lane], row});
      raise_threshold(bounds.lower[lane]);
    }
  }

  // k rows score at least the k-th largest lower bound, so nothing below it can be among the k best.
  void raise_threshold(float lower) {
    if (lower_bounds_.size() == params_.k) {
      if (lower <= lower_bounds_.front()) return;
      std::ranges::pop_heap(lower_bounds_, std::greater{});
      lower_bounds_.pop_back();
    }
    lower_bounds_.push_back(lower);
    std::ranges::push_heap(lower_bounds_, std::greater{});
    if (lower_bounds_.size() < params_.k) return;
    threshold_ = lower_bounds_.front() - kThresholdRounding * std::abs(lower_bounds_.front());
  }

  std::vector<Neighbor> rescore() {
    std::erase_if(candidates_, [this](const Candidate& candidate) { return candidate.upper < threshold_; });
    std::ranges::sort(candidates_, std::greater{}, &Candidate::upper);
    BestK best(params_.k);
    for (const Candidate& candidate : candidates_) {
      if (best.full() && candidate.upper < scan_score(best.worst().score)) break;
      best.offer(score_(candidate.row));
    }
    return best.take(score_);
  }

  // An exact score as the scan's t.
  [[nodiscard]] double scan_score(double score) const {
    if (index_.store_->metric() != Metric::euclidean) return score;
    return (score_.norm() * score_.norm() + score) / 2;
  }

  const FlatIndex& index_;
  const ExactScore& score_;
  const SearchParams& params_;
  const ScanQuery query_;
  std::vector<float> lower_bounds_;  // the k largest, least on top
  float threshold_ = -std::numeric_limits<float>::infinity();
  std::vector<Candidate> candidates_;
};

FlatIndex::FlatIndex(std::shared_ptr<const VectorStore> store, const IndexOptions& options)
    : store_(std::move(store)),
      options_(options),
      rotation_(store_->dimensions()),
      high_(plane_bytes(rotation_.padded())),
      low_(plane_bytes(rotation_.padded())) {}

Result<void> FlatIndex::reserve(Row row) {
  const Row block = row / static_cast<Row>(kScanRows);
  EIDETIC_CHECK(states_.reserve(row));
  EIDETIC_CHECK(high_.reserve(block));
  EIDETIC_CHECK(low_.reserve(block));
  return terms_.reserve(block);
}

void FlatIndex::encode(Row row) {
  std::vector<float> rotated(rotation_.padded());
  rotation_.apply(store_->vector(row), rotated);
  const Row block = row / static_cast<Row>(kScanRows);
  encode_row(rotated, row % kScanRows, high_.at(block), low_.at(block), terms_[block]);
}

Result<void> FlatIndex::add(std::span<const Row> rows) {
  EIDETIC_CHECK(states_.check_new(rows, *store_));
  if (rows.empty()) return {};
  const std::scoped_lock lock(write_mutex_);
  EIDETIC_CHECK(reserve(rows.back()));
  if (options_.pool != nullptr && rows.size() >= kParallelRows) {
    options_.pool->parallel_for(rows.size(), [&](std::size_t i) { encode(rows[i]); });
  } else {
    for (const Row row : rows) encode(row);
  }
  for (const Row row : rows) states_.publish(row);
  return {};
}

void FlatIndex::remove(std::span<const Row> rows) { states_.remove(rows); }

Result<std::vector<Neighbor>> FlatIndex::search(std::span<const float> query, const SearchParams& params) const {
  EIDETIC_CHECK(check_params(params));
  EIDETIC_TRY(const ExactScore score, ExactScore::of(query, *store_));
  return Search(*this, score, params).run();
}

IndexStats FlatIndex::stats() const {
  const std::uint64_t blocks = (states_.end() + kScanRows - 1) / kScanRows;
  return {.kind = "Flat",
          .rows = states_.live_count(),
          .removed = states_.removed_count(),
          .end = states_.end(),
          .memory_bytes = blocks * (high_.row_bytes() + low_.row_bytes() + terms_.row_bytes()) + states_.end()};
}

Result<void> FlatIndex::save(const std::filesystem::path& file) const {
  // Full blocks never change again; the last one is copied while nothing is being added.
  std::unique_lock lock(write_mutex_);
  const Row end = states_.end();
  const Row full = end / static_cast<Row>(kScanRows);
  const bool partial = end % kScanRows != 0;
  const std::size_t bytes = plane_bytes(rotation_.padded());
  std::vector<std::uint8_t> last_high;
  std::vector<std::uint8_t> last_low;
  ScanTerms last_terms{};
  if (partial) {
    last_high.assign(high_.at(full), high_.at(full) + bytes);
    last_low.assign(low_.at(full), low_.at(full) + bytes);
    last_terms = terms_[full];
  }
  lock.unlock();

  return write_snapshot(file, kSnapshot, *store_, end, [&](CheckedWriter& out) {
    states_.save(out, end);
    for (Row block = 0; block < full; ++block) out.bytes(std::as_bytes(std::span(high_.at(block), bytes)));
    out.bytes(std::as_bytes(std::span(last_high)));
    for (Row block = 0; block < full; ++block) out.bytes(std::as_bytes(std::span(low_.at(block), bytes)));
    out.bytes(std::as_bytes(std::span(last_low)));
    for (Row block = 0; block < full; ++block) out.value(terms_[block]);
    if (partial) out.value(last_terms);
  });
}

Result<std::unique_ptr<VectorIndex>> FlatIndex::load(CheckedReader& in, Row end,
                                                     std::shared_ptr<const VectorStore> store,
                                                     const IndexOptions& options) {
  auto index = std::make_unique<FlatIndex>(std::move(store), options);
  const auto refuse = [] { return fail(ErrorCode::corrupt, "does not hold what it says"); };
  EIDETIC_TRY(const bool states, index->states_.load(in, end));
  const std::size_t blocks = (std::size_t{end} + kScanRows - 1) / kScanRows;
  const std::size_t bytes = plane_bytes(index->rotation_.padded());
  if (!states || in.left() != blocks * (2 * bytes + sizeof(ScanTerms))) return refuse();
  if (end > 0) EIDETIC_CHECK(index->reserve(end - 1));
  for (Row block = 0; block < blocks; ++block) std::memcpy(index->high_.at(block), in.bytes(bytes).data(), bytes);
  for (Row block = 0; block < blocks; ++block) std::memcpy(index->low_.at(block), in.bytes(bytes).data(), bytes);
  for (Row block = 0; block < blocks; ++block) {
    index->terms_[block] = in.value<ScanTerms>();
    if (!plausible(index->terms_[block])) return refuse();
  }
  return index;
}

}  // namespace eidetic
