// PNG, WebP, GIF, TIFF and HEIF/AVIF by libvips.
#include <fmt/format.h>

#include "image/decoders.h"
#include "image/orient.h"
#include "image/vips_image.h"

namespace eidetic {
namespace {

// libvips' loaders are variadic functions; they take the buffer as void* and leave it as it is.
template <auto kLoad>
VipsImagePtr load(Bytes bytes) {
  VipsImage* image = nullptr;
  void* const data = const_cast<std::byte*>(bytes.data());
  if (kLoad(data, bytes.size(), &image, "access", VIPS_ACCESS_SEQUENTIAL, nullptr) != 0) return nullptr;
  return VipsImagePtr(image);
}

int stored_orientation(VipsImage* image) { return vips_image_get_orientation(image); }
// HEIF says in the picture's own properties how it is turned, and the loader has followed them already; its EXIF block
// repeats it.
int always_upright(VipsImage* /*image*/) { return 1; }

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

Result<Decoded> decode_png(Bytes bytes, const DecodeOptions& options) {
  return decode("PNG", load<vips_pngload_buffer>, stored_orientation, bytes, options);
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

}  // namespace eidetic
