// libvips for this room: started on first use, wrapped in owners. The only headers that include vips are this and the
// .cpp files beside it.
#pragma once

#include <vips/vips.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

struct VipsUnref {
  void operator()(void* object) const noexcept { g_object_unref(object); }
};
using VipsImagePtr = std::unique_ptr<VipsImage, VipsUnref>;

// Starts libvips once a process: loaders for untrusted data blocked, no threads of its own, no cache, no output.
[[nodiscard]] Result<void> start_vips();

// The picture in sRGB (or grey), 8 or 16 bits, through its embedded profile where it has one that is not sRGB's;
// null where libvips cannot.
[[nodiscard]] VipsImagePtr with_srgb(VipsImagePtr image);

// Computes all pixels, top to bottom, on the calling thread: 8-bit RGB, laid on the background where transparent. The
// picture must be one from with_srgb. False where pixels cannot be computed.
[[nodiscard]] bool write_rgb(VipsImage* image, const std::array<std::uint8_t, 3>& background,
                             std::vector<std::uint8_t>& rgb);

}  // namespace eidetic
