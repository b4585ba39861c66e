// NumPy's .npy format, version 1.0 (numpy.lib.format): float32 and float64 in C order, little-endian.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "eidetic/error.h"

#include "base/file.h"

namespace eidetic {

struct NpyArray {
  std::vector<std::uint64_t> shape;
  std::vector<float> values;  // product of shape
};

// A file that stays on the disk: its values are read as they are asked for. Numbers of float64 are rounded to float32.
class NpyFile {
 public:
  // Errors: corrupt (no .npy file, or shorter than it says), unsupported (another type than '<f4' and '<f8', Fortran
  // order, a version above 1).
  [[nodiscard]] static Result<NpyFile> open(const std::filesystem::path& file);

  [[nodiscard]] const std::vector<std::uint64_t>& shape() const noexcept { return shape_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }  // product of shape
  // The values from place `first` on, as many as there is room for; first + out.size() is at most size().
  void read(std::uint64_t first, std::span<float> out) const;

 private:
  MappedFile map_;
  std::span<const std::byte> values_;
  std::vector<std::uint64_t> shape_;
  std::uint64_t size_ = 0;
  bool doubles_ = false;
};

// What comes before the values of a rows x columns matrix of float32.
[[nodiscard]] std::string npy_header(std::uint64_t rows, std::uint64_t columns);
// Writes values as a rows x columns matrix, atomically.
[[nodiscard]] Result<void> write_npy(const std::filesystem::path& file, std::uint64_t rows, std::uint64_t columns,
                                     std::span<const float> values);
// The whole of it. Errors: as NpyFile::open.
[[nodiscard]] Result<NpyArray> read_npy(const std::filesystem::path& file);

}  // namespace eidetic
