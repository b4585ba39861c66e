#include "recipes/sheet.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "image/encode.h"

namespace eidetic {
namespace {

using Colour = std::array<std::uint8_t, 3>;
constexpr Colour kWhite = {255, 255, 255}, kGrey = {224, 224, 224};
// Apart for those who do not tell red from green, too: by brightness, and by how thick frames are.
constexpr Colour kBlue = {31, 78, 180}, kGreen = {0, 150, 90}, kRed = {200, 60, 40};
constexpr std::uint32_t kThick = 6, kThin = 2;

struct Area {
  std::uint32_t left, top, width, height;
};

class Canvas {
 public:
  Canvas(std::uint32_t width, std::uint32_t height)
      : image_{.width = static_cast<std::int32_t>(width),
               .height = static_cast<std::int32_t>(height),
               .pixels = std::vector<std::uint8_t>(std::size_t{width} * height * 3, 255)} {}

  [[nodiscard]] const Image& image() const { return image_; }

  void fill(const Area& area, const Colour& colour) {
    for (std::uint32_t y = area.top; y < area.top + area.height; ++y) {
      for (std::uint32_t x = area.left; x < area.left + area.width; ++x) std::ranges::copy(colour, at(x, y));
    }
  }
  void frame(const Area& area, std::uint32_t thick, const Colour& colour) {
    fill({area.left, area.top, area.width, thick}, colour);
    fill({area.left, area.top + area.height - thick, area.width, thick}, colour);
    fill({area.left, area.top, thick, area.height}, colour);
    fill({area.left + area.width - thick, area.top, thick, area.height}, colour);
  }
  void cross_out(const Area& area) {
    fill(area, kGrey);
    for (std::uint32_t i = 1; i + 2 < std::min(area.width, area.height); ++i) {
      fill({area.left + i, area.top + i, 2, 1}, kWhite);
      fill({area.left + area.width - i - 2, area.top + i, 2, 1}, kWhite);
    }
  }
  // In the middle of the area, which is at least as large.
  void draw(const Area& area, const Image& image) {
    const std::uint32_t left = area.left + (area.width - static_cast<std::uint32_t>(image.width)) / 2;
    const std::uint32_t top = area.top + (area.height - static_cast<std::uint32_t>(image.height)) / 2;
    const std::size_t line = static_cast<std::size_t>(image.width) * 3;
    for (std::uint32_t y = 0; y < static_cast<std::uint32_t>(image.height); ++y) {
      std::memcpy(at(left, top + y), &image.pixels[y * line], line);
    }
  }

 private:
  std::uint8_t* at(std::uint32_t x, std::uint32_t y) {
    return &image_.pixels[(std::size_t{y} * static_cast<std::size_t>(image_.width) + x) * 3];
  }

  Image image_;
};

}  // namespace

SheetLayout sheet_layout(std::size_t cells, std::uint32_t picture) {
  const auto count = static_cast<std::uint32_t>(std::max<std::size_t>(cells, 1));
  const auto rows = std::max<std::uint32_t>(1, static_cast<std::uint32_t>(std::lround(std::sqrt(count / 2.0))));
  return {.picture = picture, .columns = (count + rows - 1) / rows, .rows = rows};
}

Result<std::vector<std::byte>> draw_sheet(std::span<const SheetCell> cells, const SheetLayout& layout) {
  Canvas canvas(layout.width(), layout.height());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto column = static_cast<std::uint32_t>(i % layout.columns);
    const auto row = static_cast<std::uint32_t>(i / layout.columns);
    const Area cell = {column * layout.cell(), row * layout.cell(), layout.cell(), layout.cell()};
    const Area inside = {cell.left + layout.margin, cell.top + layout.margin, layout.picture, layout.picture};
    if (cells[i].image.empty()) {
      canvas.cross_out(inside);
    } else {
      canvas.draw(inside, fit_image(cells[i].image, static_cast<std::int32_t>(layout.picture)));
    }
    const Area framed = {cell.left + 1, cell.top + 1, cell.width - 2, cell.height - 2};
    if (cells[i].query) {
      canvas.frame(framed, kThick, kBlue);
    } else if (cells[i].right) {
      canvas.frame(framed, *cells[i].right ? kThick : kThin, *cells[i].right ? kGreen : kRed);
    }
  }
  return encode_jpeg(canvas.image());
}

}  // namespace eidetic
