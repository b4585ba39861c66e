#include "refine/augment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace eidetic {
namespace {

using testing::ElementsAre;

// Colours that go on over the picture, and differ in each corner.
Image picture(std::int32_t width, std::int32_t height) {
  Image image{.width = width, .height = height, .pixels = {}};
  for (std::int32_t y = 0; y < height; ++y) {
    for (std::int32_t x = 0; x < width; ++x) {
      image.pixels.push_back(static_cast<std::uint8_t>(200 * x / width + 20));
      image.pixels.push_back(static_cast<std::uint8_t>(180 * y / height + 40));
      image.pixels.push_back(static_cast<std::uint8_t>((x / 4 + y / 4) % 2 * 60 + 90));
    }
  }
  return image;
}

std::vector<int> at(const Image& image, std::int32_t x, std::int32_t y) {
  const auto* pixel = &image.pixels[static_cast<std::size_t>(3 * (y * image.width + x))];
  return {pixel[0], pixel[1], pixel[2]};
}

const Image& named(const std::vector<Variant>& variants, std::string_view name) {
  return std::ranges::find(variants, name, &Variant::name)->image;
}

double mean_difference(const Image& a, const Image& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
  return sum / static_cast<double>(a.pixels.size());
}

// How much neighbours differ.
double roughness(const Image& image) {
  double sum = 0;
  for (std::size_t i = 3; i < image.pixels.size(); ++i) sum += std::abs(image.pixels[i] - image.pixels[i - 3]);
  return sum;
}

TEST(Augment, TurnsAndMirrors) {
  const Image image = picture(30, 20);
  const auto variants = augment(image, 1);
  std::vector<std::string_view> names;
  for (const auto& variant : variants) names.push_back(variant.name);
  EXPECT_THAT(names,
              ElementsAre("blur", "sharpen", "iso_noise", "mirrored", "flipped", "rotated", "brighter", "darker"));
  EXPECT_EQ(at(named(variants, "mirrored"), 0, 3), at(image, 29, 3));
  EXPECT_EQ(at(named(variants, "flipped"), 7, 0), at(image, 7, 19));
  const Image& rotated = named(variants, "rotated");
  EXPECT_EQ(rotated.width, 20);
  EXPECT_EQ(rotated.height, 30);
  EXPECT_EQ(at(rotated, 19, 0), at(image, 0, 0));  // the top left corner comes to the top right
  EXPECT_EQ(at(rotated, 0, 0), at(image, 0, 19));
}

TEST(Augment, BlursSharpensAndAddsNoise) {
  const Image image = picture(40, 40);
  const auto variants = augment(image, 1);
  EXPECT_LT(roughness(named(variants, "blur")), 0.9 * roughness(image));
  EXPECT_GT(roughness(named(variants, "sharpen")), 1.2 * roughness(image));
  const double noise = mean_difference(named(variants, "iso_noise"), image);
  EXPECT_GT(noise, 2);
  EXPECT_LT(noise, 40);
  // What is of one colour has nothing to blur.
  Image plain = picture(9, 9);
  for (std::size_t i = 0; i < plain.pixels.size(); ++i) plain.pixels[i] = static_cast<std::uint8_t>(60 + 40 * (i % 3));
  EXPECT_EQ(named(augment(plain, 1), "blur").pixels, plain.pixels);
}

TEST(Augment, BrightensWithinBounds) {
  Image image{.width = 3, .height = 1, .pixels = {100, 50, 0, 0, 0, 0, 230, 115, 230}};
  const auto variants = augment(image, 1);
  EXPECT_THAT(named(variants, "brighter").pixels, ElementsAre(150, 75, 0, 50, 50, 50, 255, 128, 255));
  EXPECT_THAT(named(variants, "darker").pixels, ElementsAre(50, 25, 0, 0, 0, 0, 180, 90, 180));
}

TEST(Augment, IsTheSameForTheSameSeed) {
  const Image image = picture(25, 17);
  const auto first = augment(image, 5);
  const auto again = augment(image, 5);
  const auto other = augment(image, 6);
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i].image.pixels, again[i].image.pixels);
  EXPECT_NE(named(first, "iso_noise").pixels, named(other, "iso_noise").pixels);
  EXPECT_NE(named(first, "sharpen").pixels, named(other, "sharpen").pixels);
  EXPECT_EQ(named(first, "mirrored").pixels, named(other, "mirrored").pixels);
}

TEST(Augment, TakesPicturesOfOnePixel) {
  for (const auto& variant : augment({.width = 1, .height = 1, .pixels = {9, 9, 9}}, 1)) {
    EXPECT_EQ(variant.image.pixels.size(), 3U) << variant.name;
  }
}

TEST(ContactSheet, LaysPicturesInRows) {
  const std::vector<Image> pictures = {picture(40, 20), picture(20, 20), picture(20, 40), picture(400, 20)};
  const Image sheet = contact_sheet(pictures, 10, 30);
  EXPECT_EQ(sheet.width, 30);  // 20 and 10; 5; one that is squeezed in
  EXPECT_EQ(sheet.height, 30);
  EXPECT_THAT(at(sheet, 7, 15), ElementsAre(0, 0, 0));
  EXPECT_EQ(contact_sheet({}, 10, 30).pixels.size(), 30U);
}

}  // namespace
}  // namespace eidetic
