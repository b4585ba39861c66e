#include "refine/alignment_picture.h"

#include <gtest/gtest.h>

#include <array>

#include "refine/test_textures.h"

namespace eidetic {
namespace {

std::array<int, 3> pixel(const Image& image, std::int32_t x, std::int32_t y) {
  const std::uint8_t* at = image.pixels.data() + (static_cast<std::size_t>(y) * image.width + x) * 3;
  return {at[0], at[1], at[2]};
}

constexpr std::array<int, 3> kGray = {100, 100, 100};
constexpr std::array<int, 3> kOrange = {255, 140, 0};

Alignment some_alignment() {
  return {.verified = true,
          .quad = {{{20, 10}, {60, 10}, {60, 50}, {20, 50}}},
          .query_quad = {{{0, 0}, {80, 0}, {80, 80}, {0, 80}}},
          .pairs = {{{40, 70}, {40, 30}}}};
}

TEST(DrawAlignment, ShowsBothPicturesTheQuadAndTheInliers) {
  const Image drawing = draw_alignment(blank(80, 80, 100), blank(90, 60, 100), some_alignment()).value();
  EXPECT_EQ(drawing.width, 80 + 8 + 90);
  EXPECT_EQ(drawing.height, 80);
  ASSERT_EQ(drawing.pixels.size(), std::size_t{3} * drawing.width * drawing.height);
  constexpr int kHit = 88;  // where it begins
  EXPECT_EQ(pixel(drawing, kHit + 40, 10), kOrange);
  EXPECT_EQ(pixel(drawing, kHit + 40, 49), kOrange);
  EXPECT_EQ(pixel(drawing, kHit + 20, 40), kOrange);
  EXPECT_EQ(pixel(drawing, kHit + 59, 20), kOrange);
  EXPECT_EQ(pixel(drawing, kHit + 50, 40), kGray);                // inside the quad
  EXPECT_EQ(pixel(drawing, kHit + 80, 55), kGray);                // outside
  EXPECT_EQ(pixel(drawing, 84, 3), (std::array{255, 255, 255}));  // between the pictures
  EXPECT_EQ(pixel(drawing, 40, 0), kOrange);
  // The line from (40, 70) in the query to (40, 30) in the hit passes half way between.
  EXPECT_NE(pixel(drawing, 64, 59), kGray);
  EXPECT_EQ(pixel(drawing, 64, 45), kGray);
  EXPECT_EQ(pixel(drawing, 30, 60), kGray);
}

TEST(DrawAlignment, MakesLargePicturesSmaller) {
  Alignment alignment = some_alignment();
  for (PlanePosition& corner : alignment.quad) corner = {corner.x * 10, corner.y * 10};
  const Image drawing = draw_alignment(blank(80, 80, 100), blank(900, 600, 100), alignment, {.max_side = 90}).value();
  EXPECT_EQ(drawing.width, 80 + 8 + 90);
  EXPECT_EQ(pixel(drawing, 88 + 40, 10), kOrange);
  EXPECT_EQ(pixel(drawing, 88 + 50, 40), kGray);
}

TEST(DrawAlignment, StaysWithinThePictures) {
  Alignment alignment = some_alignment();
  alignment.quad = {{{-1e7, -50}, {1e9, 20}, {500, 1e8}, {-30, 900}}};
  alignment.pairs.assign(500, {{-1e6, 3}, {1e12, 1e12}});
  EXPECT_TRUE(draw_alignment(blank(80, 80), blank(90, 60), alignment));
  const Image none = draw_alignment(blank(80, 80, 100), blank(90, 60, 100), {.pairs = alignment.pairs}).value();
  for (std::int32_t x = 0; x < 80; ++x) ASSERT_EQ(pixel(none, x, 40), kGray);
}

TEST(DrawAlignment, RefusesWhatCannotBe) {
  EXPECT_EQ(draw_alignment({}, blank(9, 9), {}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(draw_alignment(blank(9, 9), {}, {}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(draw_alignment(blank(9, 9), blank(9, 9), {}, {.max_side = 5}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(draw_alignment(blank(9, 9), blank(9, 9), {}, {.max_lines = -1}).error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace eidetic
