// Decoded pictures, and the one way to make them from bytes. Pure functions: safe to call from any number of threads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

using Bytes = std::span<const std::byte>;

// 8-bit RGB, interleaved, rows without padding, upright (EXIF orientation applied), in sRGB.
struct Image {
  std::int32_t width = 0;            // pixels
  std::int32_t height = 0;           // pixels
  std::vector<std::uint8_t> pixels;  // height x width x 3

  [[nodiscard]] bool empty() const noexcept { return pixels.empty(); }
};

struct DecodeOptions {
  std::size_t max_bytes = std::size_t{64} << 20;  // of the encoded file
  std::uint64_t max_pixels = 100'000'000;         // width x height, from the header, before a pixel is allocated
  std::array<std::uint8_t, 3> background = {255, 255, 255};  // what transparent pixels are laid on
  bool apply_orientation = true;                             // turn the picture as its EXIF orientation says
  // A picture may be decoded at 1/2, 1/4 or 1/8 of its size as long as its short side stays at least this many pixels.
  // 0: always full size. Only JPEG makes use of it.
  std::int32_t min_short_side = 0;
};

// Decodes a picture by its content, never by a file name: JPEG, PNG, WebP, GIF, TIFF, BMP, PNM, HEIF/AVIF. Animations
// give their first frame. A truncated picture decodes to what there is of it where its decoder can go on. Errors:
// invalid_argument (empty, or no picture at all), unsupported (a picture format that is not read), corrupt (damaged
// beyond decoding), overloaded (over max_bytes or max_pixels).
[[nodiscard]] Result<Image> decode_image(Bytes bytes, const DecodeOptions& options = {});

}  // namespace eidetic
