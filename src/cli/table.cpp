#include "cli/table.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>

#include "base/text.h"

namespace eidetic {
namespace {

constexpr std::size_t kGap = 2;

}  // namespace

void Table::add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  for (auto& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

// The width of each column that is shown, from the left.
std::vector<std::size_t> Table::fit(std::size_t width) const {
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    std::size_t widest = display_width(columns_[column].title);
    for (const auto& row : rows_) widest = std::max(widest, display_width(row[column]));
    widths.push_back(widest);
  }
  const auto too_wide = [&] {
    const std::size_t gaps = widths.empty() ? 0 : (widths.size() - 1) * kGap;
    return width > 0 && std::accumulate(widths.begin(), widths.end(), gaps) > width;
  };
  while (too_wide()) {
    // The widest of the columns that may still shrink gives up one place.
    std::size_t chosen = widths.size();
    for (std::size_t column = 0; column < widths.size(); ++column) {
      const std::size_t least = columns_[column].least;
      if (least > 0 && widths[column] > least && (chosen == widths.size() || widths[column] > widths[chosen])) {
        chosen = column;
      }
    }
    if (chosen < widths.size()) {
      --widths[chosen];
    } else if (columns_[widths.size() - 1].optional) {
      widths.pop_back();
    } else {
      break;
    }
  }
  return widths;
}

std::string Table::render(std::size_t width) const {
  const auto widths = fit(width);
  const std::string_view mark = locale_is_utf8() ? "…" : "~";
  std::string text;
  const auto add_line = [&](const auto& cell_of) {
    std::string line;
    for (std::size_t column = 0; column < widths.size(); ++column) {
      if (column > 0) line.append(kGap, ' ');
      line += pad(shorten(cell_of(column), widths[column], columns_[column].cut, mark), widths[column],
                  columns_[column].right_aligned);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  };
  add_line([&](std::size_t column) { return columns_[column].title; });
  for (const auto& row : rows_) add_line([&](std::size_t column) { return row[column]; });
  return text;
}

void Table::print() const { fmt::print("{}", render(terminal_width(STDOUT_FILENO))); }

}  // namespace eidetic
