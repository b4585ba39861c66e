// For tests and benchmarks: pictures cut out of others, turned, scaled, compressed, and pasted into scenes, with the
// truth about where they come from.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <random>
#include <utility>

#include "image/encode.h"
#include "refine/plane_map.h"

namespace eidetic {

// The same numbers everywhere, which distributions of the standard library do not promise.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  double uniform(double from, double to) { return from + (to - from) * static_cast<double>(engine_() >> 11) / 0x1p53; }
  std::size_t below(std::size_t count) { return static_cast<std::size_t>(engine_() % count); }

 private:
  std::mt19937_64 engine_;
};

// Bilinear; nothing outside of the picture.
inline std::optional<std::array<double, 3>> color_at(const Image& image, PlanePosition at) {
  if (at.x < 0 || at.y < 0 || at.x > image.width || at.y > image.height) return std::nullopt;
  const double x = std::clamp(at.x - 0.5, 0.0, image.width - 1.0);
  const double y = std::clamp(at.y - 0.5, 0.0, image.height - 1.0);
  const int left = std::max(0, std::min(static_cast<int>(x), image.width - 2));
  const int top = std::max(0, std::min(static_cast<int>(y), image.height - 2));
  std::array<double, 3> color{};
  for (int corner = 0; corner < 4; ++corner) {
    const int px = std::min(left + corner % 2, image.width - 1);
    const int py = std::min(top + corner / 2, image.height - 1);
    const double weight = std::max(0.0, 1 - std::abs(x - px)) * std::max(0.0, 1 - std::abs(y - py));
    for (std::size_t c = 0; c < 3; ++c) {
      color[c] += weight * image.pixels[(static_cast<std::size_t>(py) * image.width + px) * 3 + c];
    }
  }
  return color;
}

// Lays the part of `source` inside `cut` onto `scene`, by a map from the scene's plane to the source's. `samples`: a
// side of a pixel, against jagged edges.
inline void paste(Image& scene, const Image& source, const PlaneMap& to_source, const Quad& cut, int samples = 4) {
  const Quad where = mapped(to_source.inverse().value(), cut).value();
  const auto [left, right] = std::ranges::minmax({where[0].x, where[1].x, where[2].x, where[3].x});
  const auto [top, bottom] = std::ranges::minmax({where[0].y, where[1].y, where[2].y, where[3].y});
  for (auto y = static_cast<std::int32_t>(std::max(0.0, top)); y < std::min<double>(scene.height, bottom); ++y) {
    for (auto x = static_cast<std::int32_t>(std::max(0.0, left)); x < std::min<double>(scene.width, right); ++x) {
      std::array<double, 3> sum{};
      int count = 0;
      for (int i = 0; i < samples * samples; ++i) {
        const auto from = to_source({x + (i % samples + 0.5) / samples, y + (i / samples + 0.5) / samples});
        if (!from || from->x < cut[0].x || from->y < cut[0].y || from->x > cut[2].x || from->y > cut[2].y) continue;
        const auto color = color_at(source, *from);
        if (!color) continue;
        for (std::size_t c = 0; c < 3; ++c) sum[c] += (*color)[c];
        ++count;
      }
      if (count == 0) continue;
      std::uint8_t* pixel = scene.pixels.data() + (static_cast<std::size_t>(y) * scene.width + x) * 3;
      const double share = static_cast<double>(count) / (samples * samples);
      for (std::size_t c = 0; c < 3; ++c) {
        pixel[c] = static_cast<std::uint8_t>(std::lround(sum[c] / count * share + pixel[c] * (1 - share)));
      }
    }
  }
}

inline Image blank(std::int32_t width, std::int32_t height, std::uint8_t level = 128) {
  return {.width = width,
          .height = height,
          .pixels = std::vector<std::uint8_t>(static_cast<std::size_t>(width) * height * 3, level)};
}

// The whole of `source` at another size.
inline Image enlarged(const Image& source, double factor) {
  Image large = blank(static_cast<std::int32_t>(std::lround(source.width * factor)),
                      static_cast<std::int32_t>(std::lround(source.height * factor)));
  const double x = static_cast<double>(source.width) / large.width;
  const double y = static_cast<double>(source.height) / large.height;
  paste(large, source, {{x, 0, 0, 0, y, 0, 0, 0, 1}}, corners_of(source.width, source.height), 1);
  return large;
}

inline Image recompressed(const Image& image, int quality) {
  return decode_image(encode_jpeg(image, quality).value()).value();
}

struct Composite {
  Image query;
  Quad truth{};        // what the query shows of the source, in the source's pixels
  Quad query_truth{};  // the same in the query's
  Image piece;         // the pasted part alone
};

// An upright part of the source, of 30 to 60 % of its area, turned by up to 30°, scaled by 0.5 to 1.5, pasted into a
// scene where it fits; compressed before it is pasted, and with the scene again, at a quality of 50 to 70. The scene is
// made larger where the part does not fit into it.
inline Composite pasted_scene(const Image& source, const Image& scene, Dice& dice) {
  const double side = std::sqrt(dice.uniform(0.3, 0.6));
  const double width = side * source.width;
  const double height = side * source.height;
  const double left = dice.uniform(0, source.width - width);
  const double top = dice.uniform(0, source.height - height);
  const double turn = dice.uniform(-30, 30) * 3.14159265358979 / 180;
  const double scale = dice.uniform(0.5, 1.5);
  Composite made;
  made.truth = {{{left, top}, {left + width, top}, {left + width, top + height}, {left, top + height}}};
  const double half_x = scale * (width * std::abs(std::cos(turn)) + height * std::abs(std::sin(turn))) / 2;
  const double half_y = scale * (width * std::abs(std::sin(turn)) + height * std::abs(std::cos(turn))) / 2;
  const double factor =
      std::max({640.0 / std::max(scene.width, scene.height), 2.2 * half_x / scene.width, 2.2 * half_y / scene.height});
  made.query = enlarged(scene, factor);
  const PlanePosition middle{dice.uniform(half_x, made.query.width - half_x),
                             dice.uniform(half_y, made.query.height - half_y)};
  const PlaneMap to_scene = similarity_of({{left + width / 2, top + height / 2}, middle}, scale, turn);
  made.query_truth = mapped(to_scene, made.truth).value();
  const int quality = static_cast<int>(dice.uniform(50, 70));
  const Image worn = recompressed(source, quality);
  made.piece = blank(std::max(1, static_cast<int>(scale * width)), std::max(1, static_cast<int>(scale * height)));
  paste(made.piece, worn, {{1 / scale, 0, left, 0, 1 / scale, top, 0, 0, 1}}, made.truth);
  paste(made.query, worn, to_scene.inverse().value(), made.truth);
  made.query = recompressed(made.query, quality);
  return made;
}

// A window of the source, of 30 to 60 % of its area as far as one fits, turned by up to 30°, as a picture of its own:
// scaled by 0.5 to 1.5, compressed at a quality of 50 to 70.
inline Composite cut_out(const Image& source, Dice& dice) {
  const double scale = dice.uniform(0.5, 1.5);
  const double quality = dice.uniform(50, 70);
  for (double most = 0.6;; most *= 0.98) {
    const double side = std::sqrt(dice.uniform(most / 2, most));
    const double turn = dice.uniform(-30, 30) * 3.14159265358979 / 180;
    const auto width = static_cast<std::int32_t>(scale * side * source.width);
    const auto height = static_cast<std::int32_t>(scale * side * source.height);
    const PlanePosition middle{dice.uniform(0, source.width), dice.uniform(0, source.height)};
    const PlaneMap to_source = similarity_of({{width / 2.0, height / 2.0}, middle}, 1 / scale, turn);
    const Quad truth = mapped(to_source, corners_of(width, height)).value();
    if (!std::ranges::all_of(truth, [&](PlanePosition at) {
          return at.x >= 0 && at.y >= 0 && at.x <= source.width && at.y <= source.height;
        })) {
      continue;
    }
    Composite made{
        .query = blank(width, height), .truth = truth, .query_truth = corners_of(width, height), .piece = {}};
    paste(made.query, source, to_source, corners_of(source.width, source.height));
    made.query = recompressed(made.query, static_cast<int>(quality));
    made.piece = made.query;
    return made;
  }
}

// Intersection over union; of convex quads, clockwise.
inline double overlap(const Quad& a, const Quad& b) {
  const double both = signed_area(clipped(a, b));
  return both / (signed_area(a) + signed_area(b) - both);
}

}  // namespace eidetic
