#include "image/crop.h"

#include <gtest/gtest.h>

#include <cmath>

namespace eidetic {
namespace {

// 4 x 3 pixels that say where they are.
Image grid() {
  Image image{.width = 4, .height = 3, .pixels = {}};
  for (std::uint8_t y = 0; y < 3; ++y) {
    for (std::uint8_t x = 0; x < 4; ++x) image.pixels.insert(image.pixels.end(), {x, y, 0});
  }
  return image;
}

TEST(CropImage, CutsPixels) {
  const auto part = crop_image(grid(), {.x = 1, .y = 1, .width = 2, .height = 2});
  ASSERT_TRUE(part);
  EXPECT_EQ(part->width, 2);
  EXPECT_EQ(part->height, 2);
  EXPECT_EQ(part->pixels, (std::vector<std::uint8_t>{1, 1, 0, 2, 1, 0, 1, 2, 0, 2, 2, 0}));
}

TEST(CropImage, TakesFractions) {
  const auto part = crop_image(grid(), {.x = 0.5, .y = 0, .width = 0.5, .height = 1});
  ASSERT_TRUE(part);
  EXPECT_EQ(part->width, 2);
  EXPECT_EQ(part->height, 3);
  EXPECT_EQ(part->pixels[0], 2);
}

TEST(CropImage, ReachesNoFurtherThanThePicture) {
  const auto part = crop_image(grid(), {.x = -5, .y = 2, .width = 100, .height = 1e300});
  ASSERT_TRUE(part);
  EXPECT_EQ(part->width, 4);
  EXPECT_EQ(part->height, 1);
}

TEST(CropImage, RefusesWhatHoldsNothing) {
  for (const Crop& crop : {Crop{4, 0, 2, 2}, Crop{-3, 0, 2, 2}, Crop{0, 0, 0, 0}, Crop{0, 0, -2, 2}, Crop{NAN, 0, 2, 2},
                           Crop{0, 0, INFINITY, 2}, Crop{0.5, 1.5, 0.5, 0.5}}) {
    const auto part = crop_image(grid(), crop);
    ASSERT_FALSE(part);
    EXPECT_EQ(part.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(part.error().message.find("4 x 3"), std::string::npos);
  }
}

}  // namespace
}  // namespace eidetic
