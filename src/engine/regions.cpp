#include "engine/regions.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <utility>

#include "engine/settings.h"

namespace eidetic {
namespace {

// Boxes of 1 / `part` of the sides, `count` of them a side, at even steps from edge to edge.
void add_boxes(int part, int count, std::vector<Crop>& regions) {
  const double side = 1.0 / part;
  const double step = (1 - side) / (count - 1);
  for (int row = 0; row < count; ++row) {
    for (int column = 0; column < count; ++column) {
      regions.push_back({.x = column * step, .y = row * step, .width = side, .height = side});
    }
  }
}

std::optional<std::size_t> whole_number(std::string_view text) {
  std::size_t number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

Result<std::vector<Crop>> parse_regions(std::string_view plan) {
  std::vector<Crop> regions;
  if (plan.empty() || plan == "none") return regions;
  if (plan == "multi") {
    add_boxes(2, 3, regions);
    add_boxes(3, 3, regions);
    return regions;
  }
  const auto cross = plan.find('x');
  const auto rows = whole_number(plan.substr(0, cross));
  const auto columns = cross == std::string_view::npos ? std::nullopt : whole_number(plan.substr(cross + 1));
  const bool possible = rows && columns && *rows >= 1 && *columns >= 1 && *rows <= kMaxParts && *columns <= kMaxParts &&
                        *rows * *columns >= 2 && *rows * *columns <= kMaxParts;
  if (!possible) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' are no regions: give none, multi, or ROWSxCOLUMNS as in 2x3, with 2 to {} regions",
                            plan, kMaxParts));
  }
  const double width = 1.0 / static_cast<double>(*columns);
  const double height = 1.0 / static_cast<double>(*rows);
  for (std::size_t row = 0; row < *rows; ++row) {
    for (std::size_t column = 0; column < *columns; ++column) {
      regions.push_back({.x = static_cast<double>(column) * width,
                         .y = static_cast<double>(row) * height,
                         .width = width,
                         .height = height});
    }
  }
  return regions;
}

Result<RegionPlan> region_plan(const CollectionSpec& collection) {
  RegionPlan plan;
  EIDETIC_TRY(plan.name, regions_setting(collection.settings, collection.name));
  auto regions = parse_regions(plan.name);
  if (!regions) {
    return fail(ErrorCode::corrupt,
                fmt::format("the settings of collection '{}': {}", collection.name, regions.error().message));
  }
  plan.regions = *std::move(regions);
  return plan;
}

std::unexpected<Error> no_regions_of_vectors(std::string_view collection, ErrorCode code) {
  return fail(code,
              fmt::format("collection '{}' holds bare vectors; regions are parts of pictures, and are embedded by the "
                          "model of a collection",
                          collection));
}

Result<void> read_parts(Backend& backend, std::string_view collection, std::span<Item> items) {
  std::vector<std::string> ids;
  for (const Item& item : items) ids.push_back(item.id);
  EIDETIC_TRY(auto parts, backend.parts(collection, ids));
  for (std::size_t i = 0; i < items.size(); ++i) items[i].parts = std::move(parts[i]);
  return {};
}

void drop_parts_of(const RegionPlan& plan, const RegionPlan& now, std::span<Item> items) {
  if (plan.name == now.name) return;
  for (Item& item : items) item.parts.clear();
}

}  // namespace eidetic
