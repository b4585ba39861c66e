#include "engine/query_terms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace eidetic {
namespace {

using testing::ElementsAre;
using testing::FloatNear;

constexpr float kNear = 1e-6F;

TEST(Combine, ASingleTermKeepsItsBits) {
  const std::vector<Vector> vectors = {{0.1F, 12.7F, -3}};
  const std::vector<double> weights = {1};
  EXPECT_EQ(combine(vectors, weights), vectors[0]);
}

TEST(Combine, AddsDirectionsByWeight) {
  const std::vector<Vector> vectors = {{3, 0}, {0, 1}};
  const std::vector<double> weights = {1, 1};
  const auto sum = combine(vectors, weights);
  ASSERT_TRUE(sum);
  const float side = 2 / std::sqrt(2.0F);  // the mean length is 2
  EXPECT_THAT(*sum, ElementsAre(FloatNear(side, kNear), FloatNear(side, kNear)));
}

TEST(Combine, SubtractsANegativeTerm) {
  const float half = std::sqrt(0.5F);
  const std::vector<Vector> vectors = {{half, half}, {0, 1}};
  const std::vector<double> weights = {1, -half};
  const auto sum = combine(vectors, weights);
  ASSERT_TRUE(sum);
  EXPECT_THAT(*sum, ElementsAre(FloatNear(1, kNear), FloatNear(0, kNear)));
}

TEST(Combine, RefusesAQueryThatVanishes) {
  const std::vector<Vector> vectors = {{0.6F, 0.8F}, {0.6F, 0.8F}};
  const auto cancelled = combine(vectors, std::vector<double>{1, -1});
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, ErrorCode::invalid_argument);
  EXPECT_FALSE(combine(vectors, std::vector<double>{0, 0}));
  EXPECT_FALSE(combine(std::vector<Vector>{{0, 0}, {1, 0}}, std::vector<double>{1, 1}));
}

}  // namespace
}  // namespace eidetic
