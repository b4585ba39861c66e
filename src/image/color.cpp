#include "image/color.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "image/endian.h"

namespace eidetic {
namespace {

constexpr std::uint32_t tag_name(const char (&text)[5]) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(text[i]);
  return value;
}

constexpr std::size_t kTagTable = 128;  // ICC.1:2010, 7.2 and 7.3: header, then a count and entries of 12 bytes
constexpr std::uint32_t kMaxTags = 100;

std::optional<Bytes> find_tag(const ByteReader& profile, std::uint32_t name) {
  const std::uint32_t count = std::min(profile.u32(kTagTable).value_or(0), kMaxTags);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t entry = kTagTable + 4 + std::size_t{12} * i;
    if (profile.u32(entry) != name) continue;
    return profile.part(profile.u32(entry + 4).value_or(0), profile.u32(entry + 8).value_or(0));
  }
  return std::nullopt;
}

std::optional<double> fixed_point(const ByteReader& reader, std::size_t at) {
  const auto value = reader.u32(at);
  if (!value) return std::nullopt;
  return static_cast<std::int32_t>(*value) / 65536.0;
}

// An XYZ tag: type, four zero bytes, three numbers.
bool is_colorant(const ByteReader& profile, std::uint32_t name, std::array<double, 3> expected) {
  const auto tag = find_tag(profile, name);
  if (!tag) return false;
  const ByteReader reader(*tag, false);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto value = fixed_point(reader, 8 + 4 * i);
    if (!value || std::abs(*value - expected[i]) > 0.003) return false;
  }
  return true;
}

double srgb_curve(double x) { return x <= 0.04045 ? x / 12.92 : std::pow((x + 0.055) / 1.055, 2.4); }

// A table (`curv`) or the parametric curve of sRGB's kind (`para`, function 3).
bool is_srgb_curve(const ByteReader& profile, std::uint32_t name) {
  const auto tag = find_tag(profile, name);
  if (!tag) return false;
  const ByteReader reader(*tag, false);
  if (reader.u32(0) == tag_name("para")) {
    constexpr std::array kParameters = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
    if (reader.u16(8) != 3) return false;
    for (std::size_t i = 0; i < kParameters.size(); ++i) {
      const auto value = fixed_point(reader, 12 + 4 * i);
      if (!value || std::abs(*value - kParameters[i]) > 0.002) return false;
    }
    return true;
  }
  const std::uint32_t points = reader.u32(8).value_or(0);
  if (reader.u32(0) != tag_name("curv") || points < 16) return false;
  for (std::uint32_t i = 0; i < 16; ++i) {
    const std::uint32_t at = static_cast<std::uint32_t>(std::uint64_t{points - 1} * i / 15);
    const auto value = reader.u16(12 + std::size_t{2} * at);
    if (!value || std::abs(*value / 65535.0 - srgb_curve(at / (points - 1.0))) > 0.004) return false;
  }
  return true;
}

// a * b / 255, rounded, without a division.
std::uint32_t times(std::uint32_t a, std::uint32_t b) {
  const std::uint32_t product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

}  // namespace

bool is_srgb_profile(Bytes profile) noexcept {
  const ByteReader reader(profile, false);
  return reader.u32(16) == tag_name("RGB ") && is_colorant(reader, tag_name("rXYZ"), {0.4361, 0.2225, 0.0139}) &&
         is_colorant(reader, tag_name("gXYZ"), {0.3851, 0.7169, 0.0971}) &&
         is_colorant(reader, tag_name("bXYZ"), {0.1431, 0.0606, 0.7141}) && is_srgb_curve(reader, tag_name("rTRC")) &&
         is_srgb_curve(reader, tag_name("gTRC")) && is_srgb_curve(reader, tag_name("bTRC"));
}

Rgb ink_to_rgb(std::uint8_t cyan, std::uint8_t magenta, std::uint8_t yellow, std::uint8_t black) noexcept {
  const std::uint32_t light = 255U - black;
  const auto less = [&](std::uint8_t ink) { return static_cast<std::uint8_t>(light - times(ink, light)); };
  return {less(cyan), less(magenta), less(yellow)};
}

std::vector<std::uint8_t> plain_rgb(const Samples& samples) {
  std::vector<std::uint8_t> rgb(std::size_t{3} * samples.width * samples.height);
  const std::uint8_t* from = samples.values.data();
  for (auto to = rgb.begin(); to != rgb.end(); to += 3, from += samples.channels) {
    const Rgb pixel = samples.channels == 1   ? Rgb{from[0], from[0], from[0]}
                      : samples.channels == 3 ? Rgb{from[0], from[1], from[2]}
                                              : ink_to_rgb(from[0], from[1], from[2], from[3]);
    std::ranges::copy(pixel, to);
  }
  return rgb;
}

}  // namespace eidetic
