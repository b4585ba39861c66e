#include "learn/ranking.h"

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

RetrievalMeasures measures_of(std::span<const std::uint64_t> ranks) {
  const auto relevant = static_cast<double>(ranks.size());
  RetrievalMeasures of = {.p_at_1 = static_cast<double>(within(ranks, 1)),
                          .p_at_10 = static_cast<double>(within(ranks, 10)) / 10,
                          .r_precision = static_cast<double>(within(ranks, ranks.size())) / relevant,
                          .mrr = 1 / static_cast<double>(ranks.front())};
  for (std::size_t m = 0; m < ranks.size(); ++m) {
    const double precision = static_cast<double>(m + 1) / static_cast<double>(ranks[m]);
    of.map += precision / relevant;
    if (ranks[m] <= ranks.size()) of.map_at_r += precision / relevant;
  }
  return of;
}

RankingQuality::Neighbor nearest_but(std::size_t query, std::span<const float> scores) {
  RankingQuality::Neighbor nearest{.item = query == 0 ? 1U : 0U, .score = scores[query == 0 ? 1 : 0]};
  for (std::uint32_t item = nearest.item + 1; item < scores.size(); ++item) {
    if (item != query && scores[item] > nearest.score) nearest = {.item = item, .score = scores[item]};
  }
  return nearest;
}

struct OfQuery {
  std::uint32_t label = 0;
  RetrievalMeasures measures;
};

// Means, and 1.96 standard errors.
void summarize(std::span<const OfQuery> queries, RankingQuality& quality) {
  const auto count = static_cast<double>(queries.size());
  for (const auto& [name, measure] : kRetrievalMeasures) {
    double sum = 0;
    for (const OfQuery& one : queries) sum += one.measures.*measure;
    const double mean = sum / count;
    double squares = 0;
    for (const OfQuery& one : queries) squares += std::pow(one.measures.*measure - mean, 2);
    quality.mean.*measure = mean;
    quality.margin.*measure = queries.size() < 2 ? 0 : 1.96 * std::sqrt(squares / (count - 1) / count);
  }
}

std::vector<RankingQuality::Class> by_class(std::span<const OfQuery> queries, std::size_t classes) {
  std::vector<RankingQuality::Class> all(classes);
  for (const auto& [label, measures] : queries) {
    ++all[label].queries;
    for (const auto& [name, measure] : kRetrievalMeasures) all[label].mean.*measure += measures.*measure;
  }
  for (std::uint32_t label = 0; label < classes; ++label) {
    all[label].label = label;
    for (const auto& [name, measure] : kRetrievalMeasures) {
      all[label].mean.*measure /= static_cast<double>(std::max<std::uint64_t>(1, all[label].queries));
    }
  }
  std::erase_if(all, [](const auto& one) { return one.queries == 0; });
  return all;
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

  struct Block {
    std::vector<OfQuery> queries;
    std::vector<double> recall;  // sums
  };
  RankingQuality total;
  total.recall.resize(recall_k.size());
  if (vectors.size() > 1) total.nearest.resize(vectors.size());
  const std::size_t blocks = (vectors.size() + kBlock - 1) / kBlock;
  std::vector<Block> parts(blocks);  // added up in order: the same digits on any number of threads
  pool.parallel_for(blocks, [&](std::size_t block) {
    const std::size_t first = block * kBlock;
    const std::size_t count = std::min(kBlock, vectors.size() - first);
    std::vector<float> scores(count * vectors.size());
    vectors.score(first, count, scores);
    auto& [queries, recall] = parts[block];
    recall.resize(recall_k.size());
    for (std::size_t q = 0; q < count; ++q) {
      const auto row = std::span(scores).subspan(q * vectors.size(), vectors.size());
      if (vectors.size() > 1) total.nearest[first + q] = nearest_but(first + q, row);
      const auto& same = members[labels[first + q]];
      if (same.size() < 2) continue;
      const auto ranks = ranks_of_class(row, labels, first + q, same);
      queries.push_back({labels[first + q], measures_of(ranks)});
      for (std::size_t i = 0; i < recall.size(); ++i) {
        recall[i] += static_cast<double>(within(ranks, recall_k[i])) / static_cast<double>(ranks.size());
      }
    }
  });
  std::vector<OfQuery> queries;
  for (const auto& [some, recall] : parts) {
    queries.insert(queries.end(), some.begin(), some.end());
    for (std::size_t i = 0; i < recall.size(); ++i) total.recall[i] += recall[i];
  }
  total.queries = queries.size();
  if (queries.empty()) return total;
  for (double& sum : total.recall) sum /= static_cast<double>(queries.size());
  summarize(queries, total);
  total.by_class = by_class(queries, classes);
  return total;
}

}  // namespace eidetic
