#include "embed/pooling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace eidetic {
namespace {

using testing::ElementsAre;
using testing::FloatNear;

Vector pooled(std::vector<std::size_t> shape, Pooling pooling, bool planar, const Vector& values, double p = 3) {
  const ModelBundle bundle{.name = "m", .pooling = pooling, .gem_p = p};
  const PoolPlan plan = plan_pooling(shape, planar, bundle).value();
  Vector vector = pool(values, plan);
  EXPECT_EQ(vector.size(), plan.dimensions());
  return vector;
}

TEST(Pool, FoldsThePositionsOfPlanes) {
  const Vector values = {1, 2, 3, 6, -1, -2, -3, -6};
  EXPECT_THAT(pooled({1, 2, 2, 2}, Pooling::avg, true, values), ElementsAre(3, -3));
  EXPECT_THAT(pooled({1, 2, 2, 2}, Pooling::max, true, values), ElementsAre(6, -1));
  EXPECT_EQ(pooled({1, 2, 2, 2}, Pooling::none, true, values), values);
}

TEST(Pool, FoldsInterleavedChannelsAndTokens) {
  const Vector values = {1, -1, 2, -2, 3, -3, 6, -6};
  EXPECT_THAT(pooled({1, 2, 2, 2}, Pooling::avg, false, values), ElementsAre(3, -3));
  EXPECT_THAT(pooled({1, 4, 2}, Pooling::max, true, values), ElementsAre(6, -1));
}

TEST(Pool, GeneralisesTheMean) {
  const float third_power_mean = std::cbrt((1.0F + 8 + 27 + 216) / 4);
  const Vector vector = pooled({1, 2, 2, 2}, Pooling::gem, true, {1, 2, 3, 6, -1, -2, -3, -6});
  EXPECT_THAT(vector, ElementsAre(FloatNear(third_power_mean, 1e-5F), FloatNear(1e-6F, 1e-7F)));
  EXPECT_THAT(pooled({1, 1, 1, 2}, Pooling::gem, true, {2, 4}, 1), ElementsAre(FloatNear(3, 1e-5F)));
}

TEST(Pool, LeavesFlatOutputsAlone) {
  EXPECT_THAT(pooled({1, 3}, Pooling::avg, true, {1, 2, 3}), ElementsAre(1, 2, 3));
  EXPECT_THAT(pooled({1, 3, 1, 1}, Pooling::max, true, {1, 2, 3}), ElementsAre(1, 2, 3));
}

TEST(Pool, LetsNothingThatIsNotFiniteVanish) {
  const float nan = std::nanf("");
  EXPECT_TRUE(std::isnan(pooled({1, 1, 1, 3}, Pooling::max, true, {1, nan, 2})[0]));
  EXPECT_TRUE(std::isnan(pooled({1, 1, 1, 3}, Pooling::max, true, {nan, 1, 2})[0]));
}

TEST(PlanPooling, NamesTheShapeThatMakesNoVector) {
  for (const std::vector<std::size_t>& shape : {std::vector<std::size_t>{}, {2, 3}, {1, 2, 3, 4, 5}, {1, 0}}) {
    const auto plan = plan_pooling(shape, true, {.name = "m"});
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code, ErrorCode::unsupported);
  }
}

TEST(L2Normalize, MakesUnitLengthAndSparesZero) {
  Vector vector = {3, 4};
  l2_normalize(vector);
  EXPECT_THAT(vector, ElementsAre(0.6F, 0.8F));
  Vector zero = {0, 0};
  l2_normalize(zero);
  EXPECT_THAT(zero, ElementsAre(0, 0));
}

}  // namespace
}  // namespace eidetic
