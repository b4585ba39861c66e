// For tests: pictures to make copies of, and copies.
#pragma once

#include "refine/test_textures.h"

namespace eidetic {

// Blots of all sizes and colours at random, 320 x 240; another picture for each seed.
inline Image textured_picture(unsigned seed) {
  Dice dice(seed + 1);
  Image picture = blank(320, 240);
  for (int blot = 0; blot < 400; ++blot) {
    const double radius = blot < 40 ? dice.uniform(20, 60) : dice.uniform(2, 12);
    const double x = dice.uniform(0, picture.width);
    const double y = dice.uniform(0, picture.height);
    const std::array color = {static_cast<std::uint8_t>(dice.below(256)), static_cast<std::uint8_t>(dice.below(256)),
                              static_cast<std::uint8_t>(dice.below(256))};
    for (auto row = static_cast<std::int32_t>(std::max(0.0, y - radius));
         row < std::min<double>(picture.height, y + radius); ++row) {
      for (auto column = static_cast<std::int32_t>(std::max(0.0, x - radius));
           column < std::min<double>(picture.width, x + radius); ++column) {
        if (std::hypot(column - x, row - y) > radius) continue;
        std::ranges::copy(color,
                          picture.pixels.begin() + (static_cast<std::ptrdiff_t>(row) * picture.width + column) * 3);
      }
    }
  }
  return picture;
}

inline Image cropped(const Image& picture, std::int32_t left, std::int32_t top, std::int32_t width,
                     std::int32_t height) {
  Image part = blank(width, height);
  for (std::int32_t row = 0; row < height; ++row) {
    const auto from = picture.pixels.begin() + (static_cast<std::ptrdiff_t>(top + row) * picture.width + left) * 3;
    std::copy_n(from, width * 3, part.pixels.begin() + static_cast<std::ptrdiff_t>(row) * width * 3);
  }
  return part;
}

}  // namespace eidetic
