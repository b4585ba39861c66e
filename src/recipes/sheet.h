// Result sheets: a query and what it found in one picture, without words. Pure, safe to call from any number of
// threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/image.h"

namespace eidetic {

struct SheetCell {
  Image image = {};                // empty: a cell that is crossed out
  bool query = false;              // framed in blue
  std::optional<bool> right = {};  // true: framed thick in green; false: thin in red; nullopt: not framed
};

// Square cells in rows from the left, all of one size.
struct SheetLayout {
  std::uint32_t picture = 200;  // pixels of a cell's picture, longer side
  std::uint32_t margin = 10;    // around it, where frames are
  std::uint32_t columns = 1, rows = 1;

  [[nodiscard]] std::uint32_t cell() const { return picture + 2 * margin; }
  [[nodiscard]] std::uint32_t width() const { return columns * cell(); }
  [[nodiscard]] std::uint32_t height() const { return rows * cell(); }
};

// About half as high as it is wide.
[[nodiscard]] SheetLayout sheet_layout(std::size_t cells, std::uint32_t picture);
// As JPEG, on white. Pictures are made smaller to fit and never larger. `cells` are at most as many as there is room
// for.
[[nodiscard]] Result<std::vector<std::byte>> draw_sheet(std::span<const SheetCell> cells, const SheetLayout& layout);

}  // namespace eidetic
