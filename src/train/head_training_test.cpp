#include "train/head_training.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>

#include "base/threads.h"

namespace eidetic {
namespace {

using testing::HasSubstr;

// Items whose class is in a few of many dimensions: there is something to learn.
struct Data {
  explicit Data(std::uint64_t seed, std::size_t count = 1200, std::size_t views = 2) : features(count * views, 32) {
    std::mt19937_64 random(seed);
    std::normal_distribution<float> normal;
    for (std::uint32_t i = 0; i < count; ++i) {
      classes.push_back(i % 6);
      for (std::size_t view = 0; view < views; ++view) {
        const auto row = features[i * views + view];
        for (float& value : row) value = 1.5F * normal(random);
        row[classes.back()] += 3;
      }
    }
    examples = {.features = features, .views = views, .classes = classes};
  }
  Data(const Data&) = delete;
  Data& operator=(const Data&) = delete;
  ~Data() = default;

  Matrix features;
  std::vector<std::uint32_t> classes;
  Examples examples{.features = {{}, 32}, .views = 1, .classes = {}};
};

HeadTrainingOptions small(LossKind kind = LossKind::multi_similarity) {
  return {.layers = {16, 8},
          .loss = {.kind = kind},
          .batch = {.size = 24, .per_class = 4},
          .epochs = 12,
          .learning_rate = 3e-3};
}

class HeadTraining : public testing::Test {
 protected:
  const Data learnt_{1};
  const Data held_out_{2};
};

TEST_F(HeadTraining, EveryLossLearns) {
  for (const LossKind kind : {LossKind::circle, LossKind::triplet, LossKind::multi_similarity, LossKind::proxy_anchor,
                              LossKind::arcface, LossKind::contrastive}) {
    auto options = small(kind);
    options.miner = Miner::none;
    const auto head = train_head(learnt_.examples, held_out_.examples, options);
    ASSERT_TRUE(head) << head.error().message;
    ASSERT_EQ(head->epochs.size(), options.epochs);
    const auto& best = head->epochs[head->best_epoch - 1];
    EXPECT_GT(best.held_out.map_at_r, head->before.map_at_r + 0.1) << static_cast<int>(kind);
    EXPECT_EQ(std::ranges::max(head->epochs, {}, [](const Epoch& one) { return one.held_out.map_at_r; }).number,
              head->best_epoch);
    // That of contrastive is a mean of pairs that are not right yet, which become fewer.
    if (kind != LossKind::contrastive) EXPECT_LT(head->epochs.back().loss, head->epochs.front().loss);
  }
}

TEST_F(HeadTraining, TheSameOnAnyNumberOfThreads) {
  ThreadPool pool(3);
  auto options = small(LossKind::arcface);
  options.epochs = 3;
  options.cosine = true;
  options.warmup_epochs = 1;
  const auto alone = train_head(learnt_.examples, held_out_.examples, options);
  options.pool = &pool;
  const auto together = train_head(learnt_.examples, held_out_.examples, options);
  EXPECT_EQ(alone->parameters, together->parameters);
  EXPECT_GT(alone->epochs[0].learning_rate, alone->epochs[1].learning_rate);
  EXPECT_NEAR(alone->epochs[0].learning_rate, options.learning_rate, 1e-12);
  EXPECT_NEAR(alone->epochs[2].learning_rate, 0, 1e-12);
}

TEST_F(HeadTraining, GoesOnWhereItWasStopped) {
  auto options = small(LossKind::proxy_anchor);
  options.epochs = 5;
  options.decoupled_decay = true;
  std::vector<HeadCheckpoint> checkpoints;
  const auto keep = [&](const HeadCheckpoint& one) -> Result<void> {
    checkpoints.push_back(one);
    return {};
  };
  const auto whole = train_head(learnt_.examples, held_out_.examples, options, {}, keep);
  ASSERT_EQ(checkpoints.size(), 5U);
  const auto resumed = train_head(learnt_.examples, held_out_.examples, options, checkpoints[1]);
  EXPECT_EQ(resumed->parameters, whole->parameters);
  EXPECT_EQ(resumed->epochs.size(), 5U);
  auto other = options;
  other.layers = {4};
  EXPECT_THAT(train_head(learnt_.examples, held_out_.examples, other, checkpoints[1]).error().message,
              HasSubstr("another head"));
}

TEST_F(HeadTraining, EndsWhereNothingGetsBetter) {
  auto options = small();
  options.epochs = 200;
  options.patience = 4;
  const auto head = train_head(learnt_.examples, held_out_.examples, options);
  EXPECT_LT(head->epochs.size(), 200U);
  EXPECT_EQ(head->epochs.size(), head->best_epoch + 4U);
}

TEST_F(HeadTraining, RefusesWhatCannotBeLearnt) {
  const auto refused = [&](const Examples& learnt, const HeadTrainingOptions& options) {
    const auto head = train_head(learnt, held_out_.examples, options);
    return head ? std::string("nothing") : head.error().message;
  };
  const std::vector<std::uint32_t> one_class(learnt_.classes.size(), 3);
  auto examples = learnt_.examples;
  examples.classes = one_class;
  EXPECT_THAT(refused(examples, small()), HasSubstr("at least two"));
  std::vector<std::uint32_t> single;
  for (std::uint32_t i = 0; i < learnt_.classes.size(); ++i) single.push_back(i);
  examples.classes = single;
  EXPECT_THAT(refused(examples, small()), HasSubstr("no class"));
  Data broken(3);
  broken.features[7][1] = NAN;
  EXPECT_THAT(refused(broken.examples, small()), HasSubstr("row 7"));
  auto options = small();
  options.batch = {.size = 9, .per_class = 4};
  EXPECT_THAT(refused(learnt_.examples, options), HasSubstr("multiple"));
  options = small();
  options.layers = {};
  EXPECT_THAT(refused(learnt_.examples, options), HasSubstr("layers"));
  options = small();
  options.loss = {.kind = LossKind::proxy_anchor, .scale = 1.7e308};
  EXPECT_THAT(refused(learnt_.examples, options), HasSubstr("smaller learning rate"));
}

TEST(PerceptronTest, GradientsAreThoseOfSmallSteps) {
  const PerceptronShape shape{.inputs = 5, .layers = {7, 3}};
  auto parameters = fresh_parameters(shape, 4);
  Matrix rows(4, 5);
  std::mt19937_64 random(9);
  std::normal_distribution<float> normal;
  for (float& value : rows.values()) value = normal(random);
  Matrix weights(4, 3);  // the loss is the sum of outputs times these
  for (float& value : weights.values()) value = normal(random);
  Perceptron network(shape, nullptr);
  const auto loss = [&] {
    double sum = 0;
    const Matrix& out = network.forward(parameters, rows);
    for (std::size_t i = 0; i < out.values().size(); ++i) sum += double{out.values()[i]} * weights.values()[i];
    return sum;
  };
  (void)loss();
  std::vector<float> gradient(parameters.size());
  network.backward(parameters, weights, gradient);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const float before = parameters[i];
    constexpr float kStep = 1e-3F;
    parameters[i] = before + kStep;
    const double above = loss();
    parameters[i] = before - kStep;
    const double below = loss();
    parameters[i] = before;
    EXPECT_NEAR(gradient[i], (above - below) / (2 * double{kStep}), 5e-3) << i;
  }
}

// Three steps by PyTorch 2.9 from 0.5, -1 with gradients 1, -2; 0.5, 0; -1, 4 at a rate of 0.1 and a decay of 0.01.
TEST(AdamTest, IsThatOfPyTorch) {
  const std::vector<std::vector<float>> gradients = {{1, -2}, {0.5, 0}, {-1, 4}};
  const std::map<bool, std::vector<float>> expected = {{false, {0.29522368F, -0.8663368F}},
                                                       {true, {0.29449835F, -0.86426753F}}};
  for (const auto& [decoupled, values] : expected) {
    std::vector<float> parameters = {0.5, -1};
    Adam adam(2, 0.01, decoupled, nullptr);
    for (const auto& gradient : gradients) adam.step(parameters, gradient, 0.1);
    EXPECT_NEAR(parameters[0], values[0], 1e-6);
    EXPECT_NEAR(parameters[1], values[1], 1e-6);
  }
}

TEST(Sampler, GivesEachClassItsTurn) {
  std::vector<std::uint32_t> classes;
  for (std::uint32_t i = 0; i < 103; ++i) classes.push_back(i < 3 ? 9 : i % 8);  // class 9 has 3 items
  std::mt19937_64 random(5);
  std::map<std::uint32_t, std::size_t> turns;
  std::set<std::uint32_t> seen;
  const auto batches = draw_batches(classes, {.size = 12, .per_class = 4}, random);
  EXPECT_EQ(batches.size(), 103U / 12);
  for (const auto& batch : batches) {
    ASSERT_EQ(batch.size(), 12U);
    std::map<std::uint32_t, std::size_t> of;
    for (const std::uint32_t item : batch) ++of[classes[item]];
    EXPECT_EQ(of.size(), 3U);
    for (const auto& [one, count] : of) {
      EXPECT_EQ(count, 4U);
      ++turns[one];
    }
    seen.insert(batch.begin(), batch.end());
  }
  for (const auto& [one, count] : turns) EXPECT_GE(count, 2U) << one;
  EXPECT_GT(seen.size(), 85U);
  const auto all = draw_batches(classes, {.size = 10, .per_class = 0}, random);
  EXPECT_EQ(all.size(), 10U);
  EXPECT_EQ(draw_batches(std::vector<std::uint32_t>{0, 1, 0}, {.size = 8, .per_class = 2}, random).size(), 1U);
}

}  // namespace
}  // namespace eidetic
