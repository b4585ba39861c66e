// NumPy's .npy format, version 1.0 (numpy.lib.format): float32 matrices in C order, little-endian.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

struct NpyArray {
  std::vector<std::uint64_t> shape;
  std::vector<float> values;  // product of shape
};

// Writes values as a rows x columns matrix, atomically.
[[nodiscard]] Result<void> write_npy(const std::filesystem::path& file, std::uint64_t rows, std::uint64_t columns,
                                     std::span<const float> values);
// Errors: corrupt (no .npy file, or shorter than it says), unsupported (another type than '<f4', Fortran order).
[[nodiscard]] Result<NpyArray> read_npy(const std::filesystem::path& file);

}  // namespace eidetic
