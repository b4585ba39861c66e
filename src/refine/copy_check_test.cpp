#include "refine/copy_check.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "image/encode.h"
#include "refine/augment.h"
#include "refine/copy_score.h"
#include "refine/test_copies.h"

namespace eidetic {
namespace {

std::optional<PixelMatch> match(const Image& a, const Image& b) {
  return match_pixels(copy_features(a), copy_features(b));
}

double score(const Image& a, const Image& b) {
  return copy_score({.similarity = 0.9, .hash_distance = 20, .pixels = match(a, b)});
}

TEST(CopyCheck, FindsEdits) {
  const Image picture = textured_picture(1);
  EXPECT_GT(score(picture, picture), 0.99);
  EXPECT_GT(score(picture, recompressed(picture, 15)), 0.95);
  EXPECT_GT(score(picture, resize_image(picture, 150, 130)), 0.95);
  EXPECT_GT(score(picture, mirrored(picture)), 0.99);
  Image written_on = picture;
  std::fill_n(written_on.pixels.begin() + 320 * 3 * 30, 320 * 3 * 30, std::uint8_t{255});
  EXPECT_GT(score(picture, written_on), 0.9);
}

TEST(CopyCheck, FindsCropsEitherWay) {
  const Image picture = textured_picture(2);
  const Image part = cropped(picture, 50, 20, 230, 190);
  EXPECT_GT(score(picture, part), 0.95);
  EXPECT_GT(score(part, picture), 0.95);
  EXPECT_GT(score(mirrored(picture), recompressed(part, 60)), 0.95);
  const auto found = match(part, picture);
  ASSERT_TRUE(found);
  EXPECT_GT(found->shown_pct, 98);
  EXPECT_FALSE(found->mirrored);
  EXPECT_TRUE(match(part, mirrored(picture))->mirrored);
}

TEST(CopyCheck, IsNotTakenInByOtherPictures) {
  EXPECT_LT(score(textured_picture(3), textured_picture(4)), 0.01);
  // The same thing, held before another background.
  const Image picture = textured_picture(3);
  Image scene = textured_picture(5);
  const Image thing = cropped(picture, 80, 40, 150, 150);
  for (std::int32_t row = 0; row < thing.height; ++row) {
    std::copy_n(thing.pixels.begin() + static_cast<std::ptrdiff_t>(row) * thing.width * 3, thing.width * 3,
                scene.pixels.begin() + (static_cast<std::ptrdiff_t>(row + 50) * scene.width + 90) * 3);
  }
  EXPECT_LT(score(picture, scene), 0.1);
}

TEST(CopyCheck, TellsACameraThatMovedFromACrop) {
  const Image picture = textured_picture(6);
  // The same scene, seen a bit further to the right: either shows what the other does not.
  const Image wide = resize_image(picture, 480, 360);
  EXPECT_LT(score(cropped(wide, 0, 0, 400, 360), cropped(wide, 80, 0, 400, 360)), 0.1);
  // From a camera turned by three degrees, cut to what both show.
  Image turned = blank(260, 180);
  paste(turned, picture, similarity_of({{130, 90}, {160, 120}}, 1, 0.05), corners_of(320, 240));
  EXPECT_LT(score(turned, picture), 0.1);
}

TEST(CopyCheck, SaysNothingOfPicturesWithNothingOnThem) {
  EXPECT_FALSE(match(blank(200, 200), blank(200, 200)));
  EXPECT_FALSE(match(Image{.width = 1, .height = 1, .pixels = {1, 2, 3}}, blank(4, 4)));
  EXPECT_FALSE(match_pixels({}, copy_features(textured_picture(1))));
}

// --- the score ---

TEST(CopyScore, GoesByTheSurestSign) {
  EXPECT_GT(copy_score({.similarity = 0.3, .hash_distance = 2, .pixels = {}}), 0.95);
  EXPECT_LT(copy_score({.similarity = 0.98, .hash_distance = 24, .pixels = {}}), 0.01);
  const PixelMatch crop{.agreement = 0.95, .shown_pct = 100, .skew_pct = 0.1, .mirrored = false};
  EXPECT_GT(copy_score({.similarity = 0.8, .hash_distance = 24, .pixels = crop}), 0.95);
  EXPECT_LT(copy_score({.similarity = 0.99, .hash_distance = 3, .pixels = PixelMatch{}}), 0.01);
  // Vectors alone say little, and less than one.
  EXPECT_GT(copy_score({.similarity = 1, .hash_distance = {}, .pixels = {}}), 0.9);
  EXPECT_LT(copy_score({.similarity = 0.98, .hash_distance = {}, .pixels = {}}), 0.01);
}

TEST(CopyScore, AsksForPixelsWhereTheyDecide) {
  EXPECT_FALSE(is_unsure({.similarity = 0.9, .hash_distance = 1, .pixels = {}}));
  EXPECT_TRUE(is_unsure({.similarity = 0.9, .hash_distance = 8, .pixels = {}}));
  EXPECT_TRUE(is_unsure({.similarity = 0.9, .hash_distance = 30, .pixels = {}}));
  EXPECT_FALSE(is_unsure({.similarity = 0.5, .hash_distance = 30, .pixels = {}}));
}

}  // namespace
}  // namespace eidetic
