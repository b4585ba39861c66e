#include "image/crop.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "image/encode.h"

namespace eidetic {
namespace {

struct Interval {
  std::int32_t begin = 0, end = 0;
};

Interval clamped(double start, double length, double scale, std::int32_t size) {
  const auto pixel = [&](double value) {
    return static_cast<std::int32_t>(std::clamp(std::round(value * scale), 0.0, static_cast<double>(size)));
  };
  return {pixel(start), pixel(start + length)};
}

}  // namespace

Result<Image> decode_for_variants(Bytes bytes, std::string_view name, DecodeOptions options,
                                  const std::optional<Crop>& crop) {
  constexpr std::int32_t kShortSide = 500;
  constexpr std::int32_t kLongSide = 2000;  // strips have short sides however large they are
  options.min_short_side = 0;
  auto image = decode_image(bytes, options);
  if (image && crop) image = crop_image(*image, *crop);
  if (!image) return fail(image.error().code, fmt::format("'{}': {}", name, image.error().message));
  const std::int32_t shorter = std::min(image->width, image->height);
  const double longer = std::max(image->width, image->height);
  const double wanted = shorter > kShortSide ? longer * kShortSide / shorter : longer;
  return fit_image(*std::move(image), static_cast<std::int32_t>(std::lround(std::min<double>(wanted, kLongSide))));
}

Result<Image> crop_image(const Image& image, const Crop& crop) {
  const bool finite =
      std::isfinite(crop.x) && std::isfinite(crop.y) && std::isfinite(crop.width) && std::isfinite(crop.height);
  const bool fractions = crop.width <= 1 && crop.height <= 1;
  const auto x = finite ? clamped(crop.x, crop.width, fractions ? image.width : 1, image.width) : Interval{};
  const auto y = finite ? clamped(crop.y, crop.height, fractions ? image.height : 1, image.height) : Interval{};
  if (x.begin >= x.end || y.begin >= y.end) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("the crop {},{},{},{} holds nothing of the picture of {} x {} pixels; give x,y,width,height "
                    "in pixels, or as fractions of at most 1",
                    crop.x, crop.y, crop.width, crop.height, image.width, image.height));
  }
  constexpr std::size_t kChannels = 3;
  Image part{.width = x.end - x.begin, .height = y.end - y.begin, .pixels = {}};
  const std::size_t row_bytes = static_cast<std::size_t>(part.width) * kChannels;
  part.pixels.resize(row_bytes * static_cast<std::size_t>(part.height));
  for (std::int32_t row = 0; row < part.height; ++row) {
    const auto from = (static_cast<std::size_t>(y.begin + row) * static_cast<std::size_t>(image.width) +
                       static_cast<std::size_t>(x.begin)) *
                      kChannels;
    std::copy_n(image.pixels.data() + from, row_bytes, part.pixels.data() + static_cast<std::size_t>(row) * row_bytes);
  }
  return part;
}

}  // namespace eidetic
