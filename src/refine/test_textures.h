// For tests: pictures of random shapes, rich in keypoints.
#pragma once

#include "refine/test_scenes.h"

namespace eidetic {

inline Image texture(std::int32_t width, std::int32_t height, std::uint64_t seed) {
  Dice dice(seed);
  Image image = blank(width, height);
  const int shapes = width * height / 150;
  for (int i = 0; i < shapes; ++i) {
    const double x = dice.uniform(0, width);
    const double y = dice.uniform(0, height);
    const double across = dice.uniform(2, 16);
    const double down = dice.uniform(2, 16);
    const bool round = dice.below(2) == 0;
    std::array<std::uint8_t, 3> color{};
    for (auto& level : color) level = static_cast<std::uint8_t>(dice.below(256));
    for (auto py = static_cast<std::int32_t>(std::max(0.0, y - down)); py < std::min<double>(height, y + down); ++py) {
      for (auto px = static_cast<std::int32_t>(std::max(0.0, x - across)); px < std::min<double>(width, x + across);
           ++px) {
        if (round && std::hypot((px - x) / across, (py - y) / down) > 1) continue;
        std::ranges::copy(color, image.pixels.begin() + (static_cast<std::ptrdiff_t>(py) * width + px) * 3);
      }
    }
  }
  return image;
}

}  // namespace eidetic
