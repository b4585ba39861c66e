#include "refine/perceptual_hash.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <numbers>

#include "image/encode.h"

namespace eidetic {
namespace {

constexpr std::size_t kSide = 32;     // pixels that the picture is shrunk to
constexpr std::size_t kKept = 8;      // frequencies of each direction, from the second lowest on
constexpr double kLeastContrast = 2;  // levels of 256: standard deviation of the shrunk picture; noise is below it

using Gray = std::array<double, kSide * kSide>;
using Cosines = std::array<double, kKept * kSide>;

Cosines make_cosines() {
  Cosines cosines{};
  for (std::size_t u = 0; u < kKept; ++u) {
    for (std::size_t x = 0; x < kSide; ++x) {
      const auto turn = static_cast<double>((u + 1) * (2 * x + 1)) / (2 * kSide);
      cosines[u * kSide + x] = std::cos(std::numbers::pi * turn);
    }
  }
  return cosines;
}

// Luma of ITU-R BT.601.
Gray to_gray(const Image& image) {
  const Image small = resize_image(image, kSide, kSide);
  Gray gray{};
  for (std::size_t i = 0; i < gray.size(); ++i) {
    const std::uint8_t* rgb = small.pixels.data() + 3 * i;
    gray[i] = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
  }
  return gray;
}

double contrast(const Gray& gray) {
  double sum = 0;
  double squares = 0;
  for (const double value : gray) sum += value, squares += value * value;
  constexpr double kPixels = kSide * kSide;
  const double mean = sum / kPixels;
  return std::sqrt(std::max(0.0, squares / kPixels - mean * mean));
}

using Frequencies = std::array<double, kKept * kKept>;

// Row by row, of rising vertical frequency.
Frequencies frequencies_of(const Gray& gray) {
  static const Cosines cosines = make_cosines();
  std::array<double, kSide * kKept> rows{};
  for (std::size_t y = 0; y < kSide; ++y) {
    for (std::size_t u = 0; u < kKept; ++u) {
      for (std::size_t x = 0; x < kSide; ++x) rows[y * kKept + u] += gray[y * kSide + x] * cosines[u * kSide + x];
    }
  }
  Frequencies found{};
  for (std::size_t v = 0; v < kKept; ++v) {
    for (std::size_t y = 0; y < kSide; ++y) {
      for (std::size_t u = 0; u < kKept; ++u) found[v * kKept + u] += rows[y * kKept + u] * cosines[v * kSide + y];
    }
  }
  return found;
}

std::uint64_t bits_of(const Frequencies& frequencies) {
  auto sorted = frequencies;
  std::ranges::sort(sorted);
  const double median = (sorted[sorted.size() / 2 - 1] + sorted[sorted.size() / 2]) / 2;
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    if (frequencies[i] > median) bits |= std::uint64_t{1} << i;
  }
  return bits;
}

}  // namespace

PerceptualHash perceptual_hash(const Image& image) {
  const Gray gray = to_gray(image);
  if (contrast(gray) < kLeastContrast) return {};
  auto frequencies = frequencies_of(gray);
  PerceptualHash hash{.straight = bits_of(frequencies), .mirrored = 0};
  // What a mirror does to a cosine transform: the odd horizontal frequencies change their sign.
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const std::size_t horizontal = i % kKept + 1;
    if (horizontal % 2 == 1) frequencies[i] = -frequencies[i];
  }
  hash.mirrored = bits_of(frequencies);
  return hash;
}

std::optional<int> hash_distance(const PerceptualHash& a, const PerceptualHash& b) noexcept {
  if (a.plain() || b.plain()) return std::nullopt;
  return std::min(std::popcount(a.straight ^ b.straight), std::popcount(a.straight ^ b.mirrored));
}

}  // namespace eidetic
