#include "learn/labels.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace eidetic {
namespace {

constexpr std::size_t kPortion = 1000;

std::optional<std::string> text_of(const Json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return text.empty() ? std::nullopt : std::optional(text);
  }
  if (value.is_number() || value.is_boolean()) return dump_json(value);
  return std::nullopt;
}

}  // namespace

Result<std::optional<std::string>> Labels::label(const Item& item) {
  if (field_ == kFolderLabel) {
    const auto slash = item.id.find('/');
    return slash == std::string::npos ? std::nullopt : std::optional(item.id.substr(0, slash));
  }
  EIDETIC_TRY(const Json metadata, parse_json_object(item.metadata, fmt::format("the metadata of '{}'", item.id)));
  for (const auto& [name, value] : metadata.items()) fields_.insert(name);
  const auto found = metadata.find(field_);
  return found == metadata.end() ? std::nullopt : text_of(*found);
}

Result<std::optional<std::uint32_t>> Labels::number(const Item& item) {
  EIDETIC_TRY(const auto text, label(item));
  if (!text) return std::nullopt;
  return numbers_.try_emplace(*text, static_cast<std::uint32_t>(numbers_.size())).first->second;
}

std::vector<std::string> Labels::names() const {
  std::vector<std::string> names(numbers_.size());
  for (const auto& [name, number] : numbers_) names[number] = name;
  return names;
}

std::unexpected<Error> Labels::none(std::string_view collection) const {
  const std::vector<std::string> fields(fields_.begin(), fields_.end());
  if (fields_.contains(field_)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the field '{}' holds no label in collection '{}': no text, number or boolean", field_,
                            collection));
  }
  return fail(ErrorCode::not_found, fmt::format("no item of collection '{}' has the field '{}'{}; it has: {}",
                                                collection, field_, did_you_mean(field_, fields),
                                                fields.empty() ? "none" : fmt::format("{}", fmt::join(fields, ", "))));
}

Result<void> label_points(Backend& backend, std::string_view collection, std::string_view field,
                          std::vector<CollectionMap::Point>& points) {
  Labels labels(field);
  bool any = points.empty();
  for (std::size_t first = 0; first < points.size(); first += kPortion) {
    const auto portion = std::span(points).subspan(first, std::min(kPortion, points.size() - first));
    std::vector<std::string> ids;
    for (const auto& point : portion) ids.push_back(point.id);
    EIDETIC_TRY(const auto items, backend.get(collection, ids, false));
    for (std::size_t i = 0; i < portion.size(); ++i) {
      if (!items[i]) continue;
      EIDETIC_TRY(auto label, labels.label(*items[i]));
      any = any || label;
      portion[i].label = std::move(label).value_or("");
    }
  }
  if (!any) return labels.none(collection);
  return {};
}

}  // namespace eidetic
