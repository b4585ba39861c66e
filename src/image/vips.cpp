// PNG, WebP, GIF, TIFF and HEIF/AVIF by libvips, and colour profiles through it. All of libvips is in this file.
#include <fmt/format.h>
#include <vips/vips.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "image/color.h"
#include "image/decoders.h"
#include "image/libraries.h"
#include "image/orient.h"

namespace eidetic {
namespace {

struct VipsUnref {
  void operator()(void* object) const noexcept { g_object_unref(object); }
};
using VipsImagePtr = std::unique_ptr<VipsImage, VipsUnref>;

bool start() {
  // Warnings about damaged files would go to standard error.
  g_log_set_handler(
      "VIPS", static_cast<GLogLevelFlags>(G_LOG_LEVEL_MASK | G_LOG_FLAG_FATAL | G_LOG_FLAG_RECURSION),
      [](const gchar*, GLogLevelFlags, const gchar*, gpointer) {}, nullptr);
  if (vips_init("eidetic") != 0) return false;
  vips_block_untrusted_set(TRUE);
  vips_concurrency_set(1);
  vips_cache_set_max(0);
  return true;
}

Bytes embedded_profile(VipsImage* image) {
  const void* data = nullptr;
  std::size_t size = 0;
  if (vips_image_get_typeof(image, VIPS_META_ICC_NAME) == 0 ||
      vips_image_get_blob(image, VIPS_META_ICC_NAME, &data, &size) != 0) {
    return {};
  }
  return {static_cast<const std::byte*>(data), size};
}

// How the samples of a row become RGB; a further sample a pixel is its alpha.
enum class Kind { other, gray, rgb, cmyk };

Kind kind_of(const VipsImage* image) {
  if (image->BandFmt != VIPS_FORMAT_UCHAR && image->BandFmt != VIPS_FORMAT_USHORT) return Kind::other;
  const auto with_bands = [&](Kind kind, int bands) {
    return image->Bands == bands || image->Bands == bands + 1 ? kind : Kind::other;
  };
  switch (image->Type) {
    case VIPS_INTERPRETATION_sRGB:
    case VIPS_INTERPRETATION_RGB16: return with_bands(Kind::rgb, 3);
    case VIPS_INTERPRETATION_B_W:
    case VIPS_INTERPRETATION_GREY16: return with_bands(Kind::gray, 1);
    case VIPS_INTERPRETATION_CMYK: return with_bands(Kind::cmyk, 4);
    default: return Kind::other;
  }
}

constexpr int colors_of(Kind kind) { return kind == Kind::gray ? 1 : kind == Kind::rgb ? 3 : 4; }

std::uint8_t over(std::uint8_t value, std::uint32_t alpha, std::uint8_t background) {
  return static_cast<std::uint8_t>((value * alpha + background * (255 - alpha) + 127) / 255);
}

template <typename Sample>
void row_to_rgb(const Sample* from, Kind kind, int width, int bands, const std::array<std::uint8_t, 3>& background,
                std::uint8_t* to) {
  constexpr int kShift = 8 * (sizeof(Sample) - 1);
  const int colors = colors_of(kind);
  for (int x = 0; x < width; ++x, from += bands, to += 3) {
    std::array<std::uint8_t, 5> sample{};
    for (int b = 0; b < bands; ++b) sample[b] = static_cast<std::uint8_t>(from[b] >> kShift);
    const Rgb rgb = kind == Kind::gray  ? Rgb{sample[0], sample[0], sample[0]}
                    : kind == Kind::rgb ? Rgb{sample[0], sample[1], sample[2]}
                                        : ink_to_rgb(sample[0], sample[1], sample[2], sample[3]);
    const std::uint32_t alpha = bands > colors ? sample[colors] : 255;
    for (int c = 0; c < 3; ++c) to[c] = alpha == 255 ? rgb[c] : over(rgb[c], alpha, background[c]);
  }
}

// Starts libvips once a process: loaders for untrusted data blocked, no threads of its own, no cache, no output.
Result<void> start_vips() {
  static const bool started = start();
  if (!started) return fail(ErrorCode::internal, "libvips does not start");
  return {};
}

// The picture in sRGB, grey or ink, 8 or 16 bits, through its embedded profile where it has one that is not sRGB's;
// null where libvips cannot.
VipsImagePtr with_srgb(VipsImagePtr image) {
  const Bytes profile = embedded_profile(image.get());
  VipsImage* converted = nullptr;
  if (!profile.empty() && !is_srgb_profile(profile)) {
    if (vips_icc_transform(image.get(), &converted, "srgb", "embedded", TRUE, "intent", VIPS_INTENT_PERCEPTUAL,
                           nullptr) == 0) {
      image.reset(converted);
    } else {
      vips_error_clear();
    }
  }
  if (kind_of(image.get()) != Kind::other) return image;
  if (vips_colourspace(image.get(), &converted, VIPS_INTERPRETATION_sRGB, nullptr) != 0) return nullptr;
  image.reset(converted);
  if (vips_cast_uchar(image.get(), &converted, nullptr) != 0) return nullptr;
  image.reset(converted);
  return kind_of(image.get()) != Kind::other ? std::move(image) : nullptr;
}

// Computes all pixels of what with_srgb gave, top to bottom, on the calling thread: 8-bit RGB, laid on the background
// where transparent. False where pixels cannot be computed.
bool write_rgb(VipsImage* image, const std::array<std::uint8_t, 3>& background, std::vector<std::uint8_t>& rgb) {
  constexpr int kStrip = 16;  // rows at a time: what loaders make in one go
  const std::unique_ptr<VipsRegion, VipsUnref> region(vips_region_new(image));
  if (!region) return false;
  const Kind kind = kind_of(image);
  const std::size_t stride = std::size_t{3} * image->Xsize;
  rgb.resize(stride * image->Ysize);
  for (int top = 0; top < image->Ysize; top += kStrip) {
    const VipsRect strip{0, top, image->Xsize, std::min(kStrip, image->Ysize - top)};
    if (vips_region_prepare(region.get(), &strip) != 0) return false;
    for (int y = top; y < top + strip.height; ++y) {
      const VipsPel* row = VIPS_REGION_ADDR(region.get(), 0, y);
      std::uint8_t* const to = rgb.data() + y * stride;
      if (image->BandFmt == VIPS_FORMAT_USHORT) {
        row_to_rgb(reinterpret_cast<const std::uint16_t*>(row), kind, image->Xsize, image->Bands, background, to);
      } else {
        row_to_rgb(row, kind, image->Xsize, image->Bands, background, to);
      }
    }
  }
  return true;
}

// libvips' loaders are variadic functions; they take the buffer as void* and leave it as it is.
template <auto kLoad>
VipsImagePtr load(Bytes bytes) {
  VipsImage* image = nullptr;
  void* const data = const_cast<std::byte*>(bytes.data());
  if (kLoad(data, bytes.size(), &image, "access", VIPS_ACCESS_SEQUENTIAL, nullptr) != 0) return nullptr;
  return VipsImagePtr(image);
}

int stored_orientation(VipsImage* image) { return vips_image_get_orientation(image); }

// PNG had no place for EXIF until 2017; before, ImageMagick wrote it into a text. Empty: it did not.
std::string_view png_exif_text(VipsImage* image) {
  constexpr int kMaxTexts = 64;
  for (int i = 0; i < kMaxTexts; ++i) {
    const std::string field = fmt::format("png-comment-{}-Raw profile type exif", i);
    const char* text = nullptr;
    if (vips_image_get_typeof(image, field.c_str()) == 0) continue;
    if (vips_image_get_string(image, field.c_str(), &text) == 0) return text;
  }
  return {};
}

int png_orientation(VipsImage* image) {
  if (vips_image_get_typeof(image, VIPS_META_ORIENTATION) != 0) return vips_image_get_orientation(image);
  const auto text = png_exif_text(image);
  return text.empty() ? 1 : exif_text_orientation(text);
}

// HEIF says in the picture's own properties how it is turned, and the loader has followed them already; its EXIF block
// repeats it.
int always_upright(VipsImage* /*image*/) { return 1; }

std::vector<std::byte> embedded_exif(VipsImage* image) {
  const void* data = nullptr;
  std::size_t size = 0;
  if (vips_image_get_typeof(image, VIPS_META_EXIF_NAME) != 0 &&
      vips_image_get_blob(image, VIPS_META_EXIF_NAME, &data, &size) == 0) {
    return exif_block({static_cast<const std::byte*>(data), size});
  }
  const auto text = png_exif_text(image);
  return text.empty() ? std::vector<std::byte>() : exif_block(exif_of_text(text));
}

Facts facts_of(VipsImagePtr (*loader)(Bytes), int (*orientation)(VipsImage*), Bytes bytes) {
  Facts facts;
  if (!start_vips()) return facts;
  if (const VipsImagePtr image = loader(bytes)) {
    facts = {.width = image->Xsize,
             .height = image->Ysize,
             .orientation = orientation(image.get()),
             .exif = embedded_exif(image.get())};
  }
  vips_error_clear();
  return facts;
}

Result<Decoded> decode(std::string_view format, VipsImagePtr (*loader)(Bytes), int (*orientation)(VipsImage*),
                       Bytes bytes, const DecodeOptions& options) {
  EIDETIC_CHECK(start_vips());
  // libvips keeps one list of messages for all threads, so its words may be about another picture: they are not passed
  // on.
  const auto damaged = [&](std::string_view part) {
    vips_error_clear();
    return fail(ErrorCode::corrupt, fmt::format("damaged {} {}", format, part));
  };
  VipsImagePtr image = loader(bytes);
  if (!image) return damaged("header");
  EIDETIC_CHECK(check_size(format, image->Xsize, image->Ysize, options));
  Decoded decoded{.image = {.width = image->Xsize, .height = image->Ysize, .pixels = {}},
                  .orientation = orientation(image.get())};
  image = with_srgb(std::move(image));
  if (!image) {
    vips_error_clear();
    return fail(ErrorCode::unsupported, fmt::format("{} pictures of this kind of pixels are not read", format));
  }
  if (!write_rgb(image.get(), options.background, decoded.image.pixels)) return damaged("data");
  vips_error_clear();
  return decoded;
}

}  // namespace

bool to_srgb(const Samples& samples, Bytes profile, std::vector<std::uint8_t>& rgb) {
  if (!start_vips()) return false;
  VipsImagePtr image(vips_image_new_from_memory(samples.values.data(), samples.values.size(), samples.width,
                                                samples.height, samples.channels, VIPS_FORMAT_UCHAR));
  if (!image) return false;
  image->Type = samples.channels == 1   ? VIPS_INTERPRETATION_B_W
                : samples.channels == 3 ? VIPS_INTERPRETATION_sRGB
                                        : VIPS_INTERPRETATION_CMYK;
  vips_image_set_blob_copy(image.get(), VIPS_META_ICC_NAME, profile.data(), profile.size());
  VipsImage* converted = nullptr;
  if (vips_icc_transform(image.get(), &converted, "srgb", "embedded", TRUE, "intent", VIPS_INTENT_PERCEPTUAL,
                         nullptr) != 0) {
    vips_error_clear();
    return false;
  }
  image.reset(converted);
  std::vector<std::uint8_t> result;
  if (kind_of(image.get()) == Kind::other || !write_rgb(image.get(), {255, 255, 255}, result)) {
    vips_error_clear();
    return false;
  }
  rgb = std::move(result);
  return true;
}

Result<Decoded> decode_png(Bytes bytes, const DecodeOptions& options) {
  return decode("PNG", load<vips_pngload_buffer>, png_orientation, bytes, options);
}
Result<Decoded> decode_webp(Bytes bytes, const DecodeOptions& options) {
  return decode("WebP", load<vips_webpload_buffer>, stored_orientation, bytes, options);
}
Result<Decoded> decode_gif(Bytes bytes, const DecodeOptions& options) {
  return decode("GIF", load<vips_gifload_buffer>, stored_orientation, bytes, options);
}
Result<Decoded> decode_tiff(Bytes bytes, const DecodeOptions& options) {
  return decode("TIFF", load<vips_tiffload_buffer>, stored_orientation, bytes, options);
}
Result<Decoded> decode_heif(Bytes bytes, const DecodeOptions& options) {
  return decode("HEIF", load<vips_heifload_buffer>, always_upright, bytes, options);
}

Facts png_facts(Bytes bytes) { return facts_of(load<vips_pngload_buffer>, png_orientation, bytes); }
Facts webp_facts(Bytes bytes) { return facts_of(load<vips_webpload_buffer>, stored_orientation, bytes); }
Facts gif_facts(Bytes bytes) { return facts_of(load<vips_gifload_buffer>, stored_orientation, bytes); }
Facts heif_facts(Bytes bytes) { return facts_of(load<vips_heifload_buffer>, always_upright, bytes); }
Facts tiff_facts(Bytes bytes) {
  Facts facts = facts_of(load<vips_tiffload_buffer>, stored_orientation, bytes);
  // The file is built as a block is. What lies further back than a block can be long is not found.
  facts.exif = exif_block(bytes);
  return facts;
}

std::string vips_library() { return fmt::format("libvips {}", vips_version_string()); }

}  // namespace eidetic
