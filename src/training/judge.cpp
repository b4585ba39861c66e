#include "training/judge.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/split_mix.h"
#include "base/threads.h"
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

// Places of the items of a map, in the order of the features.
std::vector<std::uint32_t> chosen(const Features& features, std::span<const std::uint32_t> held_out,
                                  std::uint64_t seed) {
  std::vector<std::uint32_t> items(held_out.size());
  std::iota(items.begin(), items.end(), 0U);
  if (items.size() <= kMostPlaces) return items;
  const auto chance = [&](std::uint32_t i) { return split_mix(seed ^ split_mix(held_out[i])); };
  std::ranges::nth_element(items, items.begin() + kMostPlaces, {}, chance);
  items.resize(kMostPlaces);
  std::ranges::sort(items, {}, [&](std::uint32_t i) { return std::pair(features.classes[held_out[i]], i); });
  return items;
}

// Of some of the items held out, by the trunk alone or, where there is one, with the head.
LabelledVectors vectors_of(const Features& features, std::span<const std::uint32_t> held_out, std::size_t views,
                           std::span<const std::uint32_t> items, const TrainedHead* head, ThreadPool& pool) {
  const std::size_t width = features.rows.columns();
  std::optional<Perceptron> network;
  if (head != nullptr) network.emplace(head->shape, &pool);
  LabelledVectors vectors(static_cast<std::uint32_t>(head != nullptr ? head->shape.outputs() : width), Metric::cosine);
  for (const std::uint32_t i : items) {
    const auto row = features.rows[held_out[i] * views];
    vectors.add(network ? network->forward(head->parameters, {row, width})[0] : row, features.classes[held_out[i]]);
  }
  return vectors;
}

std::vector<std::uint32_t> all_of(std::span<const std::uint32_t> held_out) {
  std::vector<std::uint32_t> all(held_out.size());
  std::iota(all.begin(), all.end(), 0U);
  return all;
}

}  // namespace

void judge_trunk(const Features& features, std::span<const std::uint32_t> held_out, std::size_t views,
                 TrainReport& report) {
  ThreadPool pool(0);
  const auto before = rank_all(vectors_of(features, held_out, views, all_of(held_out), nullptr, pool), {}, pool);
  report.before = before.mean;
  report.before_margin = before.margin;
}

void judge_head(const Features& features, std::span<const std::uint32_t> held_out, std::size_t views,
                const TrainedHead& head, std::uint64_t seed, TrainReport& report) {
  ThreadPool pool(0);
  auto after = rank_all(vectors_of(features, held_out, views, all_of(held_out), &head, pool), {}, pool);
  report.after = after.mean;
  report.after_margin = after.margin;
  tell_confusions(after, features, held_out, report);
  tell_worst(std::move(after), features, report);

  const auto items = chosen(features, held_out, seed);
  std::array<std::vector<PlanePoint>, 2> places;
  const std::array vectors = {vectors_of(features, held_out, views, items, nullptr, pool),
                              vectors_of(features, held_out, views, items, &head, pool)};
  pool.parallel_for(2, [&](std::size_t which) { places[which] = places_of(vectors[which], seed); });
  for (std::size_t i = 0; i < items.size(); ++i) {
    report.map.push_back({.label = features.class_names[features.classes[held_out[items[i]]]],
                          .before = places[0][i],
                          .after = places[1][i]});
  }
}

}  // namespace eidetic
