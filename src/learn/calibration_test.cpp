#include "learn/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "base/threads.h"
#include "index/vector_math.h"

namespace eidetic {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::size_t kDimensions = 24;
constexpr std::size_t kOfClass = 15;

// Classes around centres of their own, of unit length.
struct Classes {
  Matrix vectors;
  std::vector<std::uint32_t> labels;

  Classes(std::size_t classes, std::uint64_t seed) : vectors(classes * kOfClass, kDimensions) {
    std::mt19937_64 random(seed);
    std::normal_distribution<float> normal;
    for (std::size_t label = 0; label < classes; ++label) {
      std::vector<float> centre(kDimensions);
      std::ranges::generate(centre, [&] { return normal(random); });
      for (std::size_t i = 0; i < kOfClass; ++i) {
        const auto row = vectors[label * kOfClass + i];
        std::ranges::transform(centre, row.begin(), [&](float value) { return value + 0.6F * normal(random); });
        to_unit(row, std::sqrt(dot_product(row, row)));
        labels.push_back(static_cast<std::uint32_t>(label));
      }
    }
  }
};

// Of searches among classes that the calibration never saw.
struct Outcome {
  double refused = 0;  // of those whose class is absent
  double lost = 0;     // of those whose first hit is right
  double error =
      0;  // mean confidence of first hits, less the share that is right; half of the searches are absent ones
};

Outcome outcome(const Calibration& calibration, const Classes& unseen, Metric metric = Metric::cosine) {
  const auto cases =
      calibration_cases(unseen.vectors, unseen.labels, {.metric = metric, .queries = unseen.labels.size()}).value();
  Outcome result;
  double right = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto query = unseen.vectors[i];
    const double there = calibration.confidences(query, cases[i].similarities).front();
    const double absent = calibration.confidences(query, cases[i].strangers).front();
    if (absent < calibration.recommended()) ++result.refused;
    if (cases[i].matches.front()) {
      ++right;
      if (there < calibration.recommended()) ++result.lost;
    }
    result.error += there + absent;
  }
  const auto searches = static_cast<double>(cases.size());
  return {.refused = result.refused / searches,
          .lost = result.lost / right,
          .error = (result.error - right) / (2 * searches)};
}

TEST(CalibrationTest, AnswersNothingSimilarForUnseenClassesThatAreAbsent) {
  const Classes seen(40, 1);
  const auto calibration = Calibration::fit(seen.vectors, seen.labels);
  ASSERT_TRUE(calibration) << calibration.error().message;
  const Outcome unseen = outcome(*calibration, Classes(40, 2));
  EXPECT_GE(unseen.refused, 0.8);
  EXPECT_LE(unseen.lost, 0.12);
  EXPECT_NEAR(unseen.error, 0, 0.06);
}

TEST(CalibrationTest, LearnsWithoutLabels) {
  const Classes seen(40, 1);
  const auto calibration = Calibration::fit(seen.vectors, {});
  ASSERT_TRUE(calibration) << calibration.error().message;
  const Outcome unseen = outcome(*calibration, Classes(40, 2));
  EXPECT_GE(unseen.refused, 0.8);
  EXPECT_LE(unseen.lost, 0.12);
  EXPECT_NEAR(unseen.error, 0, 0.12);
  EXPECT_FALSE(calibration->report().labelled);
  EXPECT_EQ(calibration->report().labels, 0U);
  // What is assumed is not passed off as measured.
  EXPECT_THAT(calibration->report().bins, IsEmpty());
  EXPECT_EQ(calibration->report().calibration_error, std::nullopt);
}

TEST(CalibrationTest, ReportsWhatUnseenClassesWillShow) {
  const Classes seen(40, 1);
  const auto calibration = Calibration::fit(seen.vectors, seen.labels).value();
  const CalibrationReport& report = calibration.report();
  EXPECT_TRUE(report.labelled);
  EXPECT_EQ(report.items, 600U);
  EXPECT_EQ(report.cases, 600U);
  EXPECT_EQ(report.labels, 40U);
  const Outcome unseen = outcome(calibration, Classes(40, 2));
  EXPECT_NEAR(report.recommended.refused, unseen.refused, 0.08);
  EXPECT_NEAR(report.recommended.lost, unseen.lost, 0.06);
  EXPECT_LE(report.recommended.lost, 0.08);
  ASSERT_THAT(report.rates, SizeIs(21));
  EXPECT_EQ(report.rates.front().refused, 0);
  EXPECT_EQ(report.rates.front().lost, 0);
  EXPECT_DOUBLE_EQ(report.rates.back().minimum, 1);
  for (std::size_t i = 1; i < report.rates.size(); ++i) {
    EXPECT_GE(report.rates[i].lost, report.rates[i - 1].lost);
    EXPECT_GE(report.rates[i].refused, report.rates[i - 1].refused);
  }
  ASSERT_THAT(report.bins, SizeIs(kCalibrationBins));
  std::uint64_t count = 0;
  for (const ReliabilityBin& bin : report.bins) count += bin.count;
  EXPECT_EQ(count, 2 * report.cases);
  EXPECT_LE(report.calibration_error.value(), 0.1);
}

TEST(CalibrationTest, JudgesEachClassByWhatTheOthersTaught) {
  // The items of one class in five are far from each other and near to others. Who has seen that class expects it.
  std::vector<CalibrationCase> cases;
  for (std::uint32_t i = 0; i < 100; ++i) {
    const bool odd = i % 5 == 0;
    cases.push_back(
        {.label = i % 5, .similarities = {odd ? 0.1 : 0.9}, .matches = {true}, .strangers = {odd ? 0.9 : 0.1}});
  }
  const auto calibration = Calibration::fit(cases, cases.size()).value();
  EXPECT_NEAR(calibration.confidences({}, std::vector{0.9})[0], 0.8, 0.01);
  EXPECT_GT(calibration.report().calibration_error.value(), 0.2);
}

TEST(CalibrationTest, ConfidencesAreSharesThatDoNotRise) {
  const Classes seen(20, 1);
  const auto calibration = Calibration::fit(seen.vectors, seen.labels).value();
  const auto cases = calibration_cases(seen.vectors, seen.labels, {}).value();
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto confidences = calibration.confidences(seen.vectors[i], cases[i].similarities);
    ASSERT_THAT(confidences, SizeIs(cases[i].similarities.size()));
    ASSERT_TRUE(std::ranges::is_sorted(confidences, std::greater{}));
    ASSERT_THAT(confidences, Each(testing::AllOf(testing::Ge(0), testing::Le(1))));
  }
  EXPECT_THAT(calibration.confidences({}, {}), IsEmpty());
  const auto sure = calibration.confidences({}, std::vector{1.0, 0.2});
  EXPECT_GT(sure[0], 0.9);
  EXPECT_LT(sure[1], sure[0]);
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(calibration.confidences({}, std::vector{0.9, kNan, 0.8}), testing::ElementsAre(testing::Gt(0), 0, 0));
}

TEST(CalibrationTest, EveryMetricTellsApartWhatCosineDoes) {
  const Classes seen(30, 1);
  const Classes unseen(30, 2);
  for (const Metric metric : {Metric::cosine, Metric::dot, Metric::euclidean}) {
    const auto calibration = Calibration::fit(seen.vectors, seen.labels, {.metric = metric});
    ASSERT_TRUE(calibration) << to_string(metric) << ": " << calibration.error().message;
    EXPECT_EQ(calibration->metric(), metric);
    const Outcome result = outcome(*calibration, unseen, metric);
    EXPECT_GE(result.refused, 0.8) << to_string(metric);
    EXPECT_LE(result.lost, 0.12) << to_string(metric);
  }
}

TEST(CalibrationTest, LengthOfAQueryDoesNotCountUnderDot) {
  const Classes seen(20, 1);
  const auto calibration = Calibration::fit(seen.vectors, seen.labels, {.metric = Metric::dot}).value();
  std::vector<float> query(seen.vectors[0].begin(), seen.vectors[0].end());
  const auto confidences = calibration.confidences(query, std::vector{0.75, 0.5});
  for (float& value : query) value *= 4;
  const auto longer = calibration.confidences(query, std::vector{3.0, 2.0});
  EXPECT_NEAR(longer[0], confidences[0], 1e-6);
  EXPECT_NEAR(longer[1], confidences[1], 1e-6);
}

TEST(CalibrationTest, ScaleOfVectorsDoesNotCountUnderEuclidean) {
  const Classes seen(20, 1);
  Classes large = seen;
  for (float& value : large.vectors.values()) value *= 100;
  const CalibrationOptions options{.metric = Metric::euclidean};
  const auto small = Calibration::fit(seen.vectors, seen.labels, options).value();
  const auto scaled = Calibration::fit(large.vectors, large.labels, options).value();
  for (const double distance : {0.2, 0.5, 0.8, 1.1}) {
    EXPECT_NEAR(small.confidences({}, std::vector{1 / (1 + distance)})[0],
                scaled.confidences({}, std::vector{1 / (1 + 100 * distance)})[0], 1e-3);
  }
}

TEST(CalibrationTest, ClaimsNoConfidenceThatLabelsDoNotGive) {
  Classes seen(40, 1);
  std::ranges::shuffle(seen.labels, std::mt19937_64(3));
  const auto calibration = Calibration::fit(seen.vectors, seen.labels);
  if (!calibration) {
    EXPECT_THAT(calibration.error().message, HasSubstr("no confidence can be learnt"));
    return;
  }
  for (const double similarity : {0.3, 0.6, 0.9}) {
    EXPECT_LT(calibration->confidences({}, std::vector{similarity})[0], 0.25) << similarity;
  }
}

TEST(CalibrationTest, ExpectsMatchesAsRarelyAsItIsTold) {
  const Classes seen(30, 1);
  const auto half = Calibration::fit(seen.vectors, seen.labels).value();
  const auto rare = Calibration::fit(seen.vectors, seen.labels, {.absent_share = 0.95}).value();
  for (const double similarity : {0.4, 0.5, 0.6, 0.7}) {
    EXPECT_LT(rare.confidences({}, std::vector{similarity})[0], half.confidences({}, std::vector{similarity})[0]);
  }
}

TEST(CalibrationTest, CostsAsManyMatchesAsItMay) {
  const Classes seen(40, 1);
  const auto careful = Calibration::fit(seen.vectors, seen.labels, {.lost_share = 0.01}).value();
  const auto strict = Calibration::fit(seen.vectors, seen.labels, {.lost_share = 0.3}).value();
  EXPECT_LT(careful.recommended(), strict.recommended());
  EXPECT_LE(careful.report().recommended.lost, 0.01);
  EXPECT_NEAR(strict.report().recommended.lost, 0.3, 0.01);
  EXPECT_LT(careful.report().recommended.refused, strict.report().recommended.refused);
}

TEST(CalibrationTest, ItemsWithoutLabelOrRelativesAreNoTrouble) {
  Classes seen(20, 1);
  for (std::size_t i = 0; i < seen.labels.size(); i += 7) seen.labels[i] = kNoLabel;
  seen.labels[1] = 1000;  // the only one
  const auto cases = calibration_cases(seen.vectors, seen.labels, {}).value();
  EXPECT_THAT(cases, SizeIs(300 - 43));
  const auto single = std::ranges::find(cases, 1000U, &CalibrationCase::label);
  EXPECT_THAT(single->similarities, IsEmpty());
  EXPECT_THAT(single->strangers, SizeIs(kCalibrationRanks));
  EXPECT_TRUE(Calibration::fit(seen.vectors, seen.labels));
}

TEST(CalibrationTest, TheSameSeedGivesTheSameBitsOnAnyThreads) {
  const Classes seen(40, 1);
  ThreadPool pool(3);
  const CalibrationOptions options{.queries = 150, .seed = 5};
  CalibrationOptions pooled = options;
  pooled.pool = &pool;
  CalibrationOptions other = options;
  other.seed = 6;
  for (const auto& labels : {seen.labels, std::vector<std::uint32_t>()}) {
    const auto bytes = Calibration::fit(seen.vectors, labels, options)->serialize();
    EXPECT_EQ(bytes, Calibration::fit(seen.vectors, labels, pooled)->serialize());
    EXPECT_NE(bytes, Calibration::fit(seen.vectors, labels, other)->serialize());
  }
  EXPECT_EQ(Calibration::fit(seen.vectors, seen.labels, options)->report().cases, 150U);
}

TEST(CalibrationTest, SearchesMadeElsewhereGiveTheSame) {
  const Classes seen(20, 1);
  const auto cases = calibration_cases(seen.vectors, seen.labels, {}).value();
  EXPECT_EQ(Calibration::fit(cases, seen.labels.size())->serialize(),
            Calibration::fit(seen.vectors, seen.labels)->serialize());
}

std::string message(const Result<Calibration>& result) { return result ? "" : result.error().message; }

TEST(CalibrationTest, SaysWhatCannotBeCalibrated) {
  const Classes seen(20, 1);
  const Classes few(6, 1);
  EXPECT_THAT(message(Calibration::fit(few.vectors, {})), HasSubstr("90 items to calibrate by are too few: 100"));
  const std::vector<std::uint32_t> one_label(seen.labels.size(), 3);
  EXPECT_THAT(message(Calibration::fit(seen.vectors, one_label)), HasSubstr("no search to calibrate by says"));
  std::vector<std::uint32_t> four = seen.labels;
  for (std::uint32_t& label : four) label %= 4;
  EXPECT_THAT(message(Calibration::fit(seen.vectors, four)), HasSubstr("4 labels"));
  EXPECT_THAT(message(Calibration::fit(seen.vectors, std::span(seen.labels).first(299))),
              HasSubstr("299 labels for 300 vectors"));
  EXPECT_THAT(message(Calibration::fit(seen.vectors, {}, {.absent_share = 1})), HasSubstr("share of searches"));
  EXPECT_THAT(message(Calibration::fit(seen.vectors, {}, {.lost_share = 0.6})), HasSubstr("share of matches"));
  EXPECT_THAT(message(Calibration::fit(seen.vectors, {}, {.queries = 0})), HasSubstr("0 searches"));
  Classes broken = seen;
  broken.vectors[17][3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(message(Calibration::fit(broken.vectors, {})), HasSubstr("vector 17"));
  std::ranges::fill(broken.vectors[17], 0.0F);
  EXPECT_THAT(message(Calibration::fit(broken.vectors, {}, {.metric = Metric::dot})), HasSubstr("vector 17"));
  EXPECT_TRUE(Calibration::fit(broken.vectors, {}, {.metric = Metric::euclidean}));
  std::stop_source source;
  source.request_stop();
  const auto stopped = Calibration::fit(seen.vectors, {}, {}, source.get_token());
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::unavailable);
}

TEST(CalibrationTest, RefusesSearchesThatContradictThemselves) {
  const Classes seen(20, 1);
  const auto cases = calibration_cases(seen.vectors, seen.labels, {}).value();
  const auto with = [&](auto change) {
    auto changed = cases;
    change(changed[5]);
    return message(Calibration::fit(changed, 300));
  };
  EXPECT_THAT(with([](CalibrationCase& each) { each.label = kNoLabel; }), HasSubstr("some have none"));
  EXPECT_THAT(with([](CalibrationCase& each) { std::ranges::reverse(each.similarities); }), HasSubstr("best first"));
  EXPECT_THAT(with([](CalibrationCase& each) { each.strangers[0] = INFINITY; }), HasSubstr("best first"));
  EXPECT_THAT(with([](CalibrationCase& each) { each.matches.pop_back(); }), HasSubstr("10 hits and says of 9"));
  EXPECT_THAT(with([](CalibrationCase& each) { each.query_length = 0; }), HasSubstr("best first"));
  EXPECT_EQ(with([](CalibrationCase& each) { each.similarities.resize(2), each.matches.resize(2); }), "");
}

TEST(CalibrationTest, IsTheSameAfterItWasStored) {
  const Classes seen(20, 1);
  for (const auto& labels : {seen.labels, std::vector<std::uint32_t>()}) {
    const auto calibration = Calibration::fit(seen.vectors, labels, {.metric = Metric::euclidean}).value();
    const auto bytes = calibration.serialize();
    const auto again = Calibration::deserialize(bytes, "some.calibration");
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->serialize(), bytes);
    EXPECT_EQ(again->metric(), Metric::euclidean);
    EXPECT_EQ(again->recommended(), calibration.recommended());
    EXPECT_EQ(again->report().calibration_error, calibration.report().calibration_error);
    const std::vector similarities = {0.7, 0.6, 0.5};
    EXPECT_EQ(again->confidences({}, similarities), calibration.confidences({}, similarities));
  }
}

TEST(CalibrationTest, RefusesBytesThatAreDamaged) {
  const Classes seen(20, 1);
  const auto bytes = Calibration::fit(seen.vectors, seen.labels)->serialize();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto damaged = bytes;
    damaged[i] ^= std::byte{0x10};
    const auto read = Calibration::deserialize(damaged, "some.calibration");
    ASSERT_FALSE(read) << i;
    EXPECT_THAT(read.error().message, HasSubstr("some.calibration"));
    ASSERT_FALSE(Calibration::deserialize(std::span(bytes).first(i), "some.calibration")) << i;
  }
  auto newer = bytes;
  newer[8] = std::byte{2};
  EXPECT_EQ(Calibration::deserialize(newer, "some.calibration").error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace eidetic
