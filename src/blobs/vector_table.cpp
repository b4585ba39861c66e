#include "blobs/vector_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <system_error>

#include "base/json.h"
#include "base/text.h"
#include "blobs/metadata.h"

namespace eidetic {
namespace {

constexpr std::array<std::string_view, 5> kNameColumns = {"filename", "file", "id", "name", "path"};
constexpr std::string_view kCategory = "category";

// To the nearest float32; what is too small for one is 0.
std::optional<float> number_of(std::string_view cell) {
  const char* const end = cell.data() + cell.size();
  float value = 0;
  const auto [stop, error] = std::from_chars(cell.data(), end, value);
  if (stop != end || cell.empty()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    double wide = 0;
    if (std::from_chars(cell.data(), end, wide).ec != std::errc() || std::abs(wide) > 1) return std::nullopt;
    value = 0;
  }
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

bool is_whole(std::string_view cell) { return cell.find_first_not_of("+-0123456789") == std::string_view::npos; }

}  // namespace

Result<VectorTable> VectorTable::open(std::string_view text, std::string what, std::uint32_t dimensions) {
  VectorTable table(text, std::move(what));
  if (!table.next_record()) {
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' holds no vectors: it has no row", table.what_));
  }
  if (!table.read_header(table.cells_)) {
    if (!table.read_layout(table.cells_, dimensions)) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("'{}' holds no vectors: neither a header like filename,0,1,…,511,category nor such a row "
                              "begins it",
                              table.what_));
    }
    table.pending_ = true;
  }
  if (dimensions != 0 && table.dimensions_ != dimensions) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' holds vectors of {} dimensions, but they are to go where vectors have {}",
                            table.what_, table.dimensions_, dimensions));
  }
  return table;
}

// "filename, 0, 1, …, 511, category": the numbers of the dimensions, in order, say where the vector is.
bool VectorTable::read_header(const std::vector<std::string>& cells) {
  const auto zero = std::ranges::find(cells, "0");
  const auto first = static_cast<std::size_t>(zero - cells.begin());
  std::size_t end = first;
  while (end < cells.size() && cells[end] == std::to_string(end - first)) ++end;
  const auto is_name = [&](const std::string& cell) { return !number_of(cell); };
  if (end == first || !std::all_of(cells.begin(), zero, is_name) ||
      !std::all_of(cells.begin() + static_cast<std::ptrdiff_t>(end), cells.end(), is_name)) {
    return false;
  }
  std::vector<std::string> names(cells.size());
  std::copy(cells.begin(), zero, names.begin());
  std::copy(cells.begin() + static_cast<std::ptrdiff_t>(end), cells.end(),
            names.begin() + static_cast<std::ptrdiff_t>(end));
  std::optional<std::size_t> name;
  for (const auto column : kNameColumns) {
    const auto found = std::ranges::find(names, column);
    if (!name && found != names.end()) name = static_cast<std::size_t>(found - names.begin());
  }
  // A row of small vectors may look the same: x.jpg,0,1,cat.
  constexpr std::size_t kPlain = 3;
  const bool known = name || std::ranges::find(names, kCategory) != names.end();
  if (end - first < kPlain && !known) return false;
  if (name) names[*name].clear();
  name_ = name;
  first_ = first;
  dimensions_ = static_cast<std::uint32_t>(end - first);
  width_ = cells.size();
  header_ = std::move(names);
  return true;
}

// A name where the first cell is no number, a category where the last one is none. A last number is one of the vector,
// unless it is one too many, or whole where the others are not.
bool VectorTable::read_layout(const std::vector<std::string>& cells, std::uint32_t dimensions) {
  const bool named = !number_of(cells.front());
  const std::size_t first = named ? 1 : 0;
  if (cells.size() <= first) return false;
  std::size_t count = cells.size() - first;
  const bool fits = dimensions != 0 && count == dimensions;
  const auto values = std::span(cells).subspan(first, count - 1);
  const bool whole_end = is_whole(cells.back()) && !values.empty() && !std::ranges::all_of(values, is_whole);
  const bool one_more = dimensions != 0 && count == std::size_t{dimensions} + 1;
  const bool category = !number_of(cells.back()) || (!fits && (one_more || whole_end));
  if (category) --count;
  const auto is_number = [](const std::string& cell) { return number_of(cell).has_value(); };
  if (count == 0 || !std::ranges::any_of(std::span(cells).subspan(first, count), is_number)) return false;
  if (named) name_ = 0;
  first_ = first;
  dimensions_ = static_cast<std::uint32_t>(count);
  width_ = cells.size();
  header_.assign(width_, "");
  if (category) header_.back() = kCategory;
  return true;
}

bool VectorTable::next_record() {
  while (!records_.done()) {
    line_ = records_.line();
    broken_ = !records_.next(cells_);
    for (auto& cell : cells_) cell = std::string(trim(cell));
    if (broken_ || cells_.size() > 1 || !cells_.front().empty()) return true;
  }
  return false;
}

std::optional<Result<VectorRow>> VectorTable::next() {
  if (!pending_ && !next_record()) return std::nullopt;
  pending_ = false;
  return row();
}

Result<VectorRow> VectorTable::row() {
  const std::uint64_t number = rows_++;
  if (broken_) return wrong("a quote is opened that never ends");
  if (cells_.size() != width_) return wrong(fmt::format("{} cells, where {} are expected", cells_.size(), width_));
  VectorRow row{.line = line_,
                .id = name_ ? id_of_path(cells_[*name_]) : std::to_string(number),
                .named = name_.has_value(),
                .vector = {},
                .metadata = {}};
  if (row.id.empty()) return wrong("the name is empty");
  row.vector.reserve(dimensions_);
  for (std::size_t i = first_; i < first_ + dimensions_; ++i) {
    const auto value = number_of(cells_[i]);
    if (!value) return wrong(fmt::format("cell {}, '{}', is no finite number", i + 1, cells_[i].substr(0, 40)));
    row.vector.push_back(*value);
  }
  row.metadata = metadata_of_row(header_, cells_, name_.value_or(width_));
  return row;
}

std::unexpected<Error> VectorTable::wrong(std::string_view why) const {
  return fail(ErrorCode::invalid_argument, fmt::format("'{}', line {}: {}", what_, line_, why));
}

}  // namespace eidetic
