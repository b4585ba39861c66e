#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <turbojpeg.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "eidetic/image.h"

#include "base/file.h"
#include "base/test_files.h"

namespace eidetic {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;
using testing::HasSubstr;

Result<Image> decode(const std::string& file, const DecodeOptions& options = {}) {
  return decode_image(as_bytes(file), options);
}

std::vector<int> values(const Result<Image>& image) {
  EXPECT_TRUE(image.has_value()) << image.error().message;
  if (!image) return {};
  return {image->pixels.begin(), image->pixels.end()};
}

std::string little(std::uint32_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i, value >>= 8) text.push_back(static_cast<char>(value));
  return text;
}

struct BmpFields {
  std::uint32_t width = 2, height = 2;
  std::uint32_t bits = 24, compression = 0, colors = 0;
};

// File header and the header of 40 bytes, then `tail`: palette or masks, and pixels from `pixels` bytes into it.
std::string bmp(const BmpFields& fields, const std::string& tail, std::uint32_t pixels = 0) {
  return "BM" + little(0, 8) + little(54 + pixels, 4) + little(40, 4) + little(fields.width, 4) +
         little(fields.height, 4) + little(1, 2) + little(fields.bits, 2) + little(fields.compression, 4) +
         little(0, 12) + little(fields.colors, 4) + little(0, 4) + tail;
}

std::string jpeg(int width, int height, int subsampling = TJSAMP_444) {
  std::vector<unsigned char> pixels(std::size_t{3} * width * height);
  for (int i = 0; i < width * height; ++i) {
    pixels[3 * i] = i % width < width / 2 ? 255 : 0;                 // left half red
    pixels[3 * i + 1] = static_cast<unsigned char>(i * 7919 % 101);  // what keeps the file from being all header
  }
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  const tjhandle handle = tjInitCompress();
  EXPECT_EQ(tjCompress2(handle, pixels.data(), width, 0, height, TJPF_RGB, &buffer, &size, subsampling, 95, 0), 0);
  std::string file(reinterpret_cast<char*>(buffer), size);
  tjFree(buffer);
  tjDestroy(handle);
  return file;
}

std::string with_segment(const std::string& file, char marker, const std::string& content) {
  const auto length = static_cast<std::uint32_t>(content.size() + 2);
  return file.substr(0, 2) + "\xff" + marker + static_cast<char>(length >> 8) + static_cast<char>(length) + content +
         file.substr(2);
}

std::string exif(int orientation) {
  return "Exif\0\0II*\0"s + little(8, 4) + little(1, 2) + little(0x0112, 2) + little(3, 2) + little(1, 4) +
         little(static_cast<std::uint32_t>(orientation), 4) + little(0, 4);
}

// What the fuzzer once crashed the decoder with ends in a value, like everything else.
TEST(Decode, FuzzFindsStayFixed) {
  const std::filesystem::path folder = std::filesystem::path(EIDETIC_SOURCE_DIR) / "tests/data/fuzz/decode";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto image = decode_image(read_file(entry.path()).value(), {.max_pixels = 1 << 20});
    EXPECT_TRUE(image.has_value() || !image.error().message.empty()) << entry.path();
  }
}

TEST(Decode, WhatIsNoPictureIsAnInvalidArgument) {
  EXPECT_EQ(decode("").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(decode("hello, world").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(decode("\xff").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(decode("%PDF-1.4 and more").error().code, ErrorCode::unsupported);
  EXPECT_THAT(decode("<svg xmlns='http://www.w3.org/2000/svg'/>").error().message, HasSubstr("SVG"));
}

TEST(Decode, LimitsComeFromTheHeader) {
  const std::string file = jpeg(64, 48);
  EXPECT_EQ(decode(file, {.max_bytes = file.size() - 1}).error().code, ErrorCode::overloaded);
  EXPECT_EQ(decode(file, {.max_pixels = 64 * 48 - 1}).error().code, ErrorCode::overloaded);
  EXPECT_TRUE(decode(file, {.max_bytes = file.size(), .max_pixels = 64 * 48}).has_value());
  const auto bomb = decode(bmp({.width = 100'000, .height = 100'000}, ""));
  EXPECT_EQ(bomb.error().code, ErrorCode::overloaded);
  EXPECT_THAT(bomb.error().message, HasSubstr("100000 x 100000"));
  EXPECT_EQ(decode("P6 900000000 900000000 255\nabc").error().code, ErrorCode::overloaded);
}

TEST(Decode, JpegIsScaledDownWhileTheShortSideAllowsIt) {
  const std::string file = jpeg(400, 161);
  const auto height = [&](std::int32_t least) { return decode(file, {.min_short_side = least})->height; };
  EXPECT_EQ(height(0), 161);
  EXPECT_EQ(height(82), 161);
  EXPECT_EQ(height(81), 81);
  EXPECT_EQ(height(41), 41);
  EXPECT_EQ(height(21), 21);
  EXPECT_EQ(height(1), 21);
}

TEST(Decode, JpegOfAnySamplingDecodes) {
  for (int subsampling = 0; subsampling < TJ_NUMSAMP; ++subsampling) {
    const auto image = decode(jpeg(37, 19, subsampling));
    ASSERT_TRUE(image.has_value());
    EXPECT_EQ(image->width, 37);
    EXPECT_EQ(image->pixels.size(), 3U * 37 * 19);
  }
}

TEST(Decode, TruncatedJpegGivesWhatThereIs) {
  const std::string file = jpeg(64, 64);
  const auto whole = decode(file);
  const auto half = decode(file.substr(0, file.size() * 3 / 4));
  ASSERT_TRUE(half.has_value());
  EXPECT_TRUE(std::equal(half->pixels.begin(), half->pixels.begin() + 3 * 64 * 8, whole->pixels.begin()));
  EXPECT_EQ(decode(file.substr(0, 60)).error().code, ErrorCode::corrupt);
}

TEST(Decode, OrientationIsAppliedUnlessSwitchedOff) {
  const std::string file = jpeg(64, 32);  // left half red
  const auto red_at = [](const Image& image, int x, int y) { return image.pixels[3 * (y * image.width + x)] > 128; };
  struct Case {
    int orientation;
    int red_x, red_y, dark_x, dark_y;
  };
  const std::vector<Case> cases = {{1, 5, 5, 60, 5}, {2, 60, 5, 5, 5}, {3, 60, 5, 5, 5}, {4, 5, 5, 60, 5},
                                   {5, 5, 5, 5, 60}, {6, 5, 5, 5, 60}, {7, 5, 60, 5, 5}, {8, 5, 60, 5, 5}};
  for (const Case& each : cases) {
    const std::string turned = with_segment(file, '\xe1', exif(each.orientation));
    const auto image = decode(turned);
    ASSERT_TRUE(image.has_value());
    EXPECT_EQ(image->width, each.orientation < 5 ? 64 : 32);
    EXPECT_TRUE(red_at(*image, each.red_x, each.red_y)) << each.orientation;
    EXPECT_FALSE(red_at(*image, each.dark_x, each.dark_y)) << each.orientation;
    EXPECT_EQ(values(decode(turned, {.apply_orientation = false})), values(decode(file)));
  }
}

TEST(Decode, DamagedExifLeavesThePictureAsItIs) {
  const std::string file = jpeg(16, 8);
  const auto plain = values(decode(file));
  const std::string block = exif(6);
  for (std::size_t length = 0; length < block.size() - 8; ++length) {
    EXPECT_EQ(values(decode(with_segment(file, '\xe1', block.substr(0, length)))), plain) << length;
  }
  EXPECT_EQ(values(decode(with_segment(file, '\xe1', exif(9)))), plain);
}

TEST(Decode, DamagedProfileIsPassedOver) {
  const std::string file = jpeg(16, 8);
  EXPECT_EQ(values(decode(with_segment(file, '\xe2', "ICC_PROFILE\0\1\1no profile"s))), values(decode(file)));
  EXPECT_EQ(values(decode(with_segment(file, '\xe2', "ICC_PROFILE\0\1\2half of one"s))), values(decode(file)));
}

TEST(Decode, BmpBottomUpAndTopDown) {
  // Rows of two pixels, blue first, padded to four bytes.
  const std::string pixels = "\1\2\3\4\5\6\0\0\7\10\11\12\13\14\0\0"s;
  EXPECT_THAT(values(decode(bmp({}, pixels))), ElementsAre(9, 8, 7, 12, 11, 10, 3, 2, 1, 6, 5, 4));
  EXPECT_THAT(values(decode(bmp({.height = 0xfffffffe}, pixels))), ElementsAre(3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10));
}

TEST(Decode, BmpBitFieldsAndAlpha) {
  // 5-6-5 bits: full red, full green.
  const std::string masks = little(0xf800, 4) + little(0x07e0, 4) + little(0x001f, 4);
  EXPECT_THAT(values(decode(
                  bmp({.height = 1, .bits = 16, .compression = 3}, masks + little(0xf800, 2) + little(0x07e0, 2), 12))),
              ElementsAre(255, 0, 0, 0, 255, 0));
  // Alpha in the top byte: black at half strength on white, and on the background asked for.
  const std::string alpha = little(0xff0000, 4) + little(0xff00, 4) + little(0xff, 4) + little(0xff000000, 4);
  const std::string half =
      bmp({.width = 1, .height = 1, .bits = 32, .compression = 6}, alpha + little(0x80000000, 4), 16);
  EXPECT_THAT(values(decode(half)), ElementsAre(127, 127, 127));
  EXPECT_THAT(values(decode(half, {.background = {0, 255, 51}})), ElementsAre(0, 127, 25));
}

TEST(Decode, BmpRunLengths) {
  std::string palette;
  for (std::uint32_t i = 0; i < 256; ++i) palette += little(i * 0x010101, 4);
  // Three of 5, end of row; absolute run of three (padded), end of picture.
  const auto runs =
      decode(bmp({.width = 3, .height = 2, .bits = 8, .compression = 1}, palette + "\3\5\0\0\0\3\1\2\3\0\0\1"s, 1024));
  const std::vector<int> expected = {1, 1, 1, 2, 2, 2, 3, 3, 3, 5, 5, 5, 5, 5, 5, 5, 5, 5};
  EXPECT_EQ(values(runs), expected);
  // Two colours by turns; the run goes on beyond the row, the rest of the picture is missing.
  const auto cut = decode(bmp({.width = 3, .height = 1, .bits = 4, .compression = 2}, palette + "\11\x17", 1024));
  EXPECT_THAT(values(cut), ElementsAre(1, 1, 1, 7, 7, 7, 1, 1, 1));
}

TEST(Decode, BmpDamageIsAnError) {
  EXPECT_EQ(decode("BM").error().code, ErrorCode::corrupt);
  EXPECT_EQ(decode(bmp({.width = 0}, "")).error().code, ErrorCode::corrupt);
  EXPECT_EQ(decode(bmp({.width = 0xffffffff}, "")).error().code, ErrorCode::corrupt);
  EXPECT_EQ(decode(bmp({.bits = 7}, "")).error().code, ErrorCode::corrupt);
  EXPECT_EQ(decode(bmp({}, "")).error().code, ErrorCode::corrupt);
  EXPECT_EQ(decode(bmp({.compression = 5}, "")).error().code, ErrorCode::unsupported);
}

TEST(Decode, PnmOfAllSixKinds) {
  EXPECT_THAT(values(decode("P1 # comment\n2 1\n1 0")), ElementsAre(0, 0, 0, 255, 255, 255));
  EXPECT_THAT(values(decode("P2 2 1 15\n15 5")), ElementsAre(255, 255, 255, 85, 85, 85));
  EXPECT_THAT(values(decode("P3 1 1 255\n1 2 3")), ElementsAre(1, 2, 3));
  EXPECT_THAT(values(decode("P4 2 1\n\x40")), ElementsAre(255, 255, 255, 0, 0, 0));
  EXPECT_THAT(values(decode("P5 2 1 255\n\1\2"s)), ElementsAre(1, 1, 1, 2, 2, 2));
  EXPECT_THAT(values(decode("P6 1 1 65535\n\xff\xff\x80\0\0\0"s)), ElementsAre(255, 128, 0));
  EXPECT_THAT(values(decode("P5 2 1 255\n\7")), ElementsAre(7, 7, 7, 0, 0, 0));
  EXPECT_EQ(decode("P6 1 1 70000\nabcdef").error().code, ErrorCode::corrupt);
  EXPECT_EQ(decode("P6 x").error().code, ErrorCode::corrupt);
}

// libvips keeps state a thread; decoding from many at once, and threads that end, must neither race nor leak.
TEST(Decode, ManyThreadsDecodeTheSame) {
  // A 2 x 1 GIF: red, blue.
  const std::string gif = "GIF89a\2\0\1\0\x80\0\0\xff\0\0\0\0\xff,\0\0\0\0\2\0\1\0\0\2\2\x44\x0a\0;"s;
  const auto expected = values(decode(gif));
  EXPECT_THAT(expected, ElementsAre(255, 0, 0, 0, 0, 255));
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) EXPECT_EQ(values(decode(gif)), expected);
    });
  }
}

}  // namespace
}  // namespace eidetic
