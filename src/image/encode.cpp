#include "image/encode.h"

#include <fmt/format.h>
#include <turbojpeg.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>

#include "image/resample.h"

namespace eidetic {
namespace {

constexpr std::size_t kChannels = 3;

// Both passes of the resampler. Its rows read and write a byte past their end, so each has room for one.
std::vector<std::uint8_t> across(const Image& image, std::int32_t width) {
  AxisWeights weights;
  make_weights(image.width, width, 0, width, {}, weights);
  const std::size_t in_bytes = kChannels * static_cast<std::size_t>(image.width);
  const std::size_t out_bytes = kChannels * static_cast<std::size_t>(width);
  const auto height = static_cast<std::size_t>(image.height);
  std::vector<std::uint8_t> out(out_bytes * height + 1);
  std::vector<std::uint8_t> in_rows((in_bytes + 1) * kRowGroup);
  std::vector<std::uint8_t> out_rows((out_bytes + 1) * kRowGroup);
  for (std::size_t y = 0; y < height; y += kRowGroup) {
    const std::size_t count = std::min(kRowGroup, height - y);
    std::array<const std::uint8_t*, kRowGroup> from{};
    std::array<std::uint8_t*, kRowGroup> to{};
    for (std::size_t i = 0; i < kRowGroup; ++i) {
      std::uint8_t* row = in_rows.data() + (in_bytes + 1) * i;
      if (i < count) std::memcpy(row, image.pixels.data() + in_bytes * (y + i), in_bytes);
      from[i] = row;
      to[i] = out_rows.data() + (out_bytes + 1) * i;
    }
    resample_rows(from, weights, to);
    for (std::size_t i = 0; i < count; ++i) std::memcpy(out.data() + out_bytes * (y + i), to[i], out_bytes);
  }
  return out;
}

std::vector<std::uint8_t> down(const std::vector<std::uint8_t>& rows, std::int32_t width, std::int32_t from_height,
                               std::int32_t height) {
  AxisWeights weights;
  make_weights(from_height, height, 0, height, {}, weights);
  const std::size_t stride = kChannels * static_cast<std::size_t>(width);
  std::vector<std::uint8_t> out(stride * static_cast<std::size_t>(height));
  for (std::size_t y = 0; y < static_cast<std::size_t>(height); ++y) {
    resample_columns(rows.data() + stride * static_cast<std::size_t>(weights.first[y]), stride,
                     weights.weights.data() + y * weights.taps, weights.taps, stride, out.data() + stride * y);
  }
  return out;
}

struct Destroy {
  void operator()(void* handle) const noexcept { tjDestroy(handle); }
};

}  // namespace

Image fit_image(Image image, std::int32_t size) {
  const std::int32_t longer = std::max(image.width, image.height);
  if (image.empty() || longer <= size) return image;
  const auto scaled = [&](std::int32_t side) {
    const double exact = static_cast<double>(side) * size / longer;
    return std::max(1, static_cast<std::int32_t>(std::lround(exact)));
  };
  return resize_image(image, scaled(image.width), scaled(image.height));
}

Image resize_image(const Image& image, std::int32_t width, std::int32_t height) {
  return {.width = width, .height = height, .pixels = down(across(image, width), width, image.height, height)};
}

Result<std::vector<std::byte>> encode_jpeg(const Image& image, int quality) {
  constexpr std::int32_t kMaxSide = 65'500;  // libjpeg's
  if (image.empty() || image.width > kMaxSide || image.height > kMaxSide) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("no JPEG can be made of {} x {} pixels", image.width, image.height));
  }
  const std::unique_ptr<void, Destroy> handle(tjInitCompress());
  if (!handle) return fail(ErrorCode::unavailable, "no memory for a JPEG encoder");
  std::vector<std::byte> jpeg(tjBufSize(image.width, image.height, TJSAMP_420));
  auto* out = reinterpret_cast<unsigned char*>(jpeg.data());
  unsigned long bytes = jpeg.size();
  if (tjCompress2(handle.get(), image.pixels.data(), image.width, 0, image.height, TJPF_RGB, &out, &bytes, TJSAMP_420,
                  quality, TJFLAG_NOREALLOC) != 0) {
    return fail(ErrorCode::internal, fmt::format("cannot make a JPEG: {}", tjGetErrorStr2(handle.get())));
  }
  jpeg.resize(bytes);
  return jpeg;
}

}  // namespace eidetic
