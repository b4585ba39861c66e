#include "catalog/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "base/json.h"
#include "base/text.h"

namespace eidetic {
namespace {

// An id for a message: shortened, and whatever is no UTF-8 left out.
std::string shown(std::string_view id) {
  constexpr std::size_t kShown = 80;
  if (!is_utf8(id)) return "(no UTF-8)";
  if (id.size() <= kShown) return std::string(id);
  std::size_t end = kShown;
  while (end > 0 && (static_cast<unsigned char>(id[end]) & 0xC0U) == 0x80U) --end;
  return fmt::format("{}…", id.substr(0, end));
}

}  // namespace

Result<void> check_collection_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  };
  if (!name.empty() && name.size() <= kMaxNameBytes && name.front() != '.' && std::ranges::all_of(name, allowed)) {
    return {};
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' cannot name a collection: 1 to {} of A-Z a-z 0-9 _ - . are allowed, not starting with "
                          "a dot",
                          shown(name), kMaxNameBytes));
}

Result<void> check_spec(const CollectionSpec& spec) {
  const std::string_view name = spec.name;
  EIDETIC_CHECK(check_collection_name(name.starts_with(kPartsPrefix) ? name.substr(kPartsPrefix.size()) : name));
  if (spec.space.dimensions == 0 || spec.space.dimensions > kMaxDimensions) {
    return fail(ErrorCode::invalid_argument, fmt::format("collection '{}': {} dimensions; 1 to {} are possible",
                                                         spec.name, spec.space.dimensions, kMaxDimensions));
  }
  return check_json_object(spec.settings, fmt::format("the settings of collection '{}'", spec.name));
}

Result<void> check_json_object(std::string_view text, std::string_view what) {
  if (text.size() > kMaxMetadataBytes) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} have {} bytes; at most {} are possible", what, text.size(), kMaxMetadataBytes));
  }
  if (json_depth(text) > kMaxMetadataDepth) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} nest deeper than {} levels", what, kMaxMetadataDepth));
  }
  EIDETIC_CHECK(parse_json_object(text, what));
  return {};
}

Result<void> check_facts(const Item& item) {
  if (item.id.empty() || item.id.size() > kMaxIdBytes || !is_utf8(item.id)) {
    return fail(ErrorCode::invalid_argument, fmt::format("id '{}' has {} bytes; 1 to {} bytes of UTF-8 are possible",
                                                         shown(item.id), item.id.size(), kMaxIdBytes));
  }
  if (item.uri.size() > kMaxUriBytes || !is_utf8(item.uri)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("item '{}': its URI must be UTF-8 of at most {} bytes", shown(item.id), kMaxUriBytes));
  }
  if (!is_utf8(item.content_hash)) {
    return fail(ErrorCode::invalid_argument, fmt::format("item '{}': its content hash is no text", shown(item.id)));
  }
  return check_json_object(item.metadata, fmt::format("the metadata of item '{}'", shown(item.id)));
}

Result<void> check_vector(std::span<const float> vector, const Space& space) {
  if (vector.size() != space.dimensions) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("a vector of {} dimensions; the collection has {}", vector.size(), space.dimensions));
  }
  double squared = 0;
  for (const float value : vector) squared += static_cast<double>(value) * static_cast<double>(value);
  if (!std::isfinite(squared)) return fail(ErrorCode::invalid_argument, "a vector that holds NaN or infinity");
  const double length = std::sqrt(squared);
  if (length > kMaxVectorLength) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("a vector of length {:.3g}; at most {:.0e} can be compared", length, kMaxVectorLength));
  }
  if (space.metric == Metric::cosine && length < 1 / kMaxVectorLength) {
    return fail(ErrorCode::invalid_argument, "a zero vector, which has no direction to compare by cosine");
  }
  return {};
}

}  // namespace eidetic
