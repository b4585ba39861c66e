#include "learn/head.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/threads.h"
#include "learn/lbfgs.h"

namespace eidetic {
namespace {

Matrix random_rows(std::size_t count, std::size_t width, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Matrix rows(count, width);
  for (float& value : rows.values()) value = normal(random);
  return rows;
}

std::vector<std::uint32_t> random_classes(std::size_t count, std::uint32_t classes, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::uint32_t> result(count);
  for (auto& one : result) one = static_cast<std::uint32_t>(random() % classes);
  return result;
}

TEST(Head, ScoresAndProbabilitiesAreThoseComputedByHand) {
  const HeadShape shape{.inputs = 2, .classes = 2};
  const std::vector<float> parameters = {1, 2, -1, 0, .5F, 1};  // weights of two classes, two biases
  Matrix scores = head_scores(shape, parameters, {std::vector<float>{3, 4}, 2});
  EXPECT_FLOAT_EQ(scores[0][0], 11.5F);
  EXPECT_FLOAT_EQ(scores[0][1], -2);
  std::vector<float> shares = {0, std::log(3.F)};
  EXPECT_NEAR(to_probabilities(shares, 1), std::log(4.0), 1e-6);
  EXPECT_NEAR(shares[0], .25, 1e-6);
  EXPECT_NEAR(shares[1], .75, 1e-6);
  shares = {0, std::log(3.F)};
  (void)to_probabilities(shares, .5);
  EXPECT_NEAR(shares[1], .9, 1e-6);
}

TEST(Head, ALayerBetweenPassesWhatIsPositive) {
  const HeadShape shape{.inputs = 1, .hidden = 2, .classes = 2};
  // between: x and -x; last: the first minus the second, and their sum, with biases 10 and 20
  const std::vector<float> parameters = {1, -1, 0, 0, 1, -1, 1, 1, 10, 20};
  const Matrix scores = head_scores(shape, parameters, {std::vector<float>{3, -5}, 1});
  EXPECT_FLOAT_EQ(scores[0][0], 13);
  EXPECT_FLOAT_EQ(scores[0][1], 23);
  EXPECT_FLOAT_EQ(scores[1][0], 5);
  EXPECT_FLOAT_EQ(scores[1][1], 25);
}

TEST(Head, LossOfNothingLearntIsTheLogarithmOfTheClasses) {
  const HeadShape shape{.inputs = 4, .classes = 7};
  const Matrix rows = random_rows(30, 4, 1);
  const auto classes = random_classes(30, 7, 2);
  std::vector<float> gradient(shape.parameters());
  const HeadLoss loss{.shape = shape, .rows = rows, .classes = classes, .decay = 1};
  EXPECT_NEAR(loss.at(std::vector<float>(shape.parameters()), gradient), std::log(7.0), 1e-6);
}

class Gradient : public testing::TestWithParam<std::size_t> {};

TEST_P(Gradient, IsThatOfFiniteDifferences) {
  const HeadShape shape{.inputs = 5, .hidden = GetParam(), .classes = 3};
  const Matrix rows = random_rows(600, 5, 3);
  const auto classes = random_classes(600, 3, 4);
  const HeadLoss loss{.shape = shape, .rows = rows, .classes = classes, .decay = .3};
  std::vector<float> parameters(shape.parameters());
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  for (float& value : parameters) value = normal(random);
  std::vector<float> gradient(parameters.size());
  std::vector<float> other(parameters.size());
  (void)loss.at(parameters, gradient);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    constexpr float kStep = 1.F / 256;
    auto moved = parameters;
    moved[i] = parameters[i] + kStep;
    const double above = loss.at(moved, other);
    moved[i] = parameters[i] - kStep;
    const double below = loss.at(moved, other);
    EXPECT_NEAR(gradient[i], (above - below) / (2.0 * kStep), 2e-3) << i;
  }
}

TEST_P(Gradient, IsTheSameOnAnyNumberOfThreads) {
  const HeadShape shape{.inputs = 9, .hidden = GetParam(), .classes = 4};
  const Matrix rows = random_rows(5000, 9, 6);
  const auto classes = random_classes(5000, 4, 7);
  ThreadPool pool(3);
  const auto parameters = fresh_parameters(shape, 8);
  std::vector<float> alone(parameters.size());
  std::vector<float> together(parameters.size());
  HeadLoss loss{.shape = shape, .rows = rows, .classes = classes, .decay = .1};
  const double value = loss.at(parameters, alone);
  loss.pool = &pool;
  EXPECT_EQ(loss.at(parameters, together), value);
  EXPECT_EQ(together, alone);
}

INSTANTIATE_TEST_SUITE_P(Layers, Gradient, testing::Values(0, 6));

// Rosenbrock's valley: what a search along the steepest way alone does not get through.
TEST(Lbfgs, FindsTheBottomOfACurvedValley) {
  std::vector<float> at = {-1.2F, 1};
  const auto steps = minimize(at,
                              [](std::span<const float> x, std::span<float> gradient) {
                                const double a = 1 - x[0];
                                const double b = x[1] - static_cast<double>(x[0]) * x[0];
                                gradient[0] = static_cast<float>(-2 * a - 400 * x[0] * b);
                                gradient[1] = static_cast<float>(200 * b);
                                return a * a + 100 * b * b;
                              },
                              {.iterations = 100, .tolerance = 1e-6}, {});
  EXPECT_LT(steps, 60U);
  EXPECT_NEAR(at[0], 1, 1e-3);
  EXPECT_NEAR(at[1], 1, 1e-3);
}

TEST(Lbfgs, EndsWhenItsWatcherHasSeenEnough) {
  std::vector<float> at = {100};
  unsigned seen = 0;
  const auto parabola = [](std::span<const float> x, std::span<float> gradient) {
    gradient[0] = x[0] * x[0] * x[0];
    return static_cast<double>(x[0]) * x[0] * x[0] * x[0] / 4;
  };
  EXPECT_EQ(minimize(at, parabola, {}, [&](unsigned iteration, auto) { return (seen = iteration) < 3; }), 3U);
  EXPECT_EQ(seen, 3U);
}

}  // namespace
}  // namespace eidetic
