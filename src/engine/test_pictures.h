// For tests: pictures drawn and encoded here.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/file.h"

namespace eidetic {

// A binary PPM whose look depends on `seed`: two colour gradients and a disc; no two seeds below 10,000 give the same.
inline std::string draw_ppm(unsigned seed, int width = 160, int height = 120) {
  std::string ppm = fmt::format("P6 {} {} 255\n", width, height);
  const auto hash = [&](unsigned i) { return (seed * 2654435761U + i * 40503U) >> 8U; };
  const int centre_x = static_cast<int>(hash(1) % static_cast<unsigned>(width));
  const int centre_y = static_cast<int>(hash(2) % static_cast<unsigned>(height));
  const int radius = 10 + static_cast<int>(hash(3) % 40);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const int dx = x - centre_x;
      const int dy = y - centre_y;
      const bool inside = dx * dx + dy * dy < radius * radius;
      for (unsigned c = 0; c < 3; ++c) {
        const unsigned ground = hash(c + 4) % 128 + static_cast<unsigned>(c == 1 ? x : y) * 127 / 160;
        ppm += static_cast<char>(inside ? hash(c + 7) % 256 : ground % 256);
      }
    }
  }
  return ppm;
}

inline void write_picture(const std::filesystem::path& file, unsigned seed, int width = 160, int height = 120) {
  std::filesystem::create_directories(file.parent_path());
  if (!write_file_atomically(file, draw_ppm(seed, width, height))) std::abort();
}

}  // namespace eidetic
