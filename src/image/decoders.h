// The decoders behind decode_image, one a file. Each reads the size from the header and calls check_size before it
// allocates pixels, and gives the picture as it is stored together with its orientation. Internal to the room; all
// functions are pure and thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/image.h"

namespace eidetic {

struct Decoded {
  Image image;
  int orientation = 1;  // as EXIF counts, 1 to 8: how the picture must be turned to be upright
};

// corrupt for a size below 1 x 1, overloaded over options.max_pixels. `format` is for the message: "PNG".
[[nodiscard]] Result<void> check_size(std::string_view format, std::int64_t width, std::int64_t height,
                                      const DecodeOptions& options);

using Decoder = Result<Decoded> (*)(Bytes bytes, const DecodeOptions& options);

Result<Decoded> decode_jpeg(Bytes bytes, const DecodeOptions& options);  // libjpeg-turbo
Result<Decoded> decode_bmp(Bytes bytes, const DecodeOptions& options);   // ours
Result<Decoded> decode_pnm(Bytes bytes, const DecodeOptions& options);   // ours
// libvips
Result<Decoded> decode_png(Bytes bytes, const DecodeOptions& options);
Result<Decoded> decode_webp(Bytes bytes, const DecodeOptions& options);
Result<Decoded> decode_gif(Bytes bytes, const DecodeOptions& options);
Result<Decoded> decode_tiff(Bytes bytes, const DecodeOptions& options);
Result<Decoded> decode_heif(Bytes bytes, const DecodeOptions& options);

// What a file says beside its pixels. Nothing is decoded and nothing fails: of a damaged file what can be read.
struct Facts {
  std::int64_t width = 0, height = 0;  // as stored; 0: unknown
  int orientation = 1;                 // as in Decoded
  std::vector<std::byte> exif = {};    // a small TIFF file, at most kMaxExif; empty: none
};
inline constexpr std::size_t kMaxExif = std::size_t{1} << 16;

using FactsReader = Facts (*)(Bytes bytes);

Facts jpeg_facts(Bytes bytes);
Facts bmp_facts(Bytes bytes);
Facts pnm_facts(Bytes bytes);
Facts png_facts(Bytes bytes);
Facts webp_facts(Bytes bytes);
Facts gif_facts(Bytes bytes);
Facts tiff_facts(Bytes bytes);
Facts heif_facts(Bytes bytes);

// By the reader that the first bytes ask for; of what is no picture, none.
[[nodiscard]] Facts read_facts(Bytes bytes);

// A block with or without "Exif\0\0" in front as Facts keep it.
[[nodiscard]] std::vector<std::byte> exif_block(Bytes bytes);

}  // namespace eidetic
