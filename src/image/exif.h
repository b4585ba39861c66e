// What a camera has written into a picture's EXIF block (CIPA DC-008, EXIF 2.32), as metadata. Thread-safe; by libexif.
#pragma once

#include "eidetic/image.h"

#include "base/json.h"

namespace eidetic {

// One object; a field that the file does not have, or whose value makes no sense, is left out:
//   make, model, lens            texts
//   taken                        "2024-05-17T14:03:22", the camera's clock; with "+02:00" where the file says its zone
//   exposure_s, f_number, iso, focal_mm, focal_35mm
//   orientation                  1 to 8, as it is written in the block
//   width, height                pixels of the upright picture, by the header of any format
//   gps                          with `with_place` only: {latitude, longitude, altitude_m}, degrees, south and west
//                                negative; null where the file names no place
// Nothing is decoded and nothing fails: of damaged and hostile files it gives what can be read.
[[nodiscard]] Json read_exif(Bytes picture, bool with_place);

}  // namespace eidetic
