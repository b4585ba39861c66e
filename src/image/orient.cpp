#include "image/orient.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "image/endian.h"

namespace eidetic {
namespace {

constexpr std::uint16_t kOrientationTag = 0x0112;
constexpr std::uint16_t kShort = 3;
constexpr std::uint16_t kLong = 4;

// Pixel (0, 0) of the upright picture lies at `start` of the stored one; the next in its row `right` bytes further, the
// one below `down` bytes further.
struct Walk {
  std::ptrdiff_t start = 0;
  std::ptrdiff_t right = 0;
  std::ptrdiff_t down = 0;
};

Walk walk_of(int orientation, std::ptrdiff_t width, std::ptrdiff_t height) {
  const std::ptrdiff_t x = 3;
  const std::ptrdiff_t y = 3 * width;
  const std::ptrdiff_t last_x = (width - 1) * x;
  const std::ptrdiff_t last_y = (height - 1) * y;
  switch (orientation) {
    case 2: return {last_x, -x, y};
    case 3: return {last_x + last_y, -x, -y};
    case 4: return {last_y, x, -y};
    case 5: return {0, y, x};
    case 6: return {last_y, -y, x};
    case 7: return {last_x + last_y, -y, -x};
    default: return {last_x, y, -x};  // 8
  }
}

}  // namespace

Image orient(Image image, int orientation) {
  if (orientation < 2 || orientation > 8) return image;
  Image upright{.width = image.width, .height = image.height, .pixels = {}};
  if (orientation >= 5) std::swap(upright.width, upright.height);
  upright.pixels.resize(image.pixels.size());
  const Walk walk = walk_of(orientation, image.width, image.height);
  // In square blocks, so that both pictures stay in the cache when rows become columns.
  constexpr std::int32_t kBlock = 32;
  for (std::int32_t top = 0; top < upright.height; top += kBlock) {
    for (std::int32_t left = 0; left < upright.width; left += kBlock) {
      const std::int32_t right = std::min(left + kBlock, upright.width);
      for (std::int32_t y = top; y < std::min(top + kBlock, upright.height); ++y) {
        const std::uint8_t* from = image.pixels.data() + walk.start + y * walk.down + left * walk.right;
        std::uint8_t* to = upright.pixels.data() + 3 * (std::ptrdiff_t{y} * upright.width + left);
        for (std::int32_t x = left; x < right; ++x, from += walk.right, to += 3) std::copy_n(from, 3, to);
      }
    }
  }
  return upright;
}

int exif_orientation(Bytes exif) noexcept {
  const bool little = exif.size() >= 2 && exif[0] == std::byte{'I'};
  const ByteReader reader(exif, little);
  const std::size_t directory = reader.u32(4).value_or(0);
  const std::size_t entries = reader.u16(directory).value_or(0);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    const auto tag = reader.u16(entry);
    if (!tag) break;
    if (*tag != kOrientationTag) continue;
    const auto type = reader.u16(entry + 2).value_or(0);
    const std::uint32_t value = type == kShort  ? reader.u16(entry + 8).value_or(1)
                                : type == kLong ? reader.u32(entry + 8).value_or(1)
                                                : 1;
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

std::vector<std::byte> exif_of_text(std::string_view text) {
  for (int line = 0; line < 3; ++line) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  std::vector<std::byte> bytes;
  unsigned pending = 1;
  for (const char c : text) {
    unsigned digit = 0;
    if (std::from_chars(&c, &c + 1, digit, 16).ec != std::errc()) continue;
    pending = pending << 4 | digit;
    if (pending < 0x100) continue;
    bytes.push_back(static_cast<std::byte>(pending));
    pending = 1;
  }
  return bytes;
}

int exif_text_orientation(std::string_view text) {
  const auto bytes = exif_of_text(text);
  constexpr std::size_t kPrefix = 6;  // "Exif\0\0"
  return bytes.size() < kPrefix ? 1 : exif_orientation(Bytes(bytes).subspan(kPrefix));
}

}  // namespace eidetic
