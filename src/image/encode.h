// Pictures for people to look at: made smaller, and as JPEG. Pure functions: safe to call from any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/image.h"

namespace eidetic {

// The picture so that its longer side has at most `size` pixels (at least 1), the shorter one as fits, at least 1;
// antialiased. A smaller picture is given back as it is: never enlarged.
[[nodiscard]] Image fit_image(Image image, std::int32_t size);
// Stretched to exactly that size, each side at least 1, antialiased. `image` is not empty.
[[nodiscard]] Image resize_image(const Image& image, std::int32_t width, std::int32_t height);

// `quality` from 1 to 100; colour is kept at half the resolution of light. invalid_argument for an empty picture or
// one of more than 65,500 pixels a side.
[[nodiscard]] Result<std::vector<std::byte>> encode_jpeg(const Image& image, int quality = 85);

// "image/png", by the first bytes; "application/octet-stream" for what decode_image does not read.
[[nodiscard]] std::string_view media_type_of(Bytes bytes);

}  // namespace eidetic
