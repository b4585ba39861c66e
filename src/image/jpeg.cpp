// JPEG by libjpeg-turbo.
#include <fmt/format.h>
#include <jconfig.h>
#include <turbojpeg.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "image/color.h"
#include "image/decoders.h"
#include "image/jpeg_markers.h"
#include "image/libraries.h"
#include "image/orient.h"

namespace eidetic {
namespace {

struct Destroy {
  void operator()(void* handle) const noexcept { tjDestroy(handle); }
};
using Handle = std::unique_ptr<void, Destroy>;

struct Header {
  int width = 0, height = 0, subsampling = 0, colorspace = -1;
};

// The smallest picture that the decoder makes quickly (1/8, 1/4, 1/2) without its short side falling below the minimum.
tjscalingfactor scaling_for(const Header& header, std::int32_t min_short_side) {
  if (min_short_side > 0) {
    for (const int denominator : {8, 4, 2}) {
      const tjscalingfactor factor{1, denominator};
      if (TJSCALED(std::min(header.width, header.height), factor) >= min_short_side) return factor;
    }
  }
  return {1, 1};
}

const unsigned char* data(Bytes bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

Result<Header> read_header(tjhandle handle, Bytes bytes, const JpegMarkers& markers) {
  if (markers.precision != 0 && markers.precision != 8) {
    return fail(ErrorCode::unsupported,
                fmt::format("JPEG pictures of {} bits a sample are not read", markers.precision));
  }
  Header header;
  const int status = tjDecompressHeader3(handle, data(bytes), bytes.size(), &header.width, &header.height,
                                         &header.subsampling, &header.colorspace);
  // It also fails on chroma sampling factors that have no name, which decode all the same.
  if (status != 0 && (header.width < 1 || header.height < 1 || header.colorspace < 0)) {
    return fail(ErrorCode::corrupt, fmt::format("damaged JPEG header: {}", tjGetErrorStr2(handle)));
  }
  return header;
}

}  // namespace

Facts jpeg_facts(Bytes bytes) {
  const JpegMarkers markers = read_jpeg_markers(bytes);
  return {.width = markers.width,
          .height = markers.height,
          .orientation = exif_orientation(markers.exif),
          .exif = exif_block(markers.exif)};
}

Result<Decoded> decode_jpeg(Bytes bytes, const DecodeOptions& options) {
  const Handle handle(tjInitDecompress());
  if (!handle) return fail(ErrorCode::unavailable, "no memory for a JPEG decoder");
  const JpegMarkers markers = read_jpeg_markers(bytes);
  // libjpeg refuses more than 65,500 pixels a side as damaged.
  if (markers.width > 0 && markers.height > 0)
    EIDETIC_CHECK(check_size("JPEG", markers.width, markers.height, options));
  EIDETIC_TRY(const Header header, read_header(handle.get(), bytes, markers));
  EIDETIC_CHECK(check_size("JPEG", header.width, header.height, options));

  const bool cmyk = header.colorspace == TJCS_CMYK || header.colorspace == TJCS_YCCK;
  const bool profiled = !markers.profile.empty() && !is_srgb_profile(markers.profile);
  const bool gray = profiled && header.colorspace == TJCS_GRAY;
  const TJPF format = cmyk ? TJPF_CMYK : gray ? TJPF_GRAY : TJPF_RGB;
  const tjscalingfactor scaling = scaling_for(header, options.min_short_side);
  const int width = TJSCALED(header.width, scaling);
  const int height = TJSCALED(header.height, scaling);
  const std::size_t channels = cmyk ? 4 : gray ? 1 : 3;
  std::vector<std::uint8_t> pixels(channels * width * height);
  // A picture that is merely cut off or slightly damaged gives a warning and what there is of it.
  if (tjDecompress2(handle.get(), data(bytes), bytes.size(), pixels.data(), width, 0, height, format,
                    TJFLAG_LIMITSCANS) != 0 &&
      tjGetErrorCode(handle.get()) != TJERR_WARNING) {
    return fail(ErrorCode::corrupt, fmt::format("damaged JPEG data: {}", tjGetErrorStr2(handle.get())));
  }
  // Four-component files store 255 for no ink, as Adobe's programs do; nobody writes them otherwise.
  if (cmyk) {
    for (std::uint8_t& ink : pixels) ink = static_cast<std::uint8_t>(255 - ink);
  }

  Decoded decoded{.image = {.width = width, .height = height, .pixels = {}},
                  .orientation = exif_orientation(markers.exif)};
  const Samples samples{pixels, width, height, static_cast<int>(channels)};
  if (!profiled || !to_srgb(samples, markers.profile, decoded.image.pixels)) {
    decoded.image.pixels = channels == 3 ? std::move(pixels) : plain_rgb(samples);
  }
  return decoded;
}

#define EIDETIC_TEXT_OF_(value) #value
#define EIDETIC_TEXT_OF(value) EIDETIC_TEXT_OF_(value)
std::string jpeg_library() { return "libjpeg-turbo " EIDETIC_TEXT_OF(LIBJPEG_TURBO_VERSION); }

}  // namespace eidetic
