#include "learn/ranking.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace eidetic {
namespace {

// The definitions, word by word.
RankingQuality by_hand(const std::vector<Vector>& vectors, const std::vector<std::uint32_t>& labels, Metric metric,
                       std::uint32_t recall_k) {
  const auto score = [&](const Vector& q, const Vector& x) {
    double dot = 0, qq = 0, xx = 0, square = 0;
    for (std::size_t d = 0; d < q.size(); ++d) {
      const double a = q[d], b = x[d];
      dot += a * b;
      qq += a * a;
      xx += b * b;
      square += (a - b) * (a - b);
    }
    if (metric == Metric::dot) return dot;
    return metric == Metric::cosine ? dot / std::sqrt(qq * xx) : -square;
  };
  RankingQuality found;
  found.recall = {0};
  RetrievalMeasures& mean = found.mean;
  for (std::size_t q = 0; q < vectors.size(); ++q) {
    std::vector<std::size_t> others;
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      if (i != q) others.push_back(i);
    }
    std::ranges::sort(others, {}, [&](std::size_t i) { return std::pair(-score(vectors[q], vectors[i]), i); });
    double relevant = 0, precision = 0, in_10 = 0, in_k = 0, in_r = 0, precision_r = 0, first = 0;
    const auto r = static_cast<std::size_t>(std::ranges::count(labels, labels[q]) - 1);
    for (std::size_t rank = 1; rank <= others.size(); ++rank) {
      if (labels[others[rank - 1]] != labels[q]) continue;
      precision += ++relevant / static_cast<double>(rank);
      if (rank <= 10) ++in_10;
      if (rank <= recall_k) ++in_k;
      if (relevant == 1) first = 1 / static_cast<double>(rank);
      if (rank <= r) {
        ++in_r;
        precision_r += relevant / static_cast<double>(rank);
      }
    }
    found.nearest.push_back({.item = static_cast<std::uint32_t>(others[0])});
    if (relevant == 0) continue;
    ++found.queries;
    mean.p_at_1 += labels[others[0]] == labels[q] ? 1 : 0;
    mean.p_at_10 += in_10 / 10;
    mean.map += precision / relevant;
    mean.r_precision += in_r / relevant;
    mean.map_at_r += precision_r / relevant;
    mean.mrr += first;
    found.recall[0] += in_k / relevant;
  }
  const auto count = static_cast<double>(found.queries);
  for (const auto& [name, measure] : kRetrievalMeasures) mean.*measure /= count;
  found.recall[0] /= count;
  return found;
}

TEST(Ranking, AgreesWithTheDefinitions) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  constexpr std::uint32_t kDimensions = 13;  // no multiple of a SIMD width
  std::vector<Vector> vectors(301, Vector(kDimensions));
  std::vector<std::uint32_t> labels;
  for (std::uint32_t i = 0; i < vectors.size(); ++i) {
    labels.push_back(i == 300 ? 9 : i % 9);  // class 9 has one item alone
    for (float& value : vectors[i]) value = normal(random);
    vectors[i][labels[i]] += 1.5F;
  }
  ThreadPool pool(3);
  for (const Metric metric : {Metric::cosine, Metric::dot, Metric::euclidean}) {
    LabelledVectors all(kDimensions, metric);
    for (std::size_t i = 0; i < vectors.size(); ++i) all.add(vectors[i], labels[i]);
    const std::vector<std::uint32_t> recall_k = {20};
    const auto quality = rank_all(all, recall_k, pool);
    const auto expected = by_hand(vectors, labels, metric, 20);
    EXPECT_EQ(quality.queries, 300U);
    EXPECT_EQ(quality.queries, expected.queries);
    for (const auto& [name, measure] : kRetrievalMeasures) {
      EXPECT_NEAR(quality.mean.*measure, expected.mean.*measure, 1e-6) << name;
      double mean = 0;
      for (const auto& one : quality.by_class) mean += one.mean.*measure * static_cast<double>(one.queries);
      EXPECT_NEAR(mean / 300, expected.mean.*measure, 1e-6) << name << " of the classes";
      EXPECT_GT(quality.margin.*measure, 0) << name;
    }
    ASSERT_EQ(quality.nearest.size(), 301U);
    for (std::size_t i = 0; i < 301; ++i) EXPECT_EQ(quality.nearest[i].item, expected.nearest[i].item) << i;
    EXPECT_EQ(quality.by_class.size(), 9U);  // not the one of a single item
    EXPECT_NEAR(quality.recall[0], expected.recall[0], 1e-9);
  }
}

TEST(Ranking, HandComputed) {
  // On a line under Euclidean distance: A0 B1 A3 A7.
  LabelledVectors all(1, Metric::euclidean);
  const std::vector<float> places = {0, 1, 3, 7};
  const std::vector<std::uint32_t> labels = {0, 1, 0, 0};
  for (std::size_t i = 0; i < places.size(); ++i) all.add(std::span(&places[i], 1), labels[i]);
  ThreadPool pool(1);
  const auto quality = rank_all(all, std::vector<std::uint32_t>{1, 3}, pool);
  // Rankings: 0: B A3 A7; 3: B A0 A7; 7: A3 B A0. B is alone in its class.
  EXPECT_EQ(quality.queries, 3U);
  EXPECT_NEAR(quality.mean.p_at_1, 1.0 / 3, 1e-12);
  EXPECT_NEAR(quality.mean.p_at_10, 0.2, 1e-12);
  const double late = (1.0 / 2 + 2.0 / 3) / 2;
  const double early = (1.0 + 2.0 / 3) / 2;
  EXPECT_NEAR(quality.mean.map, (2 * late + early) / 3, 1e-12);
  // R is 2: A3 second; A0 second; A3 first.
  EXPECT_NEAR(quality.mean.r_precision, 0.5, 1e-12);
  EXPECT_NEAR(quality.mean.map_at_r, (0.25 + 0.25 + 0.5) / 3, 1e-12);
  EXPECT_NEAR(quality.mean.mrr, (0.5 + 0.5 + 1) / 3, 1e-12);
  // 1.96 standard errors of 0, 0, 1.
  EXPECT_NEAR(quality.margin.p_at_1, 1.96 * std::sqrt((2.0 / 9 + 4.0 / 9) / 2 / 3), 1e-12);
  EXPECT_NEAR(quality.recall[0], 0.5 / 3, 1e-12);
  EXPECT_NEAR(quality.recall[1], 1, 1e-12);
}

TEST(Ranking, EqualScoresRankByPosition) {
  LabelledVectors all(1, Metric::dot);
  const float one = 1;
  for (const std::uint32_t label : {0U, 1U, 0U}) all.add(std::span(&one, 1), label);
  ThreadPool pool(1);
  // The first sees B before A; the last sees A before B.
  EXPECT_NEAR(rank_all(all, {}, pool).mean.map, (0.5 + 1) / 2, 1e-12);
}

}  // namespace
}  // namespace eidetic
