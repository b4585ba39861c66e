#include "image/encode.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string_view>

namespace eidetic {
namespace {

Image gradient(std::int32_t width, std::int32_t height) {
  Image image{.width = width, .height = height, .pixels = {}};
  for (std::int32_t y = 0; y < height; ++y) {
    for (std::int32_t x = 0; x < width; ++x) {
      image.pixels.push_back(static_cast<std::uint8_t>(x * 255 / width));
      image.pixels.push_back(static_cast<std::uint8_t>(y * 255 / height));
      image.pixels.push_back(128);
    }
  }
  return image;
}

TEST(FitImage, KeepsTheShape) {
  for (const auto& [width, height] :
       {std::pair(640, 480), std::pair(480, 640), std::pair(101, 100), std::pair(97, 41)}) {
    const Image small = fit_image(gradient(width, height), 64);
    EXPECT_EQ(std::max(small.width, small.height), 64);
    EXPECT_NEAR(static_cast<double>(small.width) / small.height, static_cast<double>(width) / height, 0.03);
    ASSERT_EQ(small.pixels.size(), std::size_t{3} * small.width * small.height);
    const Image expected = gradient(small.width, small.height);
    for (std::size_t i = 0; i < small.pixels.size(); ++i) {
      ASSERT_LE(std::abs(small.pixels[i] - expected.pixels[i]), 4) << width << 'x' << height << " at " << i;
    }
  }
}

TEST(FitImage, NeverEnlargesAndNeverVanishes) {
  EXPECT_EQ(fit_image(gradient(30, 20), 64).width, 30);
  EXPECT_EQ(fit_image(gradient(64, 20), 64).pixels, gradient(64, 20).pixels);
  const Image line = fit_image(gradient(1000, 2), 16);
  EXPECT_EQ(line.width, 16);
  EXPECT_EQ(line.height, 1);
}

TEST(EncodeJpeg, GivesBackNearlyWhatItGot) {
  const Image image = gradient(61, 43);
  const auto jpeg = encode_jpeg(image, 95);
  ASSERT_TRUE(jpeg) << jpeg.error().message;
  EXPECT_EQ(media_type_of(*jpeg), "image/jpeg");
  const auto decoded = decode_image(*jpeg);
  ASSERT_TRUE(decoded);
  ASSERT_EQ(decoded->pixels.size(), image.pixels.size());
  for (std::size_t i = 0; i < image.pixels.size(); ++i) ASSERT_NEAR(decoded->pixels[i], image.pixels[i], 16);
  EXPECT_EQ(encode_jpeg({}).error().code, ErrorCode::invalid_argument);
}

TEST(MediaType, IsToldByContent) {
  const auto type = [](std::string_view head) { return media_type_of(std::as_bytes(std::span(head))); };
  EXPECT_EQ(type("\x89PNG\r\n\x1a\n"), "image/png");
  EXPECT_EQ(type("GIF89a"), "image/gif");
  EXPECT_EQ(type("P6 1 1 255\n"), "image/x-portable-anymap");
  EXPECT_EQ(type(std::string_view("\0\0\0\x1c"
                                  "ftypavif",
                                  12)),
            "image/avif");
  EXPECT_EQ(type(std::string_view("\0\0\0\x1c"
                                  "ftypheic",
                                  12)),
            "image/heif");
  EXPECT_EQ(type("<html>"), "application/octet-stream");
  EXPECT_EQ(type(""), "application/octet-stream");
}

}  // namespace
}  // namespace eidetic
