#include "refine/alignment_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "image/encode.h"

namespace eidetic {
namespace {

using Color = std::array<std::uint8_t, 3>;

constexpr std::int32_t kGap = 8;
constexpr std::uint8_t kGround = 255;
constexpr Color kQuad = {255, 140, 0};
constexpr Color kRim = {0, 0, 0};
// Told apart by most eyes, and from the quadrilateral (Okabe and Ito 2008).
constexpr std::array<Color, 4> kLines = {{{86, 180, 233}, {0, 158, 115}, {240, 228, 66}, {204, 121, 167}}};

void blend(Image& image, std::int32_t x, std::int32_t y, const Color& color, double share) {
  if (x < 0 || y < 0 || x >= image.width || y >= image.height || share <= 0) return;
  std::uint8_t* pixel = image.pixels.data() + (static_cast<std::size_t>(y) * image.width + x) * 3;
  for (std::size_t c = 0; c < 3; ++c) {
    pixel[c] = static_cast<std::uint8_t>(std::lround(pixel[c] + (color[c] - pixel[c]) * std::min(share, 1.0)));
  }
}

// The part of the line that can be seen, by the way along it; false where none can. It may begin and end anywhere.
bool clip_line(const Image& image, double margin, PlanePosition& from, PlanePosition& to) {
  double first = 0;
  double last = 1;
  const PlanePosition way{to.x - from.x, to.y - from.y};
  const auto keep = [&](double start, double step, double least, double most) {
    if (step == 0) return start >= least && start <= most;
    const auto [enter, leave] = std::minmax((least - start) / step, (most - start) / step);
    first = std::max(first, enter);
    last = std::min(last, leave);
    return first <= last;
  };
  if (!keep(from.x, way.x, -margin, image.width + margin) || !keep(from.y, way.y, -margin, image.height + margin)) {
    return false;
  }
  to = {from.x + last * way.x, from.y + last * way.y};
  from = {from.x + first * way.x, from.y + first * way.y};
  return true;
}

// Smooth, `width` pixels wide: walks along the longer direction, and covers what is near across it.
void draw_line(Image& image, PlanePosition from, PlanePosition to, double width, const Color& color) {
  if (!clip_line(image, width, from, to)) return;
  const bool steep = std::abs(to.y - from.y) > std::abs(to.x - from.x);
  const auto along = [steep](PlanePosition at) { return steep ? at.y : at.x; };
  const auto across = [steep](PlanePosition at) { return steep ? at.x : at.y; };
  if (along(from) > along(to)) std::swap(from, to);
  const double length = along(to) - along(from);
  const double slope = length > 0 ? (across(to) - across(from)) / length : 0;
  const double half = width / 2 * std::hypot(1, slope);
  for (auto i = static_cast<std::int32_t>(std::floor(along(from))); i < along(to); ++i) {
    const double middle = across(from) + slope * (std::clamp(i + 0.5, along(from), along(to)) - along(from));
    const auto begin = static_cast<std::int32_t>(std::floor(middle - half));
    for (std::int32_t j = begin; j <= middle + half; ++j) {
      const double covered = std::min(j + 1.0, middle + half) - std::max<double>(j, middle - half);
      blend(image, steep ? j : i, steep ? i : j, color, covered);
    }
  }
}

void draw_quad(Image& image, const Quad& quad) {
  for (const auto& [width, color] : {std::pair(5.0, kRim), std::pair(2.5, kQuad)}) {
    for (std::size_t i = 0; i < quad.size(); ++i) draw_line(image, quad[i], quad[(i + 1) % quad.size()], width, color);
  }
}

void lay(Image& onto, const Image& picture, std::int32_t left) {
  const std::size_t bytes = std::size_t{3} * picture.width;
  for (std::int32_t y = 0; y < picture.height; ++y) {
    std::memcpy(onto.pixels.data() + (static_cast<std::size_t>(y) * onto.width + left) * 3,
                picture.pixels.data() + y * bytes, bytes);
  }
}

// From a picture's own pixels to those of the drawing.
struct Place {
  double x_scale = 1;
  double y_scale = 1;
  double left = 0;

  [[nodiscard]] PlanePosition operator()(PlanePosition at) const { return {left + at.x * x_scale, at.y * y_scale}; }
  [[nodiscard]] Quad operator()(const Quad& quad) const {
    return {(*this)(quad[0]), (*this)(quad[1]), (*this)(quad[2]), (*this)(quad[3])};
  }
};

// Makes the picture smaller where it must be.
Place fit_into(Image& picture, std::int32_t max_side) {
  const double width = picture.width;
  const double height = picture.height;
  picture = fit_image(std::move(picture), max_side);
  return {.x_scale = picture.width / width, .y_scale = picture.height / height};
}

}  // namespace

Result<Image> draw_alignment(Image query, Image hit, const Alignment& alignment,
                             const AlignmentPictureOptions& options) {
  if (query.empty() || hit.empty()) return fail(ErrorCode::invalid_argument, "an empty picture cannot be drawn");
  if (options.max_side < 16 || options.max_side > 8192) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("max_side is {}; it must be from 16 to 8192", options.max_side));
  }
  if (options.max_lines < 0) {
    return fail(ErrorCode::invalid_argument, fmt::format("max_lines is {}; it must be at least 0", options.max_lines));
  }
  const Place in_query = fit_into(query, options.max_side);
  Place in_hit = fit_into(hit, options.max_side);
  in_hit.left = query.width + kGap;
  Image drawing{.width = query.width + kGap + hit.width, .height = std::max(query.height, hit.height), .pixels = {}};
  drawing.pixels.assign(std::size_t{3} * drawing.width * drawing.height, kGround);
  // Each quadrilateral on its own picture first: what is beyond an edge must not reach into the other.
  if (alignment.verified) {
    draw_quad(query, in_query(alignment.query_quad));
    draw_quad(hit, Place{.x_scale = in_hit.x_scale, .y_scale = in_hit.y_scale}(alignment.quad));
  }
  lay(drawing, query, 0);
  lay(drawing, hit, query.width + kGap);
  if (!alignment.verified) return drawing;
  const std::size_t lines = std::min(alignment.pairs.size(), static_cast<std::size_t>(options.max_lines));
  for (std::size_t i = 0; i < lines; ++i) {
    const PositionPair& pair = alignment.pairs[i * alignment.pairs.size() / lines];
    draw_line(drawing, in_query(pair.from), in_hit(pair.to), 1.2, kLines[i % kLines.size()]);
  }
  return drawing;
}

}  // namespace eidetic
