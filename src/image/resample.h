// Antialiased resampling of 8-bit RGB as Pillow does it (ImagingResample): coefficients in 22-bit fixed point,
// horizontal pass first, its result rounded to 8 bits. Internal to the room.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace eidetic {

enum class ResampleFilter { nearest, bilinear, bicubic, gaussian, lanczos3 };

// By any of its names, in any case ("bilinear", "Triangle", "CatmullRom", "Lanczos"); nullopt for an unknown one.
[[nodiscard]] std::optional<ResampleFilter> parse_resample_filter(std::string_view name);

struct Resampling {
  ResampleFilter filter = ResampleFilter::bilinear;
  bool antialias = true;  // widen the filter when making smaller; nearest never does
};

inline constexpr int kWeightBits = 32 - 8 - 2;  // Pillow's: sums of 8-bit values with overshooting filters fit 32 bits

// How one axis of a picture is computed: output i is the sum over t < taps of input[first[i] + t] * weights[i * taps +
// t], in units of 2^-kWeightBits. All outputs have equally many taps, some of them of weight zero: loops of one length
// are what processors foretell.
struct AxisWeights {
  std::size_t taps = 0;
  std::vector<std::int32_t> first;
  std::vector<std::int32_t> weights;

  [[nodiscard]] std::size_t size() const noexcept { return first.size(); }
};

// Outputs [begin, begin + count) of an axis that goes from `input` to `output` pixels. All sizes at least 1.
void make_weights(std::int32_t input, std::int32_t output, std::int32_t begin, std::int32_t count,
                  Resampling resampling, AxisWeights& weights);

// The passes below work on interleaved RGB and use the widest vectors of the processor (kernels.cpp).

inline constexpr std::size_t kRowGroup = 4;  // rows that one horizontal pass works on
// Horizontal pass. Reads one byte past the last pixel that `weights` uses, and writes one past the last of the output.
void resample_rows(const std::array<const std::uint8_t*, kRowGroup>& in, const AxisWeights& weights,
                   const std::array<std::uint8_t*, kRowGroup>& out);
// Vertical pass for one row of `bytes` bytes: `taps` input rows, `stride` bytes apart.
void resample_columns(const std::uint8_t* in, std::size_t stride, const std::int32_t* weights, std::size_t taps,
                      std::size_t bytes, std::uint8_t* out);

// Channel c of the output is in[c] * scale[c] + offset[c]; with `bgr`, in[2 - c].
struct ToFloat {
  std::array<float, 3> scale = {1, 1, 1};
  std::array<float, 3> offset = {0, 0, 0};
  bool bgr = false;
};
void row_to_planes(const std::uint8_t* in, std::size_t width, const ToFloat& map, const std::array<float*, 3>& planes);
void row_to_interleaved(const std::uint8_t* in, std::size_t width, const ToFloat& map, float* out);

}  // namespace eidetic
