// An alignment for people to look at: query and hit side by side, the inliers as lines from one to the other, and the
// quadrilateral in both. Pure functions: safe to call from any number of threads.
#pragma once

#include <cstdint>

#include "eidetic/image.h"

#include "refine/alignment.h"

namespace eidetic {

struct AlignmentPictureOptions {
  std::int32_t max_side = 640;  // pixels of each of the two pictures, that are made smaller to it; 16 to 8192
  std::int32_t max_lines = 60;  // of more inliers than that, some evenly from all; at least 0
};

// `query` and `hit` as their features were extracted from. Of an alignment that is not verified the two pictures alone.
// invalid_argument for an empty picture or options out of range.
[[nodiscard]] Result<Image> draw_alignment(Image query, Image hit, const Alignment& alignment,
                                           const AlignmentPictureOptions& options = {});

}  // namespace eidetic
