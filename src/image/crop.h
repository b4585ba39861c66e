// Parts of a decoded picture. Pure functions.
#pragma once

#include <optional>
#include <string_view>

#include "eidetic/image.h"
#include "eidetic/query.h"

namespace eidetic {

// The picture as it is varied: in full, or what a crop leaves of it, at most 500 pixels on the short side and 2,000 on
// the long one.
[[nodiscard]] Result<Image> decode_for_variants(Bytes bytes, std::string_view name, DecodeOptions options,
                                                const std::optional<Crop>& crop);

// The part of a picture that a crop names, cut off at the picture's edges. invalid_argument where nothing of the
// picture is inside, or the crop is no rectangle.
[[nodiscard]] Result<Image> crop_image(const Image& image, const Crop& crop);

}  // namespace eidetic
