// Local features of a picture: what `align` matches to tell whether, and where, one picture is seen in another. SIFT
// (Lowe 2004) by VLFeat, its descriptors as RootSIFT (Arandjelović and Zisserman 2012) of 7 bits.
//
// Features stay the same when a picture is turned, scaled, made brighter or compressed, and change little when it is
// seen at an angle. They do not when it is mirrored: a mirrored picture is another one, whose features `mirrored` makes
// of those there are.
//
// Positions are in pixels of the picture they come from, which spans [0, width] x [0, height]: the middle of its first
// pixel is at (0.5, 0.5).
//
// Thread rule: pure functions and values; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "eidetic/image.h"

namespace eidetic {

inline constexpr std::size_t kDescriptorBytes = 128;
inline constexpr std::uint8_t kMaxDescriptorByte = 127;
inline constexpr std::int32_t kMaxFeatures = 8192;
inline constexpr std::int32_t kMaxFeatureSide = 2048;
inline constexpr std::int32_t kMaxUpsampledSide = 1024;
inline constexpr std::int32_t kSmallSide = 160;

struct Keypoint {
  float x = 0;
  float y = 0;
  float scale = 0;  // pixels: the Gaussian's sigma
  float angle = 0;  // radians in [0, 2 pi], from x towards y
};

struct LocalFeatures {
  std::int32_t width = 0;  // of the picture
  std::int32_t height = 0;
  std::vector<Keypoint> keypoints = {};        // the strongest first
  std::vector<std::uint8_t> descriptors = {};  // kDescriptorBytes a keypoint, none over kMaxDescriptorByte
  Image small = {};  // the picture, no side over kSmallSide: tells where two pictures agree between their keypoints

  [[nodiscard]] std::size_t size() const noexcept { return keypoints.size(); }
  [[nodiscard]] std::span<const std::uint8_t> descriptor(std::size_t i) const noexcept {
    return std::span(descriptors).subspan(i * kDescriptorBytes, kDescriptorBytes);
  }
};

struct FeatureOptions {
  std::int32_t max_side = 640;        // larger pictures are made smaller first; 32 to kMaxFeatureSide
  std::int32_t upsample_below = 480;  // pictures whose longer side is at most this are doubled: small ones have little
                                      // else to show, and it takes four times as long; 0 to kMaxUpsampledSide
  std::int32_t max_features = 1000;   // the strongest; 1 to kMaxFeatures
};
// For a query, of which there is one for many candidates, and which may show the candidate small among other things.
inline constexpr FeatureOptions kQueryFeatures{.max_side = 640, .upsample_below = 640, .max_features = 2000};

// invalid_argument for an empty picture or options out of range. A picture with a side under 16 pixels, and one without
// structure, has no keypoints; that is no error. Takes about 80 bytes of memory a pixel, after doubling, for the time.
[[nodiscard]] Result<LocalFeatures> extract_features(const Image& image, const FeatureOptions& options = {});

// Those of the picture with left and right swapped, up to what sampling makes of it: positions and directions are
// swapped, descriptors rearranged.
[[nodiscard]] LocalFeatures mirrored(const LocalFeatures& features);

// Whether there is enough to tell this picture by. With fewer distinct keypoints a picture may well be found, but not
// be relied on to: plain, blurred and very small ones are below it.
inline constexpr std::size_t kEnoughTexture = 60;
[[nodiscard]] bool has_enough_texture(const LocalFeatures& features);

// To be kept and read again: magic, version, sizes, content, XXH3 (docs/file-formats.md). About 145 bytes a keypoint
// and 60 KB for the small picture.
[[nodiscard]] std::vector<std::byte> serialize_features(const LocalFeatures& features);
// corrupt for bytes that are not, to the last, what serialize_features of this version makes: extract again.
[[nodiscard]] Result<LocalFeatures> deserialize_features(std::span<const std::byte> bytes);

}  // namespace eidetic
