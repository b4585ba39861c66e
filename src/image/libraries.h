// Which libraries decode, for messages.
#pragma once

#include <string>

namespace eidetic {

[[nodiscard]] std::string vips_library();  // "libvips 8.14.1", the one that is loaded
[[nodiscard]] std::string jpeg_library();  // "libjpeg-turbo 2.1.5", the one this was compiled with

}  // namespace eidetic
