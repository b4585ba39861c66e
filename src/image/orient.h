// Turning a picture upright, and where its file says how. Internal to the room; pure functions.
#pragma once

#include "eidetic/image.h"

namespace eidetic {

// The picture turned and mirrored as EXIF orientation 1 to 8 says; any other value leaves it alone.
[[nodiscard]] Image orient(Image image, int orientation);

// The orientation in a block of EXIF data, which is a small TIFF file ("II*\0…"); 1 where there is none, or none that
// can be read. Never reads outside `exif`.
[[nodiscard]] int exif_orientation(Bytes exif) noexcept;

}  // namespace eidetic
