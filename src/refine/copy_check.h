// Whether two pictures are edits of the same picture, told by their pixels. The one is laid over the other, straight
// and mirrored: as it is, stretched to the other's frame, and as keypoints say (alignment.h), which finds crops. Then
// the two are compared part by part. Photographs of the same thing align too, but not to the pixel, and not their
// surroundings.
//
// Thread rule: pure functions and values; any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "eidetic/image.h"

#include "refine/local_features.h"

namespace eidetic {

// What is kept of a picture to check it against others: up to 135 KB. `image` is not empty; larger than
// kCopyPictureSide it is made smaller first.
[[nodiscard]] LocalFeatures copy_features(const Image& image);
inline constexpr std::int32_t kCopyPictureSide = 320;

struct PixelMatch {
  double agreement = 0;  // 0 to 1: the share of the parts which both show that look the same
  double shown_pct = 0;  // of the picture's area of which more is in the other one: 100 for a crop of it
  // How far the one, laid over the other, is from an upright rectangle, of its diagonal: edits cut and scale, cameras
  // turn and tilt.
  double skew_pct = 0;
  bool mirrored = false;  // left and right are swapped
};

// The best way to lay `a` over `b`, both from copy_features. Agreement 0 where there is none. nullopt where there is
// too little on either picture to tell. Symmetric but for rounding.
[[nodiscard]] std::optional<PixelMatch> match_pixels(const LocalFeatures& a, const LocalFeatures& b);

}  // namespace eidetic
