#include "refine/augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <numbers>
#include <random>

#include "image/encode.h"

namespace eidetic {
namespace {

using Pixel = std::array<std::uint8_t, 3>;

constexpr int kBrightness = 50;
constexpr float kLightness = 0.5F;  // of sharpen
constexpr float kIntensity = 0.5F;  // of the noise
constexpr float kCircle = 360;      // of hues

std::uint8_t to_byte(float value) { return static_cast<std::uint8_t>(std::clamp(std::lround(value), 0L, 255L)); }

// Image(width, height), where pixel (x, y) is of(x, y).
template <typename Of>
Image make(std::int32_t width, std::int32_t height, const Of& of) {
  Image image{.width = width, .height = height, .pixels = {}};
  image.pixels.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  auto* out = image.pixels.data();
  for (std::int32_t y = 0; y < height; ++y) {
    for (std::int32_t x = 0; x < width; ++x, out += 3) {
      const Pixel pixel = of(x, y);
      std::ranges::copy(pixel, out);
    }
  }
  return image;
}

class View {
 public:
  explicit View(const Image& image) : image_(image) {}

  [[nodiscard]] Pixel at(std::int32_t x, std::int32_t y) const {
    const auto* in = &image_.pixels[(static_cast<std::size_t>(y) * static_cast<std::size_t>(image_.width) +
                                     static_cast<std::size_t>(x)) *
                                    3];
    return {in[0], in[1], in[2]};
  }
  // Mirrored at the edges, the edge itself once, as OpenCV does by default.
  [[nodiscard]] Pixel beyond(std::int32_t x, std::int32_t y) const {
    return at(inside(x, image_.width), inside(y, image_.height));
  }

 private:
  static std::int32_t inside(std::int32_t at, std::int32_t size) {
    if (size == 1) return 0;
    const std::int32_t period = 2 * (size - 1);
    at = std::abs(at) % period;
    return at < size ? at : period - at;
  }

  const Image& image_;
};

template <std::size_t Size>
using Kernel = std::array<std::array<float, Size>, Size>;

template <std::size_t Size>
Image convolve(const Image& image, const Kernel<Size>& kernel) {
  constexpr auto kReach = static_cast<std::int32_t>(Size / 2);
  const View view(image);
  return make(image.width, image.height, [&](std::int32_t x, std::int32_t y) {
    std::array<float, 3> sum{};
    for (std::int32_t dy = -kReach; dy <= kReach; ++dy) {
      for (std::int32_t dx = -kReach; dx <= kReach; ++dx) {
        const float weight = kernel[static_cast<std::size_t>(dy + kReach)][static_cast<std::size_t>(dx + kReach)];
        const Pixel pixel = view.beyond(x + dx, y + dy);
        for (std::size_t c = 0; c < 3; ++c) sum[c] += weight * static_cast<float>(pixel[c]);
      }
    }
    return Pixel{to_byte(sum[0]), to_byte(sum[1]), to_byte(sum[2])};
  });
}

Image blurred(const Image& image) {
  constexpr float kSigma = 1.1F;  // what OpenCV takes for 5 x 5
  Kernel<5> kernel{};
  float sum = 0;
  for (int y = -2; y <= 2; ++y) {
    for (int x = -2; x <= 2; ++x) {
      const float weight = std::exp(static_cast<float>(-(x * x + y * y)) / (2 * kSigma * kSigma));
      kernel[static_cast<std::size_t>(y + 2)][static_cast<std::size_t>(x + 2)] = weight;
      sum += weight;
    }
  }
  for (auto& row : kernel) {
    for (float& weight : row) weight /= sum;
  }
  return convolve(image, kernel);
}

Image sharpened(const Image& image, float alpha) {
  Kernel<3> kernel{};
  for (auto& row : kernel) row.fill(-alpha);
  kernel[1][1] = alpha * (8 + kLightness) + 1 - alpha;
  return convolve(image, kernel);
}

// --- colours ---

// Hue in degrees, lightness and saturation from 0 to 1.
struct Hls {
  float hue = 0, lightness = 0, saturation = 0;
};

Hls to_hls(const Pixel& pixel) {
  const float r = static_cast<float>(pixel[0]) / 255;
  const float g = static_cast<float>(pixel[1]) / 255;
  const float b = static_cast<float>(pixel[2]) / 255;
  const auto [least, most] = std::minmax({r, g, b});
  const float range = most - least;
  Hls hls{.hue = 0, .lightness = (most + least) / 2, .saturation = 0};
  if (range <= 0) return hls;
  hls.saturation = range / (hls.lightness < 0.5F ? most + least : 2 - most - least);
  if (most == r)
    hls.hue = 60 * (g - b) / range;
  else if (most == g)
    hls.hue = 120 + 60 * (b - r) / range;
  else
    hls.hue = 240 + 60 * (r - g) / range;
  return hls;
}

Pixel to_rgb(const Hls& hls) {
  const float range = (1 - std::abs(2 * hls.lightness - 1)) * hls.saturation;
  const auto channel = [&](float shift) {
    float hue = std::fmod(hls.hue + shift, kCircle);
    if (hue < 0) hue += kCircle;
    // 1 around the channel's own hue, 0 opposite of it.
    const float share = std::clamp(std::abs(hue / 60 - 3) - 1, 0.F, 1.F);
    return to_byte(255 * (hls.lightness + range * (share - 0.5F)));
  };
  return {channel(0), channel(-120), channel(-240)};
}

Image noisy(const Image& image, float colour_shift, std::mt19937_64& random) {
  const View view(image);
  double sum = 0;
  double squares = 0;
  for (std::int32_t y = 0; y < image.height; ++y) {
    for (std::int32_t x = 0; x < image.width; ++x) {
      const double lightness = static_cast<double>(to_hls(view.at(x, y)).lightness);
      sum += lightness;
      squares += lightness * lightness;
    }
  }
  const double count = static_cast<double>(image.pixels.size()) / 3;
  const double deviation = std::sqrt(std::max(0.0, squares / count - sum / count * (sum / count)));
  std::poisson_distribution<int> grain(std::max(1e-9, deviation * static_cast<double>(kIntensity) * 255));
  std::normal_distribution<float> tint(0, std::max(1e-6F, colour_shift * kCircle * kIntensity));
  return make(image.width, image.height, [&](std::int32_t x, std::int32_t y) {
    Hls hls = to_hls(view.at(x, y));
    hls.hue += tint(random);
    hls.lightness += static_cast<float>(grain(random)) / 255 * (1 - hls.lightness);
    return to_rgb(hls);
  });
}

// V of HSV is the largest channel; with hue and saturation kept, all scale with it. Black has no hue and becomes grey.
Image brightened(const Image& image, int by) {
  const View view(image);
  return make(image.width, image.height, [&](std::int32_t x, std::int32_t y) {
    Pixel pixel = view.at(x, y);
    const int value = std::ranges::max(pixel);
    const int wanted = std::clamp(value + by, 0, 255);
    for (auto& channel : pixel) {
      channel = value == 0
                    ? static_cast<std::uint8_t>(wanted)
                    : to_byte(static_cast<float>(channel) * static_cast<float>(wanted) / static_cast<float>(value));
    }
    return pixel;
  });
}

}  // namespace

Image mirrored(const Image& image) {
  const View view(image);
  const std::int32_t right = image.width - 1;
  return make(image.width, image.height, [&](auto x, auto y) { return view.at(right - x, y); });
}

std::vector<Variant> augment(const Image& image, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto between = [&](float least, float most) { return std::uniform_real_distribution(least, most)(random); };
  const float alpha = between(0.2F, 0.5F);
  const float colour_shift = between(0.01F, 0.05F);
  const View view(image);
  const std::int32_t bottom = image.height - 1;
  std::vector<Variant> variants;
  variants.push_back({"blur", blurred(image)});
  variants.push_back({"sharpen", sharpened(image, alpha)});
  variants.push_back({"iso_noise", noisy(image, colour_shift, random)});
  variants.push_back({"mirrored", mirrored(image)});
  variants.push_back(
      {"flipped", make(image.width, image.height, [&](auto x, auto y) { return view.at(x, bottom - y); })});
  variants.push_back(
      {"rotated", make(image.height, image.width, [&](auto x, auto y) { return view.at(y, bottom - x); })});
  variants.push_back({"brighter", brightened(image, kBrightness)});
  variants.push_back({"darker", brightened(image, -kBrightness)});
  return variants;
}

Image contact_sheet(std::span<const Image> pictures, std::int32_t row_height, std::int32_t width) {
  std::vector<std::vector<Image>> rows(1);
  std::int32_t used = 0;
  std::int32_t widest = 1;
  for (const Image& picture : pictures) {
    const double wide = static_cast<double>(picture.width) * row_height / picture.height;
    Image fitted =
        resize_image(picture, std::clamp(static_cast<std::int32_t>(std::lround(wide)), 1, width), row_height);
    if (used > 0 && used + fitted.width > width) {
      rows.emplace_back();
      used = 0;
    }
    used += fitted.width;
    widest = std::max(widest, used);
    rows.back().push_back(std::move(fitted));
  }
  Image sheet{.width = widest, .height = row_height * static_cast<std::int32_t>(rows.size()), .pixels = {}};
  const std::size_t stride = static_cast<std::size_t>(widest) * 3;
  sheet.pixels.resize(stride * static_cast<std::size_t>(sheet.height));
  auto* top = sheet.pixels.data();
  for (const auto& row : rows) {
    auto* left = top;
    for (const Image& picture : row) {
      const std::size_t line = static_cast<std::size_t>(picture.width) * 3;
      for (std::size_t y = 0; y < static_cast<std::size_t>(row_height); ++y) {
        std::memcpy(left + y * stride, &picture.pixels[y * line], line);
      }
      left += line;
    }
    top += stride * static_cast<std::size_t>(row_height);
  }
  return sheet;
}

}  // namespace eidetic
