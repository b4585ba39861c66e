#include "index/hnsw_graph.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/split_mix.h"
#include "index/portions.h"

namespace eidetic {
namespace {

constexpr unsigned kMaxLevel = 15;
constexpr float kLargestTerm = 1e16F;  // what rows of norm kMaxNorm can give
constexpr float kLargestSquare = 1.1e30F;
constexpr int kLargestSum = 1 << 23;       // of 65,536 codes
constexpr std::size_t kPrefetchAhead = 3;  // rows fetched while one is being compared
constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kLoadedAtOnce = 4096;  // rows

void prefetch(const void* from, std::size_t bytes) {
  const auto* const start = static_cast<const char*>(from);
  for (std::size_t i = 0; i < bytes; i += kCacheLine) __builtin_prefetch(start + i);
}

}  // namespace

// What a walk needs, kept so that none allocates.
struct HnswGraph::Scratch {
  Scratch(std::size_t padded, Metric metric, std::size_t most_links)
      : query(padded, metric), other(padded, metric), kept_queries(most_links, other) {}

  // False: it was seen before.
  bool see(Row row) {
    const std::size_t word = row / 64;
    if (word >= seen.size()) seen.resize(std::max(word + 1, 2 * seen.size()));
    const std::uint64_t bit = std::uint64_t{1} << row % 64;
    if ((seen[word] & bit) != 0) return false;
    seen[word] |= bit;
    visited.push_back(row);
    return true;
  }
  void forget() {
    for (const Row row : visited) seen[row / 64] = 0;
    visited.clear();
  }

  ByteQuery query;
  ByteQuery other;
  std::vector<std::uint64_t> seen;  // a bit a row
  std::vector<Row> visited;
  std::vector<Row> unseen;
  std::vector<Near> frontier;  // nearest on top
  std::vector<Near> found;     // farthest on top
  std::vector<Near> kept;
  std::vector<ByteQuery> kept_queries;  // the rows in `kept`
};

class HnswGraph::Lease {
 public:
  explicit Lease(const HnswGraph& graph) : graph_(graph) {
    {
      const std::scoped_lock lock(graph.scratch_mutex_);
      if (!graph.scratch_.empty()) {
        scratch_ = std::move(graph.scratch_.back());
        graph.scratch_.pop_back();
      }
    }
    if (scratch_ == nullptr) scratch_ = std::make_unique<Scratch>(graph.padded_, graph.metric_, graph.capacity(0));
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() {
    const std::scoped_lock lock(graph_.scratch_mutex_);
    graph_.scratch_.push_back(std::move(scratch_));
  }
  Scratch& operator*() const { return *scratch_; }

 private:
  const HnswGraph& graph_;
  std::unique_ptr<Scratch> scratch_;
};

HnswGraph::HnswGraph(std::size_t padded, Metric metric, unsigned links, unsigned expansion)
    : padded_(padded),
      metric_(metric),
      links_(links),
      expansion_(expansion),
      codes_(byte_row_size(padded)),
      lowest_(2 + 2 * links),
      upper_(1 + links) {}

HnswGraph::~HnswGraph() = default;

unsigned HnswGraph::draw_level(Row row) const noexcept {
  const std::uint64_t mixed = split_mix((row + 1) * kSplitMixStep);  // the same graph from the same rows
  const double uniform = (static_cast<double>(mixed >> 11) + 1) * 0x1p-53;
  return std::min(kMaxLevel, static_cast<unsigned>(-std::log(uniform) / std::log(links_)));
}

Result<void> HnswGraph::reserve(Row row) {
  EIDETIC_CHECK(codes_.reserve(row));
  EIDETIC_CHECK(lowest_.reserve(row));
  EIDETIC_CHECK(upper_of_.reserve(row));
  EIDETIC_CHECK(levels_.reserve(row));
  const unsigned level = draw_level(row);
  if (level > 0) EIDETIC_CHECK(upper_.reserve(upper_end_ + level - 1));
  levels_[row] = static_cast<std::uint8_t>(level);
  upper_of_[row] = upper_end_;
  upper_end_ += level;
  return {};
}

HnswGraph::Link* HnswGraph::list(Row row, unsigned level) const noexcept {
  return level == 0 ? lowest_.at(row) : upper_.at(upper_of_[row] + level - 1);
}

bool HnswGraph::entry(Entry& entry) const noexcept {
  const std::uint64_t packed = entry_.load(std::memory_order_acquire);
  if (packed == 0) return false;
  entry = {.row = static_cast<Row>(packed - 1), .level = static_cast<unsigned>((packed - 1) >> 32)};
  return true;
}

HnswGraph::Near HnswGraph::descend(const ByteQuery& query, const Entry& entry, unsigned level, const See* see) const {
  Near nearest = {.distance = query.distance(code(entry.row)), .row = entry.row};
  if (see != nullptr) (*see)(nearest, entry.row, entry.level);
  for (unsigned layer = entry.level; layer > level; --layer) {
    for (bool moved = true; moved;) {
      moved = false;
      const Row from = nearest.row;
      const Link* const links = list(from, layer);
      const std::uint32_t count = links[0].load(std::memory_order_acquire);
      for (std::uint32_t i = 1; i <= count; ++i) prefetch(code(links[i].load(std::memory_order_acquire)), padded_);
      for (std::uint32_t i = 1; i <= count; ++i) {
        const Row row = links[i].load(std::memory_order_acquire);
        const Near near = {.distance = query.distance(code(row)), .row = row};
        if (see != nullptr) (*see)(near, from, layer);
        if (near < nearest) {
          nearest = near;
          moved = true;
        }
      }
    }
  }
  return nearest;
}

void HnswGraph::collect_unseen(Row row, unsigned level, Scratch& scratch) const {
  scratch.unseen.clear();
  const Link* const links = list(row, level);
  const std::uint32_t count = links[0].load(std::memory_order_acquire);
  for (std::uint32_t i = 1; i <= count; ++i) {
    const Row next = links[i].load(std::memory_order_acquire);
    if (scratch.see(next)) scratch.unseen.push_back(next);
  }
  if (level > 0) return;
  const std::uint32_t equal = equal_after(row).load(std::memory_order_acquire);
  if (equal != 0 && scratch.see(equal - 1)) scratch.unseen.push_back(equal - 1);
}

bool HnswGraph::beam(const ByteQuery& query, const Near& start, unsigned level, const Limits& limits,
                     const Accept* accept, Scratch& scratch, const See* see) const {
  const auto nearest_on_top = [](const Near& a, const Near& b) { return b < a; };
  auto& frontier = scratch.frontier;
  auto& found = scratch.found;
  frontier.clear();
  found.clear();
  const auto look_at = [&](const Near& near) {
    if (found.size() == limits.ef && !(near < found.front())) return;
    frontier.push_back(near);
    std::ranges::push_heap(frontier, nearest_on_top);
    if (accept != nullptr && !(*accept)(near.row)) return;
    found.push_back(near);
    std::push_heap(found.begin(), found.end());
    if (found.size() <= limits.ef) return;
    std::pop_heap(found.begin(), found.end());
    found.pop_back();
  };
  scratch.see(start.row);
  look_at(start);
  bool in_budget = true;
  while (!frontier.empty() && in_budget) {
    const Near next = frontier.front();
    if (found.size() == limits.ef && found.front() < next) break;
    std::ranges::pop_heap(frontier, nearest_on_top);
    frontier.pop_back();
    collect_unseen(next.row, level, scratch);
    const auto& rows = scratch.unseen;
    for (std::size_t i = 0; i < std::min(kPrefetchAhead, rows.size()); ++i) prefetch(code(rows[i]), codes_.row_bytes());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (i + kPrefetchAhead < rows.size()) prefetch(code(rows[i + kPrefetchAhead]), codes_.row_bytes());
      const Near near = {.distance = query.distance(code(rows[i])), .row = rows[i]};
      if (see != nullptr) (*see)(near, next.row, level);
      look_at(near);
    }
    in_budget = scratch.visited.size() < limits.budget || found.size() == limits.ef;
    if (!frontier.empty()) prefetch(list(frontier.front().row, level), sizeof(Link) * (1 + capacity(level)));
  }
  scratch.forget();
  return in_budget;
}

HnswGraph::Walk HnswGraph::walk(std::span<const float> rotated, const Limits& limits, const Accept& accept,
                                const See& see) const {
  Entry top;
  if (!entry(top)) return {.nearest = {}, .complete = true};
  const Lease lease(*this);
  Scratch& scratch = *lease;
  scratch.query.set(rotated);
  const See* const seeing = see ? &see : nullptr;
  const Near start = descend(scratch.query, top, 0, seeing);
  const bool complete = beam(scratch.query, start, 0, limits, &accept, scratch, seeing);
  Walk walk = {.nearest = scratch.found, .complete = complete};
  std::sort(walk.nearest.begin(), walk.nearest.end());
  return walk;
}

void HnswGraph::choose(std::vector<Near>& candidates, std::size_t count, Scratch& scratch) const {
  std::sort(candidates.begin(), candidates.end());
  auto& kept = scratch.kept;
  kept.clear();
  for (const Near& candidate : candidates) {
    const std::uint8_t* const row = code(candidate.row);
    bool hidden = false;
    for (std::size_t i = 0; i < kept.size() && !hidden; ++i) {
      hidden = scratch.kept_queries[i].distance(row) < candidate.distance;
    }
    if (hidden) continue;
    scratch.kept_queries[kept.size()].set(row);
    kept.push_back(candidate);
    if (kept.size() == count) break;
  }
  candidates.assign(kept.begin(), kept.end());
}

void HnswGraph::add_link(Row from, const Near& to, unsigned level, Scratch& scratch) {
  const std::scoped_lock lock(list_mutexes_[from % list_mutexes_.size()]);
  Link* const links = list(from, level);
  const std::uint32_t count = links[0].load(std::memory_order_relaxed);
  if (count < capacity(level)) {
    links[1 + count].store(to.row, std::memory_order_release);
    links[0].store(count + 1, std::memory_order_release);
    return;
  }
  std::vector<Near> candidates = {to};
  scratch.other.set(code(from));
  for (std::uint32_t i = 1; i <= count; ++i) {
    const Row row = links[i].load(std::memory_order_relaxed);
    candidates.push_back({.distance = scratch.other.distance(code(row)), .row = row});
  }
  choose(candidates, capacity(level), scratch);
  for (std::size_t i = 0; i < candidates.size(); ++i) links[1 + i].store(candidates[i].row, std::memory_order_release);
  links[0].store(static_cast<std::uint32_t>(candidates.size()), std::memory_order_release);
}

bool HnswGraph::chain(Row row, std::span<const Near> found) {
  const auto equal = std::ranges::find_if(found, [&](const Near& near) {
    return near.row != row && std::memcmp(code(near.row), code(row), codes_.row_bytes()) == 0;
  });
  if (equal == found.end()) return false;
  Link& before = equal_after(equal->row);
  std::uint32_t after = before.load(std::memory_order_acquire);
  do {
    equal_after(row).store(after, std::memory_order_release);
  } while (!before.compare_exchange_weak(after, row + 1, std::memory_order_acq_rel));
  return true;
}

void HnswGraph::link(Row row, unsigned level, std::span<const Near> neighbors, Scratch& scratch) {
  {
    const std::scoped_lock lock(list_mutexes_[row % list_mutexes_.size()]);
    Link* const links = list(row, level);
    for (std::size_t i = 0; i < neighbors.size(); ++i) links[1 + i].store(neighbors[i].row, std::memory_order_release);
    links[0].store(static_cast<std::uint32_t>(neighbors.size()), std::memory_order_release);
  }
  for (const Near& neighbor : neighbors) {
    add_link(neighbor.row, {.distance = neighbor.distance, .row = row}, level, scratch);
  }
}

void HnswGraph::insert(Row row, std::span<const float> rotated) {
  encode_bytes(rotated, metric_, code(row));
  const unsigned level = levels_[row];
  const std::uint64_t packed = (std::uint64_t{level} << 32 | row) + 1;
  std::uint64_t empty = 0;
  if (entry_.compare_exchange_strong(empty, packed, std::memory_order_acq_rel)) return;

  const Lease lease(*this);
  Scratch& scratch = *lease;
  scratch.query.set(rotated);
  Entry top;
  (void)entry(top);
  Near start = descend(scratch.query, top, std::min(level, top.level));
  std::vector<std::vector<Near>> neighbors(std::min(level, top.level) + 1);
  for (unsigned layer = static_cast<unsigned>(neighbors.size()); layer-- > 0;) {
    beam(scratch.query, start, layer, {.ef = expansion_, .budget = SIZE_MAX}, nullptr, scratch);
    if (layer == 0 && chain(row, scratch.found)) return;
    neighbors[layer] = scratch.found;
    std::erase_if(neighbors[layer], [row](const Near& near) { return near.row == row; });
    choose(neighbors[layer], links_, scratch);
    if (!neighbors[layer].empty()) start = neighbors[layer].front();
  }
  // From the lowest up: a walk or another insert that comes by this row on one layer must find links below it, and
  // would otherwise be stuck at it, or have links to it overwritten.
  for (unsigned layer = 0; layer < neighbors.size(); ++layer) link(row, layer, neighbors[layer], scratch);
  if (level <= top.level) return;
  const std::scoped_lock lock(entry_mutex_);
  Entry now;
  if (!entry(now) || level > now.level) entry_.store(packed, std::memory_order_release);
}

std::uint64_t HnswGraph::memory_bytes(Row end) const noexcept {
  return std::uint64_t{end} * (codes_.row_bytes() + lowest_.row_bytes() + upper_of_.row_bytes() + levels_.row_bytes()) +
         std::uint64_t{upper_end_} * upper_.row_bytes();
}

std::vector<HnswGraph::LayerSize> HnswGraph::layers(Row end, const std::function<bool(Row)>& present) const {
  std::vector<LayerSize> layers;
  for (Row row = 0; row < end; ++row) {
    if (!present(row)) continue;
    layers.resize(std::max<std::size_t>(layers.size(), levels_[row] + 1U));
    for (unsigned level = 0; level <= levels_[row]; ++level) {
      ++layers[level].rows;
      layers[level].links += list(row, level)[0].load(std::memory_order_acquire);
    }
  }
  return layers;
}

std::vector<IndexAnatomy::Node> HnswGraph::nodes(unsigned lowest, Row end,
                                                 const std::function<bool(Row)>& present) const {
  std::vector<IndexAnatomy::Node> nodes;
  for (Row row = 0; row < end; ++row) {
    if (!present(row) || levels_[row] < lowest) continue;
    IndexAnatomy::Node& node = nodes.emplace_back();
    node.row = row;
    node.layer = levels_[row];
    for (unsigned level = lowest; level <= levels_[row]; ++level) {
      const Link* const links = list(row, level);
      const std::uint32_t count = links[0].load(std::memory_order_acquire);
      for (std::uint32_t i = 1; i <= count; ++i) {
        const Row to = links[i].load(std::memory_order_acquire);
        if (to < end && present(to)) node.links.push_back({.to = to, .layer = level});
      }
    }
  }
  return nodes;
}

std::vector<std::uint32_t> HnswGraph::links(Row end) const {
  Entry top;
  const bool any = entry(top);
  std::vector<std::uint32_t> words = {any ? top.row : 0U, any ? top.level : 0U};
  words.reserve(2 + std::size_t{end} * (3 + links_));
  for (Row row = 0; row < end; ++row) {
    words.push_back(levels_[row]);
    for (unsigned level = 0; level <= levels_[row]; ++level) {
      const Link* const links = list(row, level);
      const std::uint32_t count = links[0].load(std::memory_order_acquire);
      for (std::uint32_t i = 0; i <= count; ++i) words.push_back(links[i].load(std::memory_order_acquire));
    }
    words.push_back(equal_after(row).load(std::memory_order_acquire));
  }
  return words;
}

void HnswGraph::save(CheckedWriter& out, Row end, std::span<const std::uint32_t> links) const {
  for (Row row = 0; row < end; ++row) out.bytes(std::as_bytes(std::span(code(row), codes_.row_bytes())));
  out.bytes(std::as_bytes(links));
}

Result<bool> HnswGraph::load(CheckedReader& in, Row end, const std::function<bool(Row)>& present, ThreadPool* pool) {
  const std::size_t row_bytes = codes_.row_bytes();
  if (in.left() / row_bytes < end) return false;
  if (end > 0) {
    EIDETIC_CHECK(codes_.reserve(end - 1));
    EIDETIC_CHECK(lowest_.reserve(end - 1));
    EIDETIC_CHECK(upper_of_.reserve(end - 1));
    EIDETIC_CHECK(levels_.reserve(end - 1));
  }
  const auto bytes = in.bytes(end * row_bytes);
  const bool plausible = in_portions(end, kLoadedAtOnce, pool, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      std::uint8_t* const code = this->code(static_cast<Row>(i));
      std::memcpy(code, &bytes[i * row_bytes], row_bytes);
      const ByteTerms terms = byte_terms(code, padded_);
      const bool good = terms.scale >= 0 && terms.scale <= kLargestTerm && terms.square >= 0 &&
                        terms.square <= kLargestSquare && terms.code_sum >= -kLargestSum &&
                        terms.code_sum <= kLargestSum;
      if (!good) return false;
    }
    return true;
  });
  if (!plausible) return false;
  const auto entry_row = in.value<std::uint32_t>();
  const auto entry_level = in.value<std::uint32_t>();
  // Levels are known only once all rows are read, so links are judged by them afterwards.
  bool any = false;
  for (Row row = 0; row < end; ++row) {
    any = any || present(row);
    EIDETIC_TRY(const bool good, load_row(in, row, present));
    if (!good) return false;
  }
  const bool sound = in.complete() && in_portions(end, kLoadedAtOnce, pool, [&](std::size_t first, std::size_t last) {
                       return links_are_sound(static_cast<Row>(first), static_cast<Row>(last), end, present);
                     });
  if (!sound) return false;
  if (!any) return entry_row == 0 && entry_level == 0;
  if (entry_row >= end || !present(entry_row) || levels_[entry_row] < entry_level) return false;
  entry_.store((std::uint64_t{entry_level} << 32 | entry_row) + 1, std::memory_order_release);
  return true;
}

Result<bool> HnswGraph::load_row(CheckedReader& in, Row row, const std::function<bool(Row)>& present) {
  const auto level = in.value<std::uint32_t>();
  if (level > kMaxLevel || (level > 0 && !present(row))) return false;
  levels_[row] = static_cast<std::uint8_t>(level);
  upper_of_[row] = upper_end_;
  if (level > 0) EIDETIC_CHECK(upper_.reserve(upper_end_ + level - 1));
  upper_end_ += level;
  for (unsigned layer = 0; layer <= level; ++layer) {
    const auto count = in.value<std::uint32_t>();
    if (count > capacity(layer) || (count > 0 && !present(row))) return false;
    Link* const links = list(row, layer);
    links[0].store(count, std::memory_order_relaxed);
    for (std::uint32_t i = 1; i <= count; ++i) links[i].store(in.value<std::uint32_t>(), std::memory_order_relaxed);
  }
  equal_after(row).store(in.value<std::uint32_t>(), std::memory_order_relaxed);
  return true;
}

bool HnswGraph::links_are_sound(Row first, Row last, Row end, const std::function<bool(Row)>& present) const {
  for (Row row = first; row < last; ++row) {
    // A chain that bites its tail does no harm: walks pass by rows that they have seen.
    const std::uint32_t equal = equal_after(row).load(std::memory_order_relaxed);
    if (equal != 0 && (equal > end || equal - 1 == row || !present(row) || !present(equal - 1))) return false;
    for (unsigned layer = 0; layer <= levels_[row]; ++layer) {
      const Link* const links = list(row, layer);
      const std::uint32_t count = links[0].load(std::memory_order_relaxed);
      for (std::uint32_t i = 1; i <= count; ++i) {
        const Row to = links[i].load(std::memory_order_relaxed);
        if (to >= end || to == row || !present(to) || levels_[to] < layer) return false;
      }
    }
  }
  return true;
}

}  // namespace eidetic
