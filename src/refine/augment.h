// Variants of a picture that are searched with beside it, so that what hangs upside down, is mirrored, dark or noisy is
// found all the same. The eight of Z's simple_image_search_demo, as albumentations and OpenCV make them. Pure
// functions: any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "eidetic/image.h"

namespace eidetic {

struct Variant {
  std::string_view name;
  Image image;
};

// In this order; the same seed gives the same variants. `image` is not empty.
//   blur        Gaussian, 5 x 5 (sigma 1.1)
//   sharpen     alpha of a 3 x 3 high-pass and 1 - alpha of the picture; alpha 0.2 to 0.5, at random
//   iso_noise   of hue (0.01 to 0.05 of the circle, at random) and of lightness, at half intensity
//   mirrored    left and right swapped
//   flipped     top and bottom swapped
//   rotated     90 degrees clockwise
//   brighter    V of HSV + 50, up to 255
//   darker      V of HSV - 50, down to 0
[[nodiscard]] std::vector<Variant> augment(const Image& image, std::uint64_t seed);

// Left and right swapped. `image` is not empty.
[[nodiscard]] Image mirrored(const Image& image);

// Pictures side by side in rows, all of one height, as many in a row as fit into the width and at least one; what is
// left of a row is black.
[[nodiscard]] Image contact_sheet(std::span<const Image> pictures, std::int32_t row_height = 300,
                                  std::int32_t width = 1000);

}  // namespace eidetic
