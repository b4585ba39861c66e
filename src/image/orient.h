// Turning a picture upright, and where its file says how. Internal to the room; pure functions.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "eidetic/image.h"

namespace eidetic {

// The picture turned and mirrored as EXIF orientation 1 to 8 says; any other value leaves it alone.
[[nodiscard]] Image orient(Image image, int orientation);

// The orientation in a block of EXIF data, which is a small TIFF file ("II*\0…"); 1 where there is none, or none that
// can be read. Never reads outside `exif`.
[[nodiscard]] int exif_orientation(Bytes exif) noexcept;

// As ImageMagick writes EXIF into a PNG text: "\nexif\n  LENGTH\n", then "Exif\0\0" and the EXIF data in hexadecimal.
// What the digits say, "Exif\0\0" first.
[[nodiscard]] std::vector<std::byte> exif_of_text(std::string_view text);
// The orientation in there; 1 where there is none.
[[nodiscard]] int exif_text_orientation(std::string_view text);

}  // namespace eidetic
