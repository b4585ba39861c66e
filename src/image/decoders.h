// The decoders behind decode_image, one a file. Each reads the size from the header and calls check_size before it
// allocates pixels, and gives the picture as it is stored together with its orientation. Internal to the room; all
// functions are pure and thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

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

}  // namespace eidetic
