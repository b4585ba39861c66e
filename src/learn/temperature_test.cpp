#include "learn/temperature.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "learn/head.h"

namespace eidetic {
namespace {

struct Answers {
  Matrix scores;
  std::vector<std::uint32_t> classes;
};

// Classes drawn from the probabilities of the scores, which are then stretched: by 3, confidences claim too much.
Answers stretched(float by) {
  constexpr std::size_t kRows = 5000;
  constexpr std::size_t kClasses = 5;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<float> uniform;
  Answers answers{.scores = Matrix(kRows, kClasses), .classes = {}};
  for (std::size_t row = 0; row < kRows; ++row) {
    for (float& score : answers.scores[row]) score = 1.5F * normal(random);
    std::vector<float> shares(answers.scores[row].begin(), answers.scores[row].end());
    (void)to_probabilities(shares, 1);
    float left = uniform(random);
    std::uint32_t drawn = 0;
    while (drawn + 1 < kClasses && (left -= shares[drawn]) > 0) ++drawn;
    answers.classes.push_back(drawn);
    for (float& score : answers.scores[row]) score *= by;
  }
  return answers;
}

TEST(Temperature, UndoesWhatClaimsTooMuchOrTooLittle) {
  for (const float by : {3.F, .4F}) {
    const Answers answers = stretched(by);
    const double temperature = fit_temperature(answers.scores, answers.classes);
    EXPECT_NEAR(temperature, by, .1 * by);
    const double before = expected_calibration_error(answers.scores, answers.classes, 1);
    const double after = expected_calibration_error(answers.scores, answers.classes, temperature);
    EXPECT_GT(before, .1);
    EXPECT_LT(after, .03);
    EXPECT_LT(cross_entropy(answers.scores, answers.classes, temperature),
              cross_entropy(answers.scores, answers.classes, 1));
  }
}

TEST(Temperature, AFewRowsWithoutAMistakeDoNotMakeItSureOfEverything) {
  Matrix scores(8, 2);
  std::vector<std::uint32_t> classes;
  for (std::uint32_t row = 0; row < 8; ++row) {
    scores[row][row % 2] = 2;
    classes.push_back(row % 2);
  }
  const double temperature = fit_temperature(scores, classes);
  EXPECT_NEAR(1 / (1 + std::exp(-2 / temperature)), .9, .001);  // one of ten wrong
  EXPECT_EQ(fit_temperature(Matrix(), {}), 1);
}

TEST(Temperature, TheErrorOfCalibrationIsThatComputedByHand) {
  // Four answers at confidence 0.9 (three right), two at 0.6 (none right).
  Matrix scores(6, 2);
  for (std::size_t row = 0; row < 6; ++row) scores[row][0] = std::log(row < 4 ? 9.F : 1.5F);
  const std::vector<std::uint32_t> classes = {0, 0, 0, 1, 1, 1};
  EXPECT_NEAR(expected_calibration_error(scores, classes, 1), (4 * .15 + 2 * .6) / 6, 1e-6);
  EXPECT_NEAR(cross_entropy(scores, classes, 1), -(3 * std::log(.9) + std::log(.1) + 2 * std::log(.4)) / 6, 1e-6);
}

}  // namespace
}  // namespace eidetic
