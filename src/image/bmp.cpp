// BMP, Windows' and OS/2's, of 1 to 32 bits a pixel, palettes, bit fields and run lengths included. libvips reads it
// only through ImageMagick, whose loaders it counts as untrusted. Source:
// learn.microsoft.com/windows/win32/gdi/bitmap-storage and .../bitmap-header-types.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>

#include "image/decoders.h"
#include "image/endian.h"

namespace eidetic {
namespace {

constexpr std::size_t kFileHeader = 14;
constexpr std::uint32_t kCoreHeader = 12;  // OS/2's, with 16-bit sizes and palette entries of three bytes

enum Compression : std::uint32_t { kPlain = 0, kRle8 = 1, kRle4 = 2, kBitFields = 3, kAlphaBitFields = 6 };

using Color = std::array<std::uint8_t, 3>;

struct Header {
  std::int64_t width = 0, height = 0;
  bool top_down = false;
  int bits = 0;
  std::uint32_t compression = kPlain;
  std::size_t pixels = 0;                             // where they begin in the file
  std::array<std::uint32_t, 4> masks = {0, 0, 0, 0};  // red, green, blue, alpha
  std::array<Color, 256> palette = {};
};

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::corrupt, fmt::format("damaged BMP header: {}", what));
}

std::size_t read_masks(const ByteReader& file, std::uint32_t header_size, Header& header) {
  header.masks = header.bits == 16 ? std::array<std::uint32_t, 4>{0x7c00, 0x03e0, 0x001f, 0}
                                   : std::array<std::uint32_t, 4>{0xff0000, 0xff00, 0xff, 0};
  if (header.compression != kBitFields && header.compression != kAlphaBitFields) return 0;
  // Headers of 52 bytes and more hold the masks (of 56 and more, alpha's too); the plain one of 40 is followed by them.
  const bool alpha = header.compression == kAlphaBitFields || header_size >= 56;
  for (std::size_t i = 0; i < (alpha ? 4U : 3U); ++i) {
    header.masks[i] = file.u32(kFileHeader + 40 + 4 * i).value_or(0);
  }
  return header_size == 40 ? (alpha ? 16 : 12) : 0;
}

void read_palette(const ByteReader& file, std::size_t at, std::size_t entry, std::size_t colors, Header& header) {
  for (std::size_t i = 0; i < std::min(colors, header.palette.size()); ++i) {
    for (std::size_t c = 0; c < 3; ++c) header.palette[i][c] = file.u8(at + entry * i + 2 - c).value_or(0);
  }
}

Result<Header> read_header(const ByteReader& file) {
  Header header;
  const std::uint32_t size = file.u32(kFileHeader).value_or(0);
  const bool core = size == kCoreHeader;
  if ((!core && size < 40) || size > 1024 || !file.u32(kFileHeader + size - 4)) return damaged("its length");
  std::uint16_t bits = 0;
  std::uint32_t colors = 0;
  if (core) {
    header.width = file.u16(18).value_or(0);
    header.height = file.u16(20).value_or(0);
    bits = file.u16(24).value_or(0);
  } else {
    header.width = static_cast<std::int32_t>(file.u32(18).value_or(0));
    header.height = static_cast<std::int32_t>(file.u32(22).value_or(0));
    bits = file.u16(28).value_or(0);
    header.compression = file.u32(30).value_or(0);
    colors = file.u32(46).value_or(0);
  }
  header.top_down = header.height < 0;
  header.height = std::abs(header.height);
  header.bits = bits;
  constexpr std::array kDepths = {1, 2, 4, 8, 16, 24, 32};
  if (std::ranges::find(kDepths, header.bits) == kDepths.end()) {
    return damaged(fmt::format("{} bits a pixel", bits));
  }
  const bool fits = header.compression == kPlain || (header.compression == kRle8 && bits == 8) ||
                    (header.compression == kRle4 && bits == 4) ||
                    ((header.compression == kBitFields || header.compression == kAlphaBitFields) && bits >= 16);
  if (!fits) {
    return fail(ErrorCode::unsupported,
                fmt::format("BMP pictures of {} bits with compression {} are not read", bits, header.compression));
  }
  const std::size_t palette = kFileHeader + size + read_masks(file, size, header);
  if (header.bits <= 8)
    read_palette(file, palette, core ? 3 : 4, colors == 0 ? std::size_t{1} << bits : colors, header);
  header.pixels = file.u32(10).value_or(0);
  return header;
}

// The part of `value` under the mask, as 0 to 255.
std::uint8_t channel(std::uint32_t value, std::uint32_t mask) {
  if (mask == 0) return 0;
  const int shift = std::countr_zero(mask);
  const std::uint32_t most = mask >> shift;
  return static_cast<std::uint8_t>((std::uint64_t{(value & mask) >> shift} * 255 + most / 2) / most);
}

class Canvas {
 public:
  Canvas(const Header& header, const DecodeOptions& options) : header_(header), background_(options.background) {
    image_.width = static_cast<std::int32_t>(header.width);
    image_.height = static_cast<std::int32_t>(header.height);
    image_.pixels.resize(std::size_t{3} * image_.width * image_.height);
  }

  // `y` counts from the file's first row. Outside the picture: nothing.
  void put(std::int64_t x, std::int64_t y, const Color& color) {
    if (x < 0 || y < 0 || x >= header_.width || y >= header_.height) return;
    const std::int64_t row = header_.top_down ? y : header_.height - 1 - y;
    std::ranges::copy(color, image_.pixels.begin() + 3 * (row * header_.width + x));
  }

  void put_value(std::int64_t x, std::int64_t y, std::uint32_t value) {
    Color color{};
    const std::uint32_t alpha = header_.masks[3] == 0 ? 255U : channel(value, header_.masks[3]);
    for (std::size_t c = 0; c < 3; ++c) {
      const std::uint32_t over = channel(value, header_.masks[c]) * alpha + background_[c] * (255 - alpha);
      color[c] = static_cast<std::uint8_t>((over + 127) / 255);
    }
    put(x, y, color);
  }

  Image take() { return std::move(image_); }

 private:
  const Header& header_;
  Color background_;
  Image image_;
};

void read_plain(const ByteReader& file, const Header& header, Canvas& canvas) {
  const std::size_t stride = (static_cast<std::size_t>(header.width) * header.bits + 31) / 32 * 4;
  for (std::int64_t y = 0; y < header.height; ++y) {
    const std::size_t row = header.pixels + y * stride;
    if (row >= file.size()) return;
    for (std::int64_t x = 0; x < header.width; ++x) {
      const std::size_t at = row + x * header.bits / 8;
      if (header.bits == 32) {
        canvas.put_value(x, y, file.u32(at).value_or(0));
      } else if (header.bits == 24) {
        canvas.put(x, y, {file.u8(at + 2).value_or(0), file.u8(at + 1).value_or(0), file.u8(at).value_or(0)});
      } else if (header.bits == 16) {
        canvas.put_value(x, y, file.u16(at).value_or(0));
      } else {
        const int shift = 8 - header.bits - static_cast<int>(x * header.bits % 8);
        canvas.put(x, y, header.palette[file.u8(at).value_or(0) >> shift & ((1 << header.bits) - 1)]);
      }
    }
  }
}

// Pairs of bytes: a count and a value; a count of 0 makes the value a command: 0 end of row, 1 end of picture, 2 a move
// by the next two bytes, more: as many values follow as they are, padded to 16 bits.
void read_runs(const ByteReader& file, const Header& header, Canvas& canvas) {
  const auto value_at = [&](std::uint8_t byte, std::size_t i) -> const Color& {
    if (header.bits == 8) return header.palette[byte];
    return header.palette[i % 2 == 0 ? byte >> 4 : byte & 15];
  };
  std::int64_t x = 0;
  std::int64_t y = 0;
  std::size_t at = header.pixels;
  while (y < header.height) {
    const auto count = file.u8(at);
    const auto value = file.u8(at + 1);
    if (!count || !value) return;
    at += 2;
    if (*count > 0) {
      for (std::size_t i = 0; i < *count; ++i) canvas.put(x++, y, value_at(*value, i));
    } else if (*value == 0) {
      x = 0;
      ++y;
    } else if (*value == 1) {
      return;
    } else if (*value == 2) {
      x += file.u8(at).value_or(0);
      y += file.u8(at + 1).value_or(0);
      at += 2;
    } else {
      const std::size_t per_byte = 8 / header.bits;
      for (std::size_t i = 0; i < *value; ++i) canvas.put(x++, y, value_at(file.u8(at + i / per_byte).value_or(0), i));
      at += ((*value + per_byte - 1) / per_byte + 1) / 2 * 2;
    }
  }
}

}  // namespace

Result<Decoded> decode_bmp(Bytes bytes, const DecodeOptions& options) {
  const ByteReader file(bytes, true);
  EIDETIC_TRY(const Header header, read_header(file));
  EIDETIC_CHECK(check_size("BMP", header.width, header.height, options));
  if (header.pixels >= bytes.size())
    return fail(ErrorCode::corrupt, "damaged BMP data: it begins after the file's end");
  Canvas canvas(header, options);
  if (header.compression == kRle8 || header.compression == kRle4) {
    read_runs(file, header, canvas);
  } else {
    read_plain(file, header, canvas);
  }
  return Decoded{.image = canvas.take()};
}

Facts bmp_facts(Bytes bytes) {
  const auto header = read_header(ByteReader(bytes, true));
  return header ? Facts{.width = header->width, .height = header->height} : Facts{};
}

}  // namespace eidetic
