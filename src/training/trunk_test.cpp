#include "training/trunk.h"

#include <gtest/gtest.h>

namespace eidetic {
namespace {

TEST(Trunk, AllSizesChangeAlike) {
  const Json steps =
      Json::parse(R"([{"resize_short_side": {"size": 256}}, {"center_crop": {"width": 224, "height": 224}},
                                     {"normalize": {"sub": [1, 1, 1], "div": [2, 2, 2]}}])");
  const Json expected = Json::parse(R"([{"resize_short_side": {"size": 128}},
                                        {"center_crop": {"width": 112, "height": 112}},
                                        {"normalize": {"sub": [1, 1, 1], "div": [2, 2, 2]}}])");
  EXPECT_EQ(with_input_size(steps, 112), expected);
  EXPECT_EQ(with_input_size(expected, 224), steps);
  // The last size counts; a picture that is no square keeps its shape.
  const Json wide = Json::parse(R"([{"letterbox": {"width": 200, "height": 100}}])");
  EXPECT_EQ(with_input_size(wide, 300), Json::parse(R"([{"letterbox": {"width": 300, "height": 150}}])"));
  EXPECT_EQ(with_input_size(Json::array(), 300), Json::array());
}

}  // namespace
}  // namespace eidetic
