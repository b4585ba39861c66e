#include <gtest/gtest.h>

#include "base/threads.h"
#include "index/index_test.h"

namespace eidetic {
namespace {

TEST(Flat, EqualsBruteForceForAllMetricsAndDimensions) {
  for (const std::uint32_t dimensions : {1U, 3U, 17U, 65U, 256U, 512U, 2048U}) {
    const TestVectors data = clustered_vectors(dimensions > 100 ? 500 : 2000, dimensions, 20, dimensions);
    const TestVectors queries = clustered_vectors(20, dimensions, 20, dimensions);
    for (const Metric metric : {Metric::cosine, Metric::dot, Metric::euclidean}) {
      const auto store = store_of(data, dimensions, metric);
      const auto index = index_of("Flat", store);
      for (std::size_t i = 0; i < queries.size(); ++i) {
        const auto expected_rows = brute_force(*store, queries[i], 100);
        for (const std::uint32_t k : {1U, 10U, 100U}) {
          const auto found = index->search(queries[i], {.k = k}).value();
          if (dimensions == 1 && metric == Metric::cosine) continue;  // all similarities are 1 or -1
          ASSERT_EQ(rows_of(found), first_of(expected_rows, k)) << to_string(metric) << ' ' << dimensions;
          for (const Neighbor& hit : found) {
            const double expected = similarity(metric, queries[i], store->vector(hit.row));
            ASSERT_NEAR(hit.similarity, expected, 1e-6 * std::max(1.0, std::abs(expected)));
          }
        }
      }
    }
  }
}

TEST(Flat, StaysExactWhereVectorsAreLopsidedHugeTinyOrZero) {
  for (const Metric metric : {Metric::dot, Metric::euclidean}) {
    TestVectors data = random_vectors(1000, 40, 3);
    for (std::size_t i = 0; i < data.size(); ++i) {
      const float size = std::pow(10.F, static_cast<float>(i % 29) - 15);
      for (float& value : data[i]) value *= size;
      if (i % 10 == 0) std::ranges::fill(data[i], 0.F);
      if (i % 10 == 1) std::ranges::fill(data[i].subspan(1), 0.F);
    }
    const auto store = store_of(data, 40, metric);
    const auto index = index_of("Flat", store);
    for (std::size_t i = 0; i < data.size(); i += 7) {
      const auto found = index->search(data[i], {.k = 20}).value();
      const auto expected = brute_force(*store, data[i], 20);
      for (std::size_t j = 0; j < 20; ++j) {  // scores, as rows whose scores differ by rounding may change places
        const double wanted = similarity(metric, data[i], store->vector(expected[j]));
        ASSERT_NEAR(found[j].similarity, wanted, 1e-9 * std::abs(found[0].similarity)) << i << ' ' << j;
      }
    }
  }
}

TEST(Flat, IsExactOnSeveralThreads) {
  const auto store = store_of(clustered_vectors(300'000, 4, 20, 1), 4, Metric::euclidean);
  ThreadPool pool(3);
  const auto index = make_index("Flat", store, {.pool = &pool}).value();
  ASSERT_TRUE(index->add(rows_from(0, store->rows())));
  const auto queries = clustered_vectors(5, 4, 20, 1);
  for (std::size_t i = 0; i < queries.size(); ++i) {
    EXPECT_EQ(rows_of(index->search(queries[i], {.k = 25}).value()), brute_force(*store, queries[i], 25));
  }
}

}  // namespace
}  // namespace eidetic
