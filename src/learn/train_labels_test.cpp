#include "learn/train_labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/threads.h"
#include "learn/test_groups.h"

namespace eidetic {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

double share_right(const Classifier& classifier, const Groups& groups) {
  std::size_t right = 0;
  for (std::size_t row = 0; row < groups.labels.size(); ++row) {
    right += classifier.classify(groups.vectors[row])->name == groups.labels[row] ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(groups.labels.size());
}

class TrainLabels : public testing::TestWithParam<unsigned> {};

TEST_P(TrainLabels, LearnsWhatCanBeToldApart) {
  const Groups groups = random_groups(6, 30, 20, .3F, 1);
  const auto [classifier, report] = train_labels(groups.vectors, groups.labels, {.hidden = GetParam()}).value();
  EXPECT_EQ(share_right(classifier, groups), 1);
  EXPECT_EQ(report.accuracy, 1);
  EXPECT_EQ(report.items, 180U);
  EXPECT_EQ(report.held_out, 36U);
  ASSERT_EQ(report.classes.size(), 6U);
  EXPECT_EQ(report.classes[2].name, "g2");
  EXPECT_EQ(report.classes[2].items, 30U);
  EXPECT_EQ(report.classes[2].held_out, 6U);
  EXPECT_EQ(report.classes[2].correct, 6U);
  EXPECT_TRUE(report.confusions.empty());
  EXPECT_EQ(classifier.kind(), ClassifierKind::labels);
}

// Held out, as many are wrong as there are wrong labels; what was learnt is right all the same, and no surer than that.
TEST_P(TrainLabels, IsNotMisledByAFewWrongLabels) {
  const Groups truth = random_groups(4, 150, 16, .3F, 2);
  Groups noisy = truth;
  for (std::size_t row = 0; row < noisy.labels.size(); row += 5) noisy.labels[row] = truth.labels[(row + 1) % 600];
  const auto [classifier, report] = train_labels(noisy.vectors, noisy.labels, {.hidden = GetParam()}).value();
  EXPECT_GT(share_right(classifier, truth), .97);
  EXPECT_NEAR(report.accuracy, .8, .08);
  EXPECT_LT(report.calibration_error, .12);
  double sure = 0;
  for (std::size_t row = 0; row < 600; ++row) sure += classifier.classify(truth.vectors[row])->confidence / 600;
  EXPECT_NEAR(sure, .8, .08);
  ASSERT_FALSE(report.confusions.empty());
  EXPECT_GE(report.confusions.front().count, report.confusions.back().count);
}

// So strong a decay makes small scores, and confidences that say far too little: the temperature puts them right.
TEST_P(TrainLabels, IsAsSureAsItIsRight) {
  const Groups groups = random_groups(10, 200, 16, 1, 11);
  const LearnReport report =
      train_labels(groups.vectors, groups.labels, {.hidden = GetParam(), .decay = .3}).value().report;
  EXPECT_LT(report.temperature, .8);
  EXPECT_LT(report.calibration_error, .1);
  EXPECT_GT(report.raw_calibration_error, 2 * report.calibration_error);
}

TEST_P(TrainLabels, GivesTheSameBitsOnAnyNumberOfThreads) {
  const Groups groups = random_groups(3, 400, 12, .8F, 3);
  ThreadPool pool(3);
  const auto alone = train_labels(groups.vectors, groups.labels, {.hidden = GetParam(), .seed = 5}).value();
  const auto together =
      train_labels(groups.vectors, groups.labels, {.hidden = GetParam(), .seed = 5, .pool = &pool}).value();
  EXPECT_EQ(alone.classifier.serialize(), together.classifier.serialize());
  EXPECT_EQ(alone.report.accuracy, together.report.accuracy);
  const auto other = train_labels(groups.vectors, groups.labels, {.hidden = GetParam(), .seed = 6}).value();
  EXPECT_NE(alone.classifier.serialize(), other.classifier.serialize());
}

INSTANTIATE_TEST_SUITE_P(Layers, TrainLabels, testing::Values(0, 16));

// Rings: no plane parts them, so a layer between is needed.
TEST(TrainLabelsHidden, LearnsWhatIsNotLinear) {
  Groups rings{.vectors = Matrix(600, 2), .labels = {}};
  std::mt19937 random(4);
  std::uniform_real_distribution<float> uniform;
  for (std::size_t row = 0; row < 600; ++row) {
    const float angle = 6.2832F * uniform(random);
    const float radius = row % 2 == 0 ? .5F : 1.5F;
    rings.vectors[row][0] = radius * std::cos(angle);
    rings.vectors[row][1] = radius * std::sin(angle);
    rings.labels.emplace_back(row % 2 == 0 ? "in" : "out");
  }
  EXPECT_LT(train_labels(rings.vectors, rings.labels, {.unit = false})->report.accuracy, .7);
  const auto learnt = train_labels(rings.vectors, rings.labels, {.hidden = 32, .unit = false}).value();
  EXPECT_GT(learnt.report.accuracy, .97);
  EXPECT_GT(share_right(learnt.classifier, rings), .97);
}

TEST(TrainLabelsInput, PassesOverWhatHasNoLabel) {
  Groups groups = random_groups(2, 20, 5, .1F, 5);
  for (const std::size_t row : {0, 7, 8}) {
    groups.labels[row] = "";
    groups.vectors[row][0] = 1e9F;
  }
  const auto learnt = train_labels(groups.vectors, groups.labels).value();
  EXPECT_THAT(learnt.classifier.class_names(), ElementsAre("g0", "g1"));
  EXPECT_EQ(learnt.report.items, 37U);
  EXPECT_EQ(learnt.report.left_out, 3U);
}

TEST(TrainLabelsInput, NamesClassesThatCannotBeJudged) {
  Groups groups = random_groups(3, 12, 5, .1F, 6);
  for (std::size_t row = 3; row < 36; ++row) {
    if (groups.labels[row] == "g2") groups.labels[row] = "";
  }
  const auto learnt = train_labels(groups.vectors, groups.labels).value();
  EXPECT_THAT(learnt.report.single_classes, ElementsAre("g2"));
  EXPECT_EQ(learnt.report.classes[2].items, 1U);
  EXPECT_EQ(learnt.report.classes[2].held_out, 0U);
  EXPECT_EQ(learnt.classifier.classify(groups.vectors[2])->name, "g2");
}

TEST(TrainLabelsInput, LearnsFromNoMoreThanItIsTold) {
  const Groups groups = random_groups(4, 250, 8, .3F, 7);
  const auto learnt = train_labels(groups.vectors, groups.labels, {.max_items = 200}).value();
  EXPECT_EQ(learnt.report.items, 200U);
  EXPECT_EQ(learnt.report.left_out, 800U);
  EXPECT_GT(share_right(learnt.classifier, groups), .95);
}

TEST(TrainLabelsInput, TakesTwoItemsAClass) {
  const Groups groups = random_groups(3, 2, 6, .05F, 8);
  const auto learnt = train_labels(groups.vectors, groups.labels).value();
  EXPECT_EQ(learnt.report.held_out, 3U);
  EXPECT_EQ(share_right(learnt.classifier, groups), 1);
}

TEST(TrainLabelsInput, SaysWhatIsMissing) {
  Groups groups = random_groups(2, 20, 5, .1F, 9);
  const auto refused = [&](const std::vector<std::string>& labels, const LearnOptions& options = {}) {
    const auto learnt = train_labels(groups.vectors, labels, options);
    return learnt ? "" : learnt.error().message;
  };
  EXPECT_THAT(refused(std::vector<std::string>(40, "shoe")), AllOf(HasSubstr("'shoe'"), HasSubstr("two classes")));
  EXPECT_THAT(refused(std::vector<std::string>(40)), HasSubstr("no items"));
  EXPECT_THAT(refused({"a", "b"}), HasSubstr("2 labels"));
  std::vector<std::string> all;
  for (int i = 0; i < 40; ++i) all.push_back(std::to_string(i));
  EXPECT_THAT(refused(all), HasSubstr("one item each"));
  EXPECT_THAT(refused(groups.labels, {.decay = -1}), HasSubstr("decay"));
  EXPECT_THAT(refused(groups.labels, {.hold_out = .9}), HasSubstr("0.5"));
  EXPECT_THAT(refused(groups.labels, {.iterations = 0}), HasSubstr("iterations"));
  EXPECT_THAT(refused(groups.labels, {.hidden = 100'000}), HasSubstr("4096"));
  groups.vectors[17][2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(refused(groups.labels), AllOf(HasSubstr("17"), HasSubstr("finite")));
  EXPECT_THAT(refused(groups.labels, {.unit = false}), AllOf(HasSubstr("17"), HasSubstr("finite")));
}

TEST(TrainLabelsInput, CanBeStoppedAndSaysHowFarItIs) {
  const Groups groups = random_groups(4, 50, 10, .5F, 10);
  double last = 0;
  bool rising = true;
  const auto progress = [&](double share) {
    rising = rising && share >= last && share <= 1;
    last = share;
  };
  ASSERT_TRUE(train_labels(groups.vectors, groups.labels, {.progress = progress}));
  EXPECT_TRUE(rising);
  EXPECT_EQ(last, 1);
  std::atomic<bool> stop = false;
  const auto stopped = train_labels(groups.vectors, groups.labels,
                                    {.stop = &stop, .progress = [&](double share) { stop = share > .3; }});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace eidetic
