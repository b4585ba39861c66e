#include "refine/perceptual_hash.h"

#include <gtest/gtest.h>

#include "image/encode.h"
#include "refine/augment.h"
#include "refine/test_copies.h"

namespace eidetic {
namespace {

TEST(PerceptualHash, StaysForScalingCompressionAndColour) {
  const Image picture = textured_picture(1);
  const PerceptualHash hash = perceptual_hash(picture);
  EXPECT_EQ(perceptual_hash(picture), hash);
  EXPECT_LE(hash_distance(hash, perceptual_hash(resize_image(picture, 97, 71))), 4);
  EXPECT_LE(hash_distance(hash, perceptual_hash(recompressed(picture, 15))), 4);
  Image darker = picture;
  for (auto& level : darker.pixels) level = static_cast<std::uint8_t>(level * 7 / 10);
  EXPECT_LE(hash_distance(hash, perceptual_hash(darker)), 2);
}

TEST(PerceptualHash, KnowsAMirroredPictureWithoutSeeingIt) {
  const Image picture = textured_picture(2);
  const PerceptualHash hash = perceptual_hash(picture);
  const PerceptualHash swapped = perceptual_hash(mirrored(picture));
  EXPECT_EQ(hash_distance(hash, swapped), 0);
  EXPECT_EQ(swapped.straight, hash.mirrored);
  EXPECT_NE(swapped.straight, hash.straight);
}

TEST(PerceptualHash, IsFarOffForAnotherPicture) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const auto distance =
        hash_distance(perceptual_hash(textured_picture(seed)), perceptual_hash(textured_picture(seed + 100)));
    EXPECT_GE(distance, 12) << seed;
  }
}

TEST(PerceptualHash, SaysNothingOfAPictureWithNothingOnIt) {
  const PerceptualHash plain = perceptual_hash(blank(200, 100));
  EXPECT_TRUE(plain.plain());
  EXPECT_FALSE(hash_distance(plain, plain));
  EXPECT_FALSE(hash_distance(plain, perceptual_hash(textured_picture(3))));
  // A single pixel is a picture too.
  EXPECT_TRUE(perceptual_hash(blank(1, 1)).plain());
}

}  // namespace
}  // namespace eidetic
