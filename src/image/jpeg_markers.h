// What the segments of a JPEG file say beside the picture. Internal to the room; pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "eidetic/image.h"

namespace eidetic {

struct JpegMarkers {
  int precision = 0;               // bits a sample, from the frame header; 0: there is none
  int width = 0, height = 0;       // from the frame header
  Bytes exif;                      // part of the file; empty: none
  std::vector<std::byte> profile;  // ICC profile, put together from its segments; empty: none, or parts are missing
};

// Reads up to the first scan and stops at whatever is no segment. Never reads outside `bytes`.
[[nodiscard]] JpegMarkers read_jpeg_markers(Bytes bytes);

}  // namespace eidetic
