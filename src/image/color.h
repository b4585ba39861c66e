// Colour profiles (ICC). Internal to the room; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "eidetic/image.h"

namespace eidetic {

// Interleaved 8-bit samples without padding: 1 channel is grey, 3 RGB, 4 CMYK (255 = full ink).
struct Samples {
  std::span<const std::uint8_t> values;
  int width = 0;
  int height = 0;
  int channels = 0;
};

// What sRGB looks like in a profile: its colourants and its curve, whoever wrote it and under whatever name. Only RGB
// profiles made of a matrix and curves are looked into; anything else is not sRGB.
[[nodiscard]] bool is_srgb_profile(Bytes profile) noexcept;

// Through the profile to 8-bit sRGB, interleaved. False where the profile is damaged or for another kind of samples;
// `rgb` then is as it was.
[[nodiscard]] bool to_srgb(const Samples& samples, Bytes profile, std::vector<std::uint8_t>& rgb);

using Rgb = std::array<std::uint8_t, 3>;
// Ink taken off white; 255 is full ink.
[[nodiscard]] Rgb ink_to_rgb(std::uint8_t cyan, std::uint8_t magenta, std::uint8_t yellow, std::uint8_t black) noexcept;

// Without a profile: grey three times, ink taken off white.
[[nodiscard]] std::vector<std::uint8_t> plain_rgb(const Samples& samples);

}  // namespace eidetic
