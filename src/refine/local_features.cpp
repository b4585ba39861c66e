#include "refine/local_features.h"

#include <fmt/format.h>
#include <vl/sift.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numbers>
#include <numeric>
#include <tuple>
#include <utility>

#include "image/encode.h"
#include "refine/augment.h"

namespace eidetic {
namespace {

constexpr std::int32_t kMinSide = 16;  // below, octaves would get too small for VLFeat's gradients
constexpr int kLevels = 3;             // an octave; Lowe's
constexpr double kPeak = 0.0067;       // least contrast of a keypoint, of values from 0 to 1
constexpr double kEdge = 10;           // Lowe's
constexpr float kDescriptorScale = 384;

struct Destroy {
  void operator()(VlSiftFilt* filter) const noexcept { vl_sift_delete(filter); }
};
using Filter = std::unique_ptr<VlSiftFilt, Destroy>;

// Luma of ITU-R BT.601.
float luma(const std::uint8_t* rgb) {
  return 0.299F * static_cast<float>(rgb[0]) + 0.587F * static_cast<float>(rgb[1]) +
         0.114F * static_cast<float>(rgb[2]);
}

std::vector<float> to_unit_gray(const Image& image) {
  std::vector<float> gray(image.pixels.size() / 3);
  for (std::size_t i = 0; i < gray.size(); ++i) gray[i] = luma(image.pixels.data() + 3 * i) / 255;
  return gray;
}

using Descriptor = std::array<std::uint8_t, kDescriptorBytes>;

// RootSIFT: the root of the descriptor at L1 length 1, so that Euclidean distances compare histograms by Hellinger's.
// False for a descriptor of nothing.
bool to_root_sift(const std::array<float, kDescriptorBytes>& sift, Descriptor& root) {
  const float sum = std::accumulate(sift.begin(), sift.end(), 0.0F);
  if (!(sum > 0)) return false;
  for (std::size_t i = 0; i < sift.size(); ++i) {
    const float value = kDescriptorScale * std::sqrt(sift[i] / sum);
    root[i] = static_cast<std::uint8_t>(std::min(value + 0.5F, static_cast<float>(kMaxDescriptorByte)));
  }
  return true;
}

struct Candidate {
  Keypoint keypoint;
  float strength = 0;
  Descriptor descriptor{};
};

// Difference of Gaussians at the keypoint: how strong it is. VLFeat does not tell.
float strength_of(const VlSiftFilt* filter, const VlSiftKeypoint& keypoint) {
  const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(keypoint.iy) * vl_sift_get_octave_width(filter) + keypoint.ix;
  return std::abs(vl_sift_get_octave(filter, keypoint.is + 1)[at] - vl_sift_get_octave(filter, keypoint.is)[at]);
}

// Of a pixel that is worked on, in pixels of the picture.
struct PixelSize {
  float width = 1;
  float height = 1;
};

// Of the octave that the filter is at; the strongest `most` of them, as no more can be kept.
void describe_octave(VlSiftFilt* filter, std::size_t most, PixelSize pixel, std::vector<Candidate>& found) {
  vl_sift_detect(filter);
  const std::span keys(vl_sift_get_keypoints(filter), static_cast<std::size_t>(vl_sift_get_nkeypoints(filter)));
  std::vector<std::pair<float, std::size_t>> order;
  for (std::size_t i = 0; i < keys.size(); ++i) order.emplace_back(-strength_of(filter, keys[i]), i);
  std::ranges::sort(order);
  if (order.size() > most) order.resize(most);
  for (const auto& [strength, i] : order) {
    const VlSiftKeypoint& key = keys[i];
    std::array<double, 4> angles{};
    const int count = vl_sift_calc_keypoint_orientations(filter, angles.data(), &key);
    for (int a = 0; a < count; ++a) {
      std::array<float, kDescriptorBytes> sift{};  // left as it is for a keypoint on the lower rim
      vl_sift_calc_keypoint_descriptor(filter, sift.data(), &key, angles[a]);
      Candidate one{.keypoint = {.x = (key.x + 0.5F) * pixel.width,
                                 .y = (key.y + 0.5F) * pixel.height,
                                 .scale = key.sigma * std::sqrt(pixel.width * pixel.height),
                                 .angle = static_cast<float>(angles[a])},
                    .strength = -strength};
      if (to_root_sift(sift, one.descriptor)) found.push_back(one);
    }
  }
}

// The strongest of all octaves.
std::vector<Candidate> detect(const std::vector<float>& gray, std::int32_t width, std::int32_t height,
                              const FeatureOptions& options, PixelSize pixel) {
  const int first_octave = std::max(width, height) <= options.upsample_below ? -1 : 0;
  // Every vl_sift_new writes VLFeat's table of exponentials anew, with the same values: threads that read it meanwhile
  // have written them already. All else belongs to the filter.
  const Filter filter(vl_sift_new(width, height, -1, kLevels, first_octave));
  vl_sift_set_peak_thresh(filter.get(), kPeak);
  vl_sift_set_edge_thresh(filter.get(), kEdge);
  const auto most = static_cast<std::size_t>(options.max_features);
  std::vector<Candidate> found;
  int state = vl_sift_process_first_octave(filter.get(), gray.data());
  while (state == VL_ERR_OK) {
    describe_octave(filter.get(), most, pixel, found);
    state = vl_sift_process_next_octave(filter.get());
  }
  std::ranges::sort(found, {}, [](const Candidate& one) {
    return std::tuple(-one.strength, one.keypoint.y, one.keypoint.x, one.keypoint.scale, one.keypoint.angle);
  });
  if (found.size() > most) found.resize(most);
  return found;
}

}  // namespace

Result<LocalFeatures> extract_features(const Image& image, const FeatureOptions& options) {
  if (image.empty()) return fail(ErrorCode::invalid_argument, "no features can be taken from an empty picture");
  if (options.max_side < 32 || options.max_side > kMaxFeatureSide) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("max_side is {}; it must be from 32 to {}", options.max_side, kMaxFeatureSide));
  }
  if (options.upsample_below < 0 || options.upsample_below > kMaxUpsampledSide) {
    return fail(ErrorCode::invalid_argument, fmt::format("upsample_below is {}; it must be from 0 to {}",
                                                         options.upsample_below, kMaxUpsampledSide));
  }
  if (options.max_features < 1 || options.max_features > kMaxFeatures) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("max_features is {}; it must be from 1 to {}", options.max_features, kMaxFeatures));
  }
  LocalFeatures features{.width = image.width, .height = image.height};
  const Image work = fit_image(image, options.max_side);
  features.small = fit_image(work, kSmallSide);
  if (std::min(work.width, work.height) < kMinSide) return features;
  const PixelSize pixel{.width = static_cast<float>(image.width) / static_cast<float>(work.width),
                        .height = static_cast<float>(image.height) / static_cast<float>(work.height)};
  const auto found = detect(to_unit_gray(work), work.width, work.height, options, pixel);
  features.keypoints.reserve(found.size());
  features.descriptors.reserve(found.size() * kDescriptorBytes);
  for (const Candidate& one : found) {
    features.keypoints.push_back(one.keypoint);
    features.descriptors.insert(features.descriptors.end(), one.descriptor.begin(), one.descriptor.end());
  }
  return features;
}

LocalFeatures mirrored(const LocalFeatures& features) {
  // A descriptor is 4 rows of 4 cells of 8 directions, in a frame whose first axis is the keypoint's direction. The
  // mirror turns that frame's other axis over: rows swap, directions run the other way round.
  constexpr std::size_t kCells = 4;
  constexpr std::size_t kDirections = 8;
  static_assert(kCells * kCells * kDirections == kDescriptorBytes);
  std::array<std::size_t, kDescriptorBytes> from{};
  for (std::size_t row = 0; row < kCells; ++row) {
    for (std::size_t cell = 0; cell < kCells; ++cell) {
      for (std::size_t direction = 0; direction < kDirections; ++direction) {
        from[(row * kCells + cell) * kDirections + direction] =
            ((kCells - 1 - row) * kCells + cell) * kDirections + (kDirections - direction) % kDirections;
      }
    }
  }
  LocalFeatures other = features;
  for (std::size_t i = 0; i < features.size(); ++i) {
    Keypoint& keypoint = other.keypoints[i];
    keypoint.x = static_cast<float>(features.width) - keypoint.x;
    constexpr auto kPi = std::numbers::pi_v<float>;
    keypoint.angle = keypoint.angle <= kPi ? kPi - keypoint.angle : 3 * kPi - keypoint.angle;
    const auto descriptor = features.descriptor(i);
    for (std::size_t at = 0; at < kDescriptorBytes; ++at) {
      other.descriptors[i * kDescriptorBytes + at] = descriptor[from[at]];
    }
  }
  other.small = mirrored(features.small);
  return other;
}

bool has_enough_texture(const LocalFeatures& features) {
  // A keypoint with two orientations is two features at one place.
  std::vector<std::pair<float, float>> places;
  places.reserve(features.size());
  for (const Keypoint& keypoint : features.keypoints) places.emplace_back(keypoint.x, keypoint.y);
  std::ranges::sort(places);
  const auto repeated = std::ranges::unique(places);
  return places.size() - repeated.size() >= kEnoughTexture;
}

}  // namespace eidetic
