#include "engine/ranking.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>
#include <utility>

#include "base/multiversion.h"

namespace eidetic {
namespace {

constexpr std::size_t kLanes = 8;
constexpr std::size_t kGroup = 4;   // queries scored against one item at once
constexpr std::size_t kBlock = 32;  // queries of one job: an item tile is read from memory once for all of them
constexpr std::size_t kTile = 64;   // items that stay in the near cache meanwhile

using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));

// Dot products of kGroup queries with items `begin` to `end`.
EIDETIC_MULTIVERSION void dot_tile(const std::array<const float*, kGroup>& queries, const float* items,
                                   std::size_t stride, std::size_t begin, std::size_t end,
                                   const std::array<float*, kGroup>& out) {
  for (std::size_t item = begin; item < end; ++item) {
    std::array<Lanes, kGroup> sums{};
    for (std::size_t d = 0; d < stride; d += kLanes) {
      Lanes value;
      std::memcpy(&value, items + item * stride + d, sizeof(value));
      for (std::size_t q = 0; q < kGroup; ++q) {
        Lanes query;
        std::memcpy(&query, queries[q] + d, sizeof(query));
        sums[q] += query * value;
      }
    }
    for (std::size_t q = 0; q < kGroup; ++q) {
      float sum = 0;
      for (std::size_t lane = 0; lane < kLanes; ++lane) sum += sums[q][lane];
      out[q][item] = sum;
    }
  }
}

// Ranks, from 1, of the items of `query`'s class among all others.
std::vector<std::uint64_t> ranks_of_class(std::span<const float> scores, std::span<const std::uint32_t> labels,
                                          std::size_t query, std::span<const std::uint32_t> members) {
  using Place =
      std::pair<float, std::uint32_t>;  // score negated, so that sorting puts the best first, ties by position
  std::vector<Place> same;
  for (const auto member : members) {
    if (member != query) same.emplace_back(-scores[member], member);
  }
  std::ranges::sort(same);
  // before[m]: items of other classes that come before same[m] and after same[m - 1]
  std::vector<std::uint64_t> before(same.size() + 1);
  for (std::uint32_t item = 0; item < scores.size(); ++item) {
    if (labels[item] == labels[query]) continue;
    const Place place{-scores[item], item};
    if (place > same.back()) continue;
    ++before[static_cast<std::size_t>(std::ranges::lower_bound(same, place) - same.begin())];
  }
  std::vector<std::uint64_t> ranks(same.size());
  std::uint64_t others = 0;
  for (std::size_t m = 0; m < same.size(); ++m) {
    others += before[m];
    ranks[m] = m + 1 + others;
  }
  return ranks;
}

std::uint64_t within(std::span<const std::uint64_t> ranks, std::uint64_t k) {
  return static_cast<std::uint64_t>(std::ranges::upper_bound(ranks, k) - ranks.begin());
}

void add_query(RankingQuality& sums, std::span<const std::uint64_t> ranks, std::span<const std::uint32_t> recall_k) {
  const auto relevant = static_cast<double>(ranks.size());
  double precision = 0;
  for (std::size_t m = 0; m < ranks.size(); ++m)
    precision += static_cast<double>(m + 1) / static_cast<double>(ranks[m]);
  ++sums.queries;
  sums.p_at_1 += static_cast<double>(within(ranks, 1));
  sums.p_at_10 += static_cast<double>(within(ranks, 10)) / 10;
  sums.map += precision / relevant;
  for (std::size_t i = 0; i < recall_k.size(); ++i) {
    sums.recall[i] += static_cast<double>(within(ranks, recall_k[i])) / relevant;
  }
}

void add_sums(RankingQuality& sums, const RankingQuality& more) {
  sums.queries += more.queries;
  sums.p_at_1 += more.p_at_1;
  sums.p_at_10 += more.p_at_10;
  sums.map += more.map;
  for (std::size_t i = 0; i < sums.recall.size(); ++i) sums.recall[i] += more.recall[i];
}

void divide(RankingQuality& sums) {
  if (sums.queries == 0) return;
  const auto count = static_cast<double>(sums.queries);
  for (double* sum : {&sums.p_at_1, &sums.p_at_10, &sums.map}) *sum /= count;
  for (double& sum : sums.recall) sum /= count;
}

}  // namespace

LabelledVectors::LabelledVectors(std::uint32_t dimensions, Metric metric)
    : dimensions_(dimensions), metric_(metric), stride_((dimensions + kLanes - 1) / kLanes * kLanes) {}

void LabelledVectors::add(std::span<const float> vector, std::uint32_t label) {
  const double square = std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0);
  const auto scale = metric_ == Metric::cosine && square > 0 ? static_cast<float>(1 / std::sqrt(square)) : 1.0F;
  values_.resize(values_.size() + stride_);
  std::ranges::transform(vector.first(dimensions_), values_.end() - static_cast<std::ptrdiff_t>(stride_),
                         [&](float value) { return value * scale; });
  // |q - x| rises as q.x - |x|^2 / 2 falls.
  offsets_.push_back(metric_ == Metric::euclidean ? static_cast<float>(-square / 2) : 0.0F);
  labels_.push_back(label);
}

void LabelledVectors::score(std::size_t first, std::size_t count, std::span<float> scores) const {
  for (std::size_t tile = 0; tile < size(); tile += kTile) {
    const std::size_t end = std::min(tile + kTile, size());
    for (std::size_t group = 0; group < count; group += kGroup) {
      std::array<const float*, kGroup> queries{};
      std::array<float*, kGroup> out{};
      for (std::size_t i = 0; i < kGroup; ++i) {
        const std::size_t q = std::min(group + i, count - 1);  // the last group fills up with its last query
        queries[i] = values_.data() + (first + q) * stride_;
        out[i] = scores.data() + q * size();
      }
      dot_tile(queries, values_.data(), stride_, tile, end, out);
    }
  }
  for (std::size_t q = 0; q < count; ++q) {
    const auto row = scores.subspan(q * size(), size());
    std::ranges::transform(row, offsets_, row.begin(), std::plus<>());
  }
}

RankingQuality rank_all(const LabelledVectors& vectors, std::span<const std::uint32_t> recall_k, ThreadPool& pool) {
  const auto labels = vectors.labels();
  const std::uint32_t classes = labels.empty() ? 0 : std::ranges::max(labels) + 1;
  std::vector<std::vector<std::uint32_t>> members(classes);
  for (std::uint32_t i = 0; i < labels.size(); ++i) members[labels[i]].push_back(i);

  const std::size_t blocks = (vectors.size() + kBlock - 1) / kBlock;
  std::vector<RankingQuality> sums(blocks);  // added up in order: the same digits on any number of threads
  pool.parallel_for(blocks, [&](std::size_t block) {
    const std::size_t first = block * kBlock;
    const std::size_t count = std::min(kBlock, vectors.size() - first);
    std::vector<float> scores(count * vectors.size());
    vectors.score(first, count, scores);
    sums[block].recall.resize(recall_k.size());
    for (std::size_t q = 0; q < count; ++q) {
      const auto& same = members[labels[first + q]];
      if (same.size() < 2) continue;
      const auto row = std::span(scores).subspan(q * vectors.size(), vectors.size());
      add_query(sums[block], ranks_of_class(row, labels, first + q, same), recall_k);
    }
  });
  RankingQuality total;
  total.recall.resize(recall_k.size());
  for (const auto& part : sums) add_sums(total, part);
  divide(total);
  return total;
}

}  // namespace eidetic
