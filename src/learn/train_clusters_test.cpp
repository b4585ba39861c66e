#include "learn/train_clusters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/threads.h"
#include "learn/test_groups.h"

namespace eidetic {
namespace {

using testing::HasSubstr;

TEST(TrainClusters, FindsGroupsThatAreThere) {
  const Groups groups = random_groups(4, 100, 16, .1F, 1);
  const auto learnt = train_clusters(groups.vectors, 4, {.seed = 42}).value();
  EXPECT_EQ(learnt.classifier.kind(), ClassifierKind::clusters);
  EXPECT_GT(learnt.report.accuracy, .97);
  ASSERT_EQ(learnt.assigned.size(), 400U);
  EXPECT_EQ(learnt.assigned[0], 0U);
  for (std::size_t row = 0; row < 400; ++row) {
    EXPECT_EQ(learnt.classifier.classify(groups.vectors[row])->index, learnt.assigned[row]) << row;
  }
}

// Where there are no groups, cells are cut through what is there: the head still learns their borders.
TEST(TrainClusters, AgreesWithTheNearestCentroidWhereNothingIsGrouped) {
  const Groups cloud = random_groups(1, 3000, 24, 1, 2);
  const auto learnt = train_clusters(cloud.vectors, kDefaultClusters, {.seed = 42}).value();
  EXPECT_GE(learnt.report.accuracy, .9);
  EXPECT_EQ(learnt.classifier.class_names().size(), 10U);
  EXPECT_EQ(learnt.classifier.class_names().back(), "9");
}

TEST(TrainClusters, GivesTheSameBitsOnAnyNumberOfThreads) {
  const Groups cloud = random_groups(3, 300, 8, .7F, 3);
  ThreadPool pool(2);
  const auto alone = train_clusters(cloud.vectors, 5).value();
  const auto together = train_clusters(cloud.vectors, 5, {.pool = &pool}).value();
  EXPECT_EQ(alone.assigned, together.assigned);
  EXPECT_EQ(alone.classifier.serialize(), together.classifier.serialize());
}

TEST(TrainClusters, MakesFewerOfVectorsThatAreAlike) {
  Matrix vectors(40, 3);
  for (std::size_t row = 0; row < 40; ++row) vectors[row][row % 2] = 1;
  const auto learnt = train_clusters(vectors, 10).value();
  EXPECT_EQ(learnt.classifier.class_names().size(), 2U);
  EXPECT_EQ(learnt.report.accuracy, 1);
}

TEST(TrainClusters, SaysWhatIsMissing) {
  EXPECT_THAT(train_clusters(Matrix(9, 3), 10).error().message, HasSubstr("10 clusters of 9 vectors"));
  EXPECT_THAT(train_clusters(Matrix(40, 3), 1).error().message, HasSubstr("2 to"));
  Matrix alike(40, 3);
  for (float& value : alike.values()) value = 2;
  EXPECT_THAT(train_clusters(alike, 2).error().message, HasSubstr("alike"));
}

}  // namespace
}  // namespace eidetic
