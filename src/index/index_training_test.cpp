// What indexes learn, and how well they find by it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "index/index_test.h"

namespace eidetic {
namespace {

using testing::HasSubstr;

class IndexRecall : public IndexTest {};
INSTANTIATE_TEST_SUITE_P(All, IndexRecall, testing::ValuesIn(every_kind()), kind_name);

TEST_P(IndexRecall, RecallsNearlyAll) {
  double total = 0;
  for (Row i = 0; i < Crowd::kQueries; ++i) {
    const auto query = crowd().query(i);
    total += recall(brute_force(*crowd().store, query, 10), rows_of(crowd().index->search(query, {.k = 10}).value()));
  }
  EXPECT_GE(total / Crowd::kQueries, expected_recall());
}

class EveryLearningIndex : public IndexTest {};
INSTANTIATE_TEST_SUITE_P(All, EveryLearningIndex, testing::ValuesIn(learning_kinds()), kind_name);

TEST_P(EveryLearningIndex, IsTrainedFirstAndOfEnough) {
  const auto store = crowd().store;
  const auto index = make_index(factory(), store).value();
  EXPECT_THAT(index->add(rows_from(0, 5)).error().message, HasSubstr("trained"));
  EXPECT_TRUE(index->search(store->vector(0), {}).value().empty());
  EXPECT_EQ(index->stats().training.rows, 0U);
  const std::uint64_t least = least_training_rows(factory()).value();
  const auto refused = index->train(rows_from(0, static_cast<Row>(least - 1)));
  EXPECT_THAT(refused.error().message, HasSubstr(fmt::format("at least {} vectors", least)));
  const auto enough = static_cast<Row>(std::max<std::uint64_t>(least, 300));
  ASSERT_TRUE(index->train(rows_from(0, enough)));
  EXPECT_EQ(index->stats().training.rows, enough);
  EXPECT_GT(index->stats().training.explained_variance, 0.3);
  EXPECT_LE(index->stats().training.explained_variance, 1);
}

TEST_P(EveryLearningIndex, EqualsBruteForceWhenEverythingIsLookedAt) {
  const SearchParams all = {.k = 20, .ef = crowd().rows, .nprobe = 16, .rescore = crowd().rows};
  for (Row i = 0; i < 25; ++i) {
    const auto query = crowd().query(i);
    const auto found = crowd().index->search(query, all).value();
    ASSERT_EQ(rows_of(found), brute_force(*crowd().store, query, 20)) << i;
    ASSERT_NEAR(found[0].similarity, similarity(metric(), query, crowd().store->vector(found[0].row)), 1e-6);
  }
}

TEST(Ivf, FindsMoreTheMoreCellsAreVisited) {
  const auto data = clustered_vectors(5000, 32, 100, 3);
  const auto store = store_of(data, 32, Metric::cosine);
  const auto flat = index_of("Flat", store);
  for (const std::string_view factory : {"IVF50,Flat", "IVF50,PQ8"}) {
    const auto index = index_of(factory, store);
    double before = 0;
    for (const std::uint32_t nprobe : {1U, 4U, 16U}) {
      double total = 0;
      for (std::size_t i = 0; i < 100; ++i) {
        total += recall(rows_of(flat->search(data[i], {.k = 10}).value()),
                        rows_of(index->search(data[i], {.k = 10, .nprobe = nprobe}).value()));
      }
      EXPECT_GT(total, before) << factory << ", " << nprobe << " cells";
      before = total;
    }
  }
  const auto index = index_of("IVF50,Flat", store);
  for (std::size_t i = 0; i < 100; ++i) {
    const auto expected = flat->search(data[i], {.k = 10}).value();
    const auto found = index->search(data[i], {.k = 10, .nprobe = 50}).value();
    ASSERT_EQ(rows_of(found), rows_of(expected));
    for (std::size_t j = 0; j < found.size(); ++j) ASSERT_EQ(found[j].similarity, expected[j].similarity);
  }
}

TEST(Pq, IsLearntFromFewMoreVectorsThanCodeWordsAndFromNoFewer) {
  const auto store = store_of(clustered_vectors(300, 16, 10, 3), 16, Metric::euclidean);
  const auto index = make_index("PQ4", store, {}).value();
  const auto refused = index->train(rows_from(0, 100));
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(refused.error().message, HasSubstr("index 'PQ4' is learnt from at least 256 vectors, and there are 100"));
  EXPECT_THAT(index->add(rows_from(0, 100)).error().message, HasSubstr("trained"));
  ASSERT_TRUE(index->train(rows_from(0, 300)));
  ASSERT_TRUE(index->add(rows_from(0, 300)));
  for (Row row = 0; row < 300; ++row) EXPECT_EQ(index->search(store->vector(row), {.k = 1}).value()[0].row, row);
}

TEST(Pca, KeepsTheDirectionsThatMatterAndSaysHowMuch) {
  // Four directions carry nearly all.
  TestVectors data = random_vectors(2000, 24, 5);
  for (std::size_t i = 0; i < data.size(); ++i) {
    for (std::size_t j = 4; j < 24; ++j) data[i][j] *= .01F;
  }
  const auto store = store_of(data, 24, Metric::euclidean);
  const auto index = index_of("PCA4,Flat", store);
  EXPECT_GT(index->stats().training.explained_variance, .999);
  double total = 0;
  for (std::size_t i = 0; i < 100; ++i) {
    total += recall(brute_force(*store, data[i], 10), rows_of(index->search(data[i], {.k = 10}).value()));
  }
  EXPECT_DOUBLE_EQ(total, 100);
  EXPECT_LT(index_of("PCA2,Flat", store)->stats().training.explained_variance, .7);
}

TEST(Opq, IsNoWorseThanPlainCodes) {
  // Variance falls from component to component, which is what segments of equal width are bad at.
  TestVectors data = clustered_vectors(4000, 32, 100, 5);
  for (std::size_t i = 0; i < data.size(); ++i) {
    for (std::size_t j = 0; j < 32; ++j) data[i][j] *= std::exp(-static_cast<float>(j) / 8);
  }
  const auto store = store_of(data, 32, Metric::euclidean);
  const auto recall_of = [&](std::string_view factory) {
    const auto index = index_of(factory, store);
    double total = 0;
    for (std::size_t i = 0; i < 200; ++i) {
      total +=
          recall(brute_force(*store, data[i], 10), rows_of(index->search(data[i], {.k = 10, .rescore = 10}).value()));
    }
    return total / 200;
  };
  EXPECT_GT(recall_of("OPQ4,PQ4"), recall_of("PQ4") + .02);
}

}  // namespace
}  // namespace eidetic
