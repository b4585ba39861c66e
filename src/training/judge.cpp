#include "training/judge.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/split_mix.h"
#include "index/principal_plane.h"
#include "index/umap.h"
#include "learn/ranking.h"
#include "train/perceptron.h"

namespace eidetic {
namespace {

constexpr std::size_t kMostWorst = 20;
constexpr std::size_t kMostConfusions = 20;
constexpr std::size_t kMostPlaces = 1000;  // of a map: UMAP takes a second for them
constexpr std::size_t kNeighbors = 15;     // of a point of the map

void tell_worst(RankingQuality quality, const Features& features, TrainReport& report) {
  std::ranges::sort(quality.by_class, {}, [](const auto& one) { return std::pair(one.mean.map_at_r, one.label); });
  if (quality.by_class.size() > kMostWorst) quality.by_class.resize(kMostWorst);
  for (const auto& [label, queries, mean] : quality.by_class) {
    report.worst.push_back({.name = features.class_names[label], .queries = queries, .mean = mean});
  }
}

void tell_confusions(const RankingQuality& quality, const Features& features, std::span<const std::uint32_t> held_out,
                     TrainReport& report) {
  struct Confusion {
    std::uint64_t count = 0;
    std::size_t item = 0;
    RankingQuality::Neighbor nearest = {};
  };
  std::map<std::pair<std::uint32_t, std::uint32_t>, Confusion> all;
  for (std::size_t i = 0; i < quality.nearest.size(); ++i) {
    const auto& nearest = quality.nearest[i];
    const auto label = features.classes[held_out[i]];
    const auto other = features.classes[held_out[nearest.item]];
    if (label == other) continue;
    Confusion& one = all[{label, other}];
    if (one.count++ == 0 || nearest.score > one.nearest.score) {
      one.item = i;
      one.nearest = nearest;
    }
  }
  for (const auto& [labels, one] : all) {
    report.confusions.push_back({.label = features.class_names[labels.first],
                                 .taken_for = features.class_names[labels.second],
                                 .count = one.count,
                                 .id = features.ids[held_out[one.item]],
                                 .nearest = features.ids[held_out[one.nearest.item]],
                                 .similarity = static_cast<double>(one.nearest.score)});
  }
  std::ranges::sort(report.confusions, [](const TrainConfusion& a, const TrainConfusion& b) {
    return std::tie(b.count, b.similarity, a.label, a.taken_for) <
           std::tie(a.count, a.similarity, b.label, b.taken_for);
  });
  if (report.confusions.size() > kMostConfusions) report.confusions.resize(kMostConfusions);
}

std::vector<PlanePoint> places_of(const LabelledVectors& vectors, std::uint64_t seed) {
  const std::size_t size = vectors.size();
  std::vector<PlanePoint> places(size);
  if (const auto plane = PrincipalPlane::of(vectors.rows())) places = plane->places(vectors.rows());
  const std::size_t count = std::min(kNeighbors, size - 1);
  std::vector<PlaneNeighbor> neighbors;
  std::vector<float> scores(size);
  std::vector<std::uint32_t> order(size);
  for (std::size_t point = 0; point < size; ++point) {
    vectors.score(point, 1, scores);
    std::iota(order.begin(), order.end(), 0U);
    scores[point] = -2;  // below all cosines
    std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(count), {},
                              [&](std::uint32_t other) { return std::pair(-scores[other], other); });
    for (std::size_t i = 0; i < count; ++i) {
      neighbors.push_back({.point = order[i], .distance = std::max(0.0F, 1 - scores[order[i]])});
    }
  }
  return umap(neighbors, count, std::move(places), {.seed = seed});
}

// The items of a map, by class.
std::vector<std::uint32_t> chosen(const Features& features, std::span<const std::uint32_t> held_out,
                                  std::uint64_t seed) {
  std::vector<std::uint32_t> items(held_out.begin(), held_out.end());
  if (items.size() > kMostPlaces) {
    const auto chance = [&](std::uint32_t item) { return split_mix(seed ^ split_mix(item)); };
    std::ranges::nth_element(items, items.begin() + kMostPlaces, {}, chance);
    items.resize(kMostPlaces);
  }
  std::ranges::sort(items, {}, [&](std::uint32_t item) { return std::pair(features.classes[item], item); });
  return items;
}

LabelledVectors trunk_vectors(const Features& features, std::span<const std::uint32_t> items, std::size_t views) {
  LabelledVectors vectors(static_cast<std::uint32_t>(features.rows.columns()), Metric::cosine);
  for (const std::uint32_t item : items) vectors.add(features.rows[item * views], features.classes[item]);
  return vectors;
}

LabelledVectors head_vectors(const Features& features, std::span<const std::uint32_t> items, std::size_t views,
                             const TrainedHead& head, Perceptron& network) {
  LabelledVectors vectors(static_cast<std::uint32_t>(head.shape.outputs()), Metric::cosine);
  for (const std::uint32_t item : items) {
    const MatrixView row{features.rows[item * views], features.rows.columns()};
    vectors.add(network.forward(head.parameters, row)[0], features.classes[item]);
  }
  return vectors;
}

}  // namespace

void judge_trunk(const Features& features, std::span<const std::uint32_t> held_out, std::size_t views, ThreadPool& pool,
                 TrainReport& report) {
  const auto quality = rank_all(trunk_vectors(features, held_out, views), {}, pool);
  report.before = quality.mean;
  report.before_margin = quality.margin;
}

void judge_head(const Features& features, std::span<const std::uint32_t> held_out, std::size_t views,
                const TrainedHead& head, std::uint64_t seed, ThreadPool& pool, TrainReport& report) {
  Perceptron network(head.shape, &pool);
  auto quality = rank_all(head_vectors(features, held_out, views, head, network), {}, pool);
  report.after = quality.mean;
  report.after_margin = quality.margin;
  tell_confusions(quality, features, held_out, report);
  tell_worst(std::move(quality), features, report);

  const auto items = chosen(features, held_out, seed);
  const std::array vectors = {trunk_vectors(features, items, views),
                              head_vectors(features, items, views, head, network)};
  std::array<std::vector<PlanePoint>, 2> places;
  pool.parallel_for(2, [&](std::size_t which) { places[which] = places_of(vectors[which], seed); });
  for (std::size_t i = 0; i < items.size(); ++i) {
    report.map.push_back(
        {.label = features.class_names[features.classes[items[i]]], .before = places[0][i], .after = places[1][i]});
  }
}

}  // namespace eidetic
