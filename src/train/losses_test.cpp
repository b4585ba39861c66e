#include "train/losses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <string>

#include "base/file.h"
#include "base/json.h"

namespace eidetic {
namespace {

const std::map<std::string, LossKind> kLosses = {{"circle", LossKind::circle},
                                                 {"triplet", LossKind::triplet},
                                                 {"multi_similarity", LossKind::multi_similarity},
                                                 {"proxy_anchor", LossKind::proxy_anchor},
                                                 {"arcface", LossKind::arcface},
                                                 {"contrastive", LossKind::contrastive}};
const std::map<std::string, Miner> kMiners = {{"none", Miner::none},
                                              {"multi_similarity", Miner::multi_similarity},
                                              {"semi_hard", Miner::semi_hard},
                                              {"hard", Miner::hard}};

// What PyTorch Metric Learning says: tests/data/metric_learning/make_golden.py.
const Json& golden() {
  static const Json json =
      parse_json(
          read_text(std::filesystem::path(EIDETIC_SOURCE_DIR) / "tests/data/metric_learning/golden.json", 1 << 20)
              .value(),
          "golden.json")
          .value();
  return json;
}

Matrix matrix(const std::vector<float>& values, std::size_t columns) {
  Matrix made(values.size() / columns, columns);
  std::ranges::copy(values, made.values().begin());
  return made;
}

struct Batch {
  explicit Batch(const Json& json)
      : classes(json.at("classes").get<std::vector<std::uint32_t>>()),
        embeddings(matrix(json.at("embeddings").get<std::vector<float>>(), golden().at("dimensions"))) {}

  std::vector<std::uint32_t> classes;
  Matrix embeddings;
};

void expect_near(std::span<const float> found, const std::vector<float>& expected, const std::string& what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  double largest = 0;
  for (const float value : expected) largest = std::max(largest, std::abs(static_cast<double>(value)));
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], 1e-4 * largest + 1e-7) << what << ", value " << i;
  }
}

TEST(Losses, AreThoseOfPyTorchMetricLearning) {
  std::size_t compared = 0;
  for (const Json& json : golden().at("batches")) {
    const Batch batch(json);
    const Matrix cosines = cosines_of(batch.embeddings);
    for (const Json& one : json.at("losses")) {
      const std::string name = one.at("loss");
      const std::string miner = one.at("miner");
      const auto what = name + " of " + miner + " in a batch of " + std::to_string(batch.classes.size());
      const auto loss = make_loss({.kind = kLosses.at(name)}, golden().at("class_count"), golden().at("dimensions"), 1);
      if (one.contains("parameters")) {
        std::ranges::copy(one.at("parameters").get<std::vector<float>>(), loss->parameters().begin());
      }
      Loss::Gradients gradients;
      const double value =
          loss->at(batch.embeddings, batch.classes, mine(kMiners.at(miner), cosines, batch.classes), gradients);
      EXPECT_NEAR(value, one.at("value").get<double>(), 1e-5 * std::abs(value) + 1e-6) << what;
      expect_near(gradients.embeddings.values(), one.at("gradient"), what);
      if (one.contains("parameters")) expect_near(gradients.parameters, one.at("parameter_gradient"), what);
      ++compared;
    }
  }
  EXPECT_GT(compared, 60U);
}

TEST(Miners, AreThoseOfPyTorchMetricLearning) {
  const auto sorted = [](auto list) {
    std::ranges::sort(list);
    return list;
  };
  std::size_t triplets = 0;
  std::size_t pairs = 0;
  for (const Json& json : golden().at("batches")) {
    const Batch batch(json);
    for (const auto& [name, expected] : json.at("mined").items()) {
      const Mined mined = mine(kMiners.at(name), cosines_of(batch.embeddings), batch.classes);
      std::vector<Triplet> wanted;
      for (const Json& one : expected.value("triplets", Json::array())) wanted.push_back({one[0], one[1], one[2]});
      EXPECT_EQ(sorted(mined.triplets), wanted) << name;
      for (const auto& [list, found] : {std::pair("positives", &mined.positives), {"negatives", &mined.negatives}}) {
        std::vector<Pair> wanted_pairs;
        for (const Json& one : expected.value(list, Json::array())) wanted_pairs.push_back({one[0], one[1]});
        EXPECT_EQ(sorted(*found), wanted_pairs) << name << " " << list;
        pairs += found->size();
      }
      triplets += wanted.size();
    }
  }
  EXPECT_GT(triplets, 50U);
  EXPECT_GT(pairs, 50U);
}

// Two directions at a right angle, of two classes, and one in between that is of the first: by hand.
class ByHand : public testing::Test {
 protected:
  double value(LossOptions options, Miner miner = Miner::none) {
    const auto loss = make_loss(options, 2, 2, 1);
    if (!loss->parameters().empty()) std::ranges::copy(std::vector{3.F, 0.F, 0.F, 0.5F}, loss->parameters().begin());
    Loss::Gradients gradients;
    return loss->at(items_, classes_, mine(miner, cosines_of(items_), classes_), gradients);
  }

  const std::vector<std::uint32_t> classes_ = {0, 0, 1};
  const Matrix items_ = matrix({2, 0, 1, 1, 0, 3}, 2);
  const double half_ = std::sqrt(0.5);            // the cosine of the middle one with the others
  const double near_ = std::sqrt(2 - 2 * half_);  // and its distance
};

TEST_F(ByHand, Circle) {
  // Anchors 0 and 1 have a positive (half_); their negatives are at 0 and half_. Anchor 2 has no positive.
  const double pull = 80 * (1.4 - half_) * (0.6 - half_);
  const auto with = [&](double negative) {
    return std::log1p(std::exp(pull + 80 * (negative + 0.4) * (negative - 0.4)));
  };
  EXPECT_NEAR(value({.kind = LossKind::circle}), (with(0) + with(half_)) / 2, 1e-5);
}

TEST_F(ByHand, Triplet) {
  // Of anchor 0: near_ against sqrt(2), no loss. Of anchor 1: near_ against near_, the margin.
  EXPECT_NEAR(value({.kind = LossKind::triplet}), 0.05, 1e-6);
  EXPECT_NEAR(value({.kind = LossKind::triplet, .margin = 0.8}), (near_ - std::sqrt(2) + 0.8 + 0.8) / 2, 1e-6);
}

TEST_F(ByHand, Contrastive) {
  // Positives at near_, twice; negatives at sqrt(2), beyond the margin, and at near_, each both ways.
  EXPECT_NEAR(value({.kind = LossKind::contrastive}), near_ + (1 - near_), 1e-6);
}

TEST_F(ByHand, MultiSimilarity) {
  const double positive = std::log1p(std::exp(2 * (0.5 - half_))) / 2;
  const double far = std::log1p(std::exp(-25)) / 50;
  const double near = std::log1p(std::exp(50 * (half_ - 0.5))) / 50;
  const double both = std::log(1 + std::exp(-25) + std::exp(50 * (half_ - 0.5))) / 50;
  EXPECT_NEAR(value({.kind = LossKind::multi_similarity}), (2 * positive + far + near + both) / 3, 1e-6);
}

TEST_F(ByHand, ArcFace) {
  // Proxies along the axes: cosines (1, 0), (half_, half_), (0, 1).
  const double margin = 28.6 * std::acos(-1) / 180;
  const auto loss = [&](double own, double other) {
    return std::log1p(std::exp(64 * (other - std::cos(std::acos(own) + margin))));
  };
  EXPECT_NEAR(value({.kind = LossKind::arcface}), (loss(1 - 1e-7, 0) * 2 + loss(half_, half_)) / 3, 1e-3);
}

TEST_F(ByHand, ProxyAnchor) {
  const auto positive = [](auto... cosine) { return std::log(1 + (std::exp(32 * (0.1 - cosine)) + ...)); };
  const auto negative = [](auto... cosine) { return std::log(1 + (std::exp(32 * (0.1 + cosine)) + ...)); };
  const double expected = (positive(1.0, half_) + positive(1.0)) / 2 + (negative(0.0) + negative(0.0, half_)) / 2;
  EXPECT_NEAR(value({.kind = LossKind::proxy_anchor}), expected, 1e-5);
}

TEST_F(ByHand, Miners) {
  const Matrix cosines = cosines_of(items_);
  // Anchor 1 is as near to its negative as to its positive, anchor 0 further: sqrt(2) is more than 0.2 beyond near_.
  EXPECT_THAT(mine(Miner::hard, cosines, classes_).triplets, testing::ElementsAre(Triplet{0, 1, 2}, Triplet{1, 0, 2}));
  EXPECT_THAT(mine(Miner::semi_hard, cosines, classes_).triplets, testing::IsEmpty());
  const Mined mined = mine(Miner::multi_similarity, cosines, classes_);
  EXPECT_THAT(mined.positives, testing::ElementsAre(Pair{1, 0}));
  EXPECT_THAT(mined.negatives, testing::ElementsAre(Pair{1, 2}));
}

TEST(Losses, OfNothingToCompareAre0) {
  const Matrix items = matrix({1, 0, 0, 1, 0, 0}, 2);  // the last has no direction
  for (const auto& [name, kind] : kLosses) {
    const auto loss = make_loss({.kind = kind}, 3, 2, 1);
    Loss::Gradients gradients;
    const std::vector<std::uint32_t> one_class = {0, 0, 0};
    const double value = loss->at(items, one_class, all_pairs(one_class), gradients);
    EXPECT_TRUE(std::isfinite(value)) << name;
    for (const float slope : gradients.embeddings.values()) EXPECT_TRUE(std::isfinite(slope)) << name;
    EXPECT_EQ(gradients.embeddings[2][0], 0) << name;
    if (kind == LossKind::triplet || kind == LossKind::circle) EXPECT_EQ(value, 0) << name;
  }
}

}  // namespace
}  // namespace eidetic
