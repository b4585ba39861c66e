#include "refine/local_features.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/hash.h"
#include "base/threads.h"
#include "refine/augment.h"
#include "refine/test_textures.h"

namespace eidetic {
namespace {

// A bright spot of Gaussian shape on grey.
Image spot(std::int32_t width, std::int32_t height, PlanePosition middle, double sigma) {
  Image image = blank(width, height, 60);
  for (std::int32_t y = 0; y < height; ++y) {
    for (std::int32_t x = 0; x < width; ++x) {
      const double r2 = std::pow(x + 0.5 - middle.x, 2) + std::pow(y + 0.5 - middle.y, 2);
      const auto level = static_cast<std::uint8_t>(60 + 180 * std::exp(-r2 / (2 * sigma * sigma)));
      std::fill_n(image.pixels.begin() + (static_cast<std::ptrdiff_t>(y) * width + x) * 3, 3, level);
    }
  }
  return image;
}

LocalFeatures features_of(const Image& image, const FeatureOptions& options = {}) {
  return extract_features(image, options).value();
}

TEST(LocalFeatures, AreWhereTheSpotIs) {
  struct Case {
    std::int32_t width, height;
    PlanePosition middle;
    double sigma;
  };
  // Doubled, as it is, and made smaller first.
  for (const auto& [width, height, middle, sigma] :
       {Case{200, 150, {71.5, 52.25}, 4}, Case{600, 500, {401, 177.5}, 6}, Case{1500, 1100, {900, 310}, 20}}) {
    const LocalFeatures features = features_of(spot(width, height, middle, sigma));
    ASSERT_GT(features.size(), 0U) << width;
    const Keypoint& strongest = features.keypoints[0];
    const double allowed = 0.25 * std::max(1.0, width / 640.0);
    EXPECT_NEAR(strongest.x, middle.x, allowed) << width;
    EXPECT_NEAR(strongest.y, middle.y, allowed) << width;
    // Differences of Gaussians answer most to a spot of their own size, a little below.
    EXPECT_GT(strongest.scale, 0.6 * sigma) << width;
    EXPECT_LT(strongest.scale, 1.3 * sigma) << width;
  }
}

TEST(LocalFeatures, OfTheMirrorImageAreMadeOfThoseThereAre) {
  const Image picture = texture(301, 240, 4);
  const LocalFeatures made = mirrored(features_of(picture));
  const LocalFeatures taken = features_of(mirrored(picture));
  EXPECT_EQ(made.small.pixels, taken.small.pixels);
  std::size_t same = 0;
  for (std::size_t i = 0; i < made.size(); ++i) {
    for (std::size_t j = 0; j < taken.size(); ++j) {
      const Keypoint& a = made.keypoints[i];
      const Keypoint& b = taken.keypoints[j];
      if (std::hypot(a.x - b.x, a.y - b.y) > 1 || std::abs(std::remainder(a.angle - b.angle, 2 * M_PI)) > 0.1) continue;
      int difference = 0;
      for (std::size_t k = 0; k < kDescriptorBytes; ++k) {
        difference += std::abs(int{made.descriptor(i)[k]} - int{taken.descriptor(j)[k]});
      }
      if (difference > 128 * 4) continue;  // of others it is some 20 a byte
      ++same;
      break;
    }
  }
  EXPECT_GT(same, made.size() * 9 / 10) << "of " << made.size();
}

TEST(LocalFeatures, SayWhatTheyAreOf) {
  const LocalFeatures features = features_of(texture(700, 400, 1));
  EXPECT_EQ(features.width, 700);
  EXPECT_EQ(features.height, 400);
  EXPECT_EQ(features.small.width, kSmallSide);
  EXPECT_EQ(features.small.pixels.size(), std::size_t{3} * features.small.width * features.small.height);
  EXPECT_EQ(features.size(), 1000U);
  EXPECT_EQ(features.descriptors.size(), features.size() * kDescriptorBytes);
  for (const Keypoint& keypoint : features.keypoints) {
    EXPECT_GE(keypoint.x, 0);
    EXPECT_LE(keypoint.x, 700);
    EXPECT_GE(keypoint.y, 0);
    EXPECT_LE(keypoint.y, 400);
  }
  const LocalFeatures fewer = features_of(texture(700, 400, 1), {.max_features = 10});
  ASSERT_EQ(fewer.size(), 10U);
  for (std::size_t i = 0; i < fewer.size(); ++i) EXPECT_EQ(fewer.keypoints[i].x, features.keypoints[i].x) << i;
}

TEST(LocalFeatures, NeedTexture) {
  EXPECT_TRUE(has_enough_texture(features_of(texture(200, 200, 2))));
  const LocalFeatures plain = features_of(blank(300, 200));
  EXPECT_EQ(plain.size(), 0U);
  EXPECT_FALSE(has_enough_texture(plain));
  EXPECT_FALSE(has_enough_texture(features_of(spot(300, 200, {120, 90}, 9))));
  for (const auto& [width, height] : {std::pair(1, 1), std::pair(15, 300), std::pair(16, 16), std::pair(2000, 17)}) {
    const auto small = extract_features(texture(width, height, 3));
    ASSERT_TRUE(small) << width;
    EXPECT_EQ(small->size() * kDescriptorBytes, small->descriptors.size());
  }
  // Many features at one place are no texture.
  LocalFeatures same = plain;
  same.keypoints.assign(5 * kEnoughTexture, {.x = 3, .y = 4, .scale = 2, .angle = 0});
  EXPECT_FALSE(has_enough_texture(same));
}

TEST(LocalFeatures, RefuseWhatIsOutOfRange) {
  EXPECT_EQ(extract_features({}).error().code, ErrorCode::invalid_argument);
  const Image image = blank(32, 32);
  EXPECT_EQ(extract_features(image, {.max_side = 31}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(extract_features(image, {.max_side = kMaxFeatureSide + 1}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(extract_features(image, {.upsample_below = -1}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(extract_features(image, {.upsample_below = 1025}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(extract_features(image, {.max_features = 0}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(extract_features(image, {.max_features = kMaxFeatures + 1}).error().code, ErrorCode::invalid_argument);
}

TEST(LocalFeatures, AreTheSameFromEveryThread) {
  const Image image = texture(240, 180, 4);
  const auto alone = serialize_features(features_of(image));
  ThreadPool pool(4);
  std::vector<std::vector<std::byte>> made(16);
  pool.parallel_for(made.size(), [&](std::size_t i) { made[i] = serialize_features(features_of(image)); });
  for (const auto& one : made) EXPECT_EQ(one, alone);
}

class FeatureBytes : public testing::Test {
 protected:
  // With a checksum that is right.
  static std::vector<std::byte> sealed(std::vector<std::byte> bytes) {
    bytes.resize(bytes.size() - sizeof(std::uint64_t));
    const std::uint64_t sum = checksum(bytes);
    const auto end = std::as_bytes(std::span(&sum, 1));
    bytes.insert(bytes.end(), end.begin(), end.end());
    return bytes;
  }
  template <typename T>
  std::vector<std::byte> changed(std::size_t at, T value) const {
    auto bytes = bytes_;
    std::memcpy(bytes.data() + at, &value, sizeof(value));
    return sealed(std::move(bytes));
  }

  LocalFeatures features_ = features_of(texture(90, 60, 5), {.max_features = 20});
  std::vector<std::byte> bytes_ = serialize_features(features_);
};

TEST_F(FeatureBytes, ComeBackAsTheyWere) {
  const auto again = deserialize_features(bytes_);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->width, 90);
  EXPECT_EQ(again->height, 60);
  ASSERT_EQ(again->size(), 20U);
  EXPECT_EQ(std::memcmp(again->keypoints.data(), features_.keypoints.data(), 20 * sizeof(Keypoint)), 0);
  EXPECT_EQ(again->descriptors, features_.descriptors);
  EXPECT_EQ(again->small.pixels, features_.small.pixels);
  EXPECT_EQ(again->small.width, features_.small.width);
  const LocalFeatures none = features_of(blank(40, 30));
  EXPECT_EQ(deserialize_features(serialize_features(none))->size(), 0U);
}

TEST_F(FeatureBytes, DamagedAreRefused) {
  for (std::size_t length = 0; length < bytes_.size(); ++length) {
    const auto cut = deserialize_features(std::span(bytes_).first(length));
    ASSERT_FALSE(cut) << length;
    ASSERT_EQ(cut.error().code, ErrorCode::corrupt);
  }
  for (std::size_t at = 0; at < bytes_.size(); at += 7) {
    auto flipped = bytes_;
    flipped[at] ^= std::byte{16};
    ASSERT_FALSE(deserialize_features(flipped)) << at;
  }
}

TEST_F(FeatureBytes, ForgedAreRefused) {
  ASSERT_TRUE(deserialize_features(sealed(bytes_)));
  EXPECT_FALSE(deserialize_features(changed<std::uint32_t>(4, 2)));   // version
  EXPECT_FALSE(deserialize_features(changed<std::int32_t>(8, 0)));    // width
  EXPECT_FALSE(deserialize_features(changed<std::int32_t>(12, -1)));  // height
  EXPECT_FALSE(deserialize_features(changed<std::int32_t>(16, 19)));  // keypoints, fewer than there are
  EXPECT_FALSE(deserialize_features(changed<std::int32_t>(16, 1'000'000'000)));
  EXPECT_FALSE(deserialize_features(changed<std::int32_t>(20, kSmallSide + 1)));
  EXPECT_FALSE(deserialize_features(changed<std::uint32_t>(28, 1)));  // reserved
  constexpr std::size_t kFirst = 32;                                  // keypoint
  EXPECT_FALSE(deserialize_features(changed(kFirst, 91.0F)));
  EXPECT_FALSE(deserialize_features(changed(kFirst, std::numeric_limits<float>::quiet_NaN())));
  EXPECT_FALSE(deserialize_features(changed(kFirst + 4, -0.5F)));
  EXPECT_FALSE(deserialize_features(changed(kFirst + 8, 0.0F)));
  EXPECT_FALSE(deserialize_features(changed(kFirst + 12, std::numeric_limits<float>::infinity())));
  EXPECT_FALSE(deserialize_features(changed<std::uint8_t>(kFirst + 20 * sizeof(Keypoint), 128)));
}

}  // namespace
}  // namespace eidetic
