#include "learn/classifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "base/hash.h"

namespace eidetic {
namespace {

using testing::HasSubstr;

// Two classes along the axes.
ClassifierParts two_classes() {
  return {.names = {"left", "right"},
          .shape = {.inputs = 2, .classes = 2},
          .parameters = {1, 0, 0, 1, 0, 0},
          .temperature = .5};
}

Classifier random_classifier(std::size_t hidden) {
  const HeadShape shape{.inputs = 37, .hidden = hidden, .classes = 5};
  ClassifierParts parts{.kind = ClassifierKind::clusters,
                        .names = {"a", "b", "Äpfel, \"rot\"", "d", "e"},
                        .shape = shape,
                        .parameters = std::vector<float>(shape.parameters()),
                        .unit = false,
                        .temperature = 1.25};
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (float& value : parts.parameters) value = normal(random);
  return Classifier::make(std::move(parts)).value();
}

// An attacker puts the checksum right.
std::vector<std::byte> with_checksum(std::vector<std::byte> bytes) {
  const std::size_t end = bytes.size() - sizeof(std::uint64_t);
  const std::uint64_t sum = checksum(std::span(bytes).first(end));
  std::memcpy(&bytes[end], &sum, sizeof(sum));
  return bytes;
}

TEST(Classifier, AnswersWithTheNearestClassAndItsProbability) {
  const Classifier classifier = Classifier::make(two_classes()).value();
  const auto prediction = classifier.classify(std::vector<float>{3, 4}).value();
  EXPECT_EQ(prediction.index, 1U);
  EXPECT_EQ(prediction.name, "right");
  EXPECT_NEAR(prediction.confidence, 1 / (1 + std::exp((.6 - .8) / .5)), 1e-6);
  ASSERT_EQ(prediction.probabilities.size(), 2U);
  EXPECT_NEAR(prediction.probabilities[0] + prediction.probabilities[1], 1, 1e-6);
  EXPECT_EQ(classifier.index_of("right"), 1U);
  EXPECT_EQ(classifier.index_of("up"), std::nullopt);
}

TEST(Classifier, IsUnsureOfWhatHasNoDirection) {
  const auto prediction = Classifier::make(two_classes())->classify(std::vector<float>{0, 0}).value();
  EXPECT_EQ(prediction.name, "left");
  EXPECT_NEAR(prediction.confidence, .5, 1e-6);
}

TEST(Classifier, RefusesVectorsThatAreNotItsOwn) {
  const Classifier classifier = Classifier::make(two_classes()).value();
  EXPECT_THAT(classifier.classify(std::vector<float>{1, 2, 3}).error().message, HasSubstr("3 dimensions"));
  EXPECT_FALSE(classifier.classify(std::vector<float>{1, std::numeric_limits<float>::quiet_NaN()}));
  ClassifierParts large = two_classes();
  large.unit = false;
  large.parameters[0] = 1e15F;
  EXPECT_THAT(Classifier::make(large)->classify(std::vector<float>{1e30F, 0}).error().message, HasSubstr("too large"));
}

TEST(Classifier, IsNotMadeOfPartsThatDoNotFit) {
  const auto refused = [](auto change) {
    ClassifierParts parts = two_classes();
    change(parts);
    const auto made = Classifier::make(std::move(parts));
    return made ? std::string() : made.error().message;
  };
  EXPECT_THAT(refused([](auto& parts) { parts.names = {"one"}; }), HasSubstr("1 classes"));
  EXPECT_THAT(refused([](auto& parts) { parts.names = {"one", "one"}; }), HasSubstr("two classes 'one'"));
  EXPECT_THAT(refused([](auto& parts) { parts.names[1] = "\xFF"; }), HasSubstr("not UTF-8"));
  EXPECT_THAT(refused([](auto& parts) { parts.names[1] = ""; }), HasSubstr("no name"));
  EXPECT_THAT(refused([](auto& parts) { parts.names.emplace_back("third"); }), HasSubstr("fit together"));
  EXPECT_THAT(refused([](auto& parts) { parts.parameters[3] = INFINITY; }), HasSubstr("not a number"));
  EXPECT_THAT(refused([](auto& parts) { parts.temperature = 0; }), HasSubstr("temperature"));
  EXPECT_THAT(refused([](auto& parts) { parts.shape.hidden = 1'000'000; }), HasSubstr("too large"));
}

TEST(Classifier, IsTheSameAfterItWasSaved) {
  for (const std::size_t hidden : {0, 11}) {
    const Classifier before = random_classifier(hidden);
    const auto bytes = before.serialize();
    const Classifier after = Classifier::deserialize(bytes, "x").value();
    EXPECT_EQ(after.kind(), ClassifierKind::clusters);
    EXPECT_EQ(after.class_names(), before.class_names());
    EXPECT_EQ(after.parts().parameters, before.parts().parameters);
    EXPECT_EQ(after.serialize(), bytes);
    std::vector<float> vector(37);
    for (std::size_t i = 0; i < vector.size(); ++i) vector[i] = std::sin(static_cast<float>(i));
    EXPECT_EQ(after.classify(vector)->probabilities, before.classify(vector)->probabilities);
  }
}

TEST(Classifier, RefusesBytesThatAreDamaged) {
  const auto bytes = random_classifier(3).serialize();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto cut = Classifier::deserialize(std::span(bytes).first(length), "f");
    ASSERT_FALSE(cut) << length;
    EXPECT_EQ(cut.error().code, ErrorCode::corrupt);
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto changed = bytes;
    changed[i] ^= std::byte{0x10};
    EXPECT_FALSE(Classifier::deserialize(changed, "f")) << i;
  }
}

// Whatever a good checksum vouches for: refused, or safe to use.
TEST(Classifier, BelievesNoNumberOfABadFile) {
  const auto bytes = random_classifier(3).serialize();
  std::mt19937 random(2);
  std::size_t accepted = 0;
  for (std::size_t i = 12; i + 8 < bytes.size(); ++i) {
    for (const int value : {0, 1, 127, 128, 255}) {
      auto changed = bytes;
      changed[i] = static_cast<std::byte>(value);
      const auto classifier = Classifier::deserialize(with_checksum(changed), "f");
      if (!classifier) continue;
      ++accepted;
      const auto prediction = classifier->classify(std::vector<float>(classifier->dimensions(), .1F));
      if (prediction) ASSERT_TRUE(prediction->confidence >= 0 && prediction->confidence <= 1) << i;
    }
  }
  EXPECT_GT(accepted, 100U);  // most bytes are those of weights
}

TEST(Classifier, SaysWhenAFileIsOfANewerVersion) {
  auto bytes = random_classifier(0).serialize();
  bytes[8] = std::byte{2};
  const auto newer = Classifier::deserialize(with_checksum(bytes), "head.bin");
  EXPECT_EQ(newer.error().code, ErrorCode::unsupported);
  EXPECT_THAT(newer.error().message, HasSubstr("'head.bin'"));
}

Prediction says(std::size_t index, std::vector<float> probabilities) {
  const double confidence = probabilities[index];
  return {.index = index,
          .name = std::string(1, static_cast<char>('a' + index)),
          .confidence = confidence,
          .probabilities = std::move(probabilities)};
}

TEST(Vote, GoesToWhatMostSay) {
  const std::vector<Prediction> predictions = {says(2, {.1F, .1F, .8F}), says(0, {.9F, 0, .1F}),
                                               says(2, {.3F, .3F, .4F})};
  const auto result = vote(predictions).value();
  EXPECT_EQ(result.name, "c");
  EXPECT_EQ(result.index, 2U);
  EXPECT_NEAR(result.confidence, (.8 + .1 + .4) / 3, 1e-6);
  EXPECT_NEAR(result.probabilities[0], (.1 + .9 + .3) / 3, 1e-6);
}

TEST(Vote, OfATieTheSmallestWins) {
  const std::vector<Prediction> predictions = {says(2, {0, 0, 1}), says(1, {.2F, .5F, .3F}), says(2, {0, 0, 1}),
                                               says(1, {.2F, .5F, .3F}), says(0, {1, 0, 0})};
  EXPECT_EQ(vote(predictions)->index, 1U);
  EXPECT_EQ(vote(predictions)->name, "b");
}

TEST(Vote, IsOfOneClassifier) {
  EXPECT_FALSE(vote({}));
  EXPECT_FALSE(vote(std::vector<Prediction>{says(0, {1, 0}), says(0, {1, 0, 0})}));
}

}  // namespace
}  // namespace eidetic
