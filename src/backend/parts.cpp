#include "backend/parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/file.h"
#include "base/filter_node.h"
#include "base/hash.h"
#include "base/json.h"
#include "catalog/check.h"

namespace eidetic {
namespace {

// The field of a part's metadata that names its item. Metadata of items may have it too: the last one of a name counts.
constexpr std::string_view kItemField = "@item";
constexpr std::string_view kMostParts = "parts";

// Ids of items may be as long as ids can be, and leave no room.
std::string id_start(std::string_view id) { return sha256_hex(as_bytes(id)) + ":"; }

std::string metadata_of_part(std::string_view metadata, const std::string& id) {
  const auto end = metadata.rfind('}');
  const bool empty = metadata.find_first_not_of(" \t\r\n", metadata.find('{') + 1) == end;
  return fmt::format("{}{}\"{}\":{}}}", metadata.substr(0, end), empty ? "" : ",", kItemField, dump_json(Json(id)));
}

}  // namespace

std::vector<Item> part_items(const Item& item, std::span<const Vector> parts) {
  const std::string start = id_start(item.id);
  const std::string metadata = metadata_of_part(item.metadata, item.id);
  std::vector<Item> rows;
  rows.reserve(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    rows.push_back({.id = start + std::to_string(i),
                    .uri = item.uri,
                    .content_hash = item.content_hash,
                    .size_bytes = item.size_bytes,
                    .modified_ns = item.modified_ns,
                    .metadata = metadata,
                    .vector = parts[i]});
  }
  return rows;
}

std::vector<std::string> part_ids(std::string_view id, std::size_t first, std::size_t last) {
  std::vector<std::string> ids;
  if (first >= last) return ids;
  const std::string start = id_start(id);
  for (std::size_t i = first; i < last; ++i) ids.push_back(start + std::to_string(i));
  return ids;
}

Filter filter_of_parts(const Filter& filter) { return rename_field(filter, kIdField, kItemField); }

Result<std::vector<NearestPart>> nearest_parts(std::span<const Hit> hits) {
  std::vector<NearestPart> nearest;
  std::unordered_set<std::string> seen;
  for (const Hit& hit : hits) {
    const auto wrong = [&] { return fail(ErrorCode::corrupt, fmt::format("'{}' is no part of an item", hit.id)); };
    const auto metadata = Json::parse(hit.metadata, nullptr, false);
    const auto item = metadata.is_object() ? metadata.find(kItemField) : metadata.end();
    if (item == metadata.end() || !item->is_string()) return wrong();
    NearestPart part{.id = item->get<std::string>(), .part = 0, .similarity = hit.similarity, .distance = hit.distance};
    const auto digits = std::string_view(hit.id).substr(hit.id.rfind(':') + 1);
    const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), part.part);
    if (status != std::errc{} || end != digits.data() + digits.size()) return wrong();
    if (seen.insert(part.id).second) nearest.push_back(std::move(part));
  }
  return nearest;
}

std::vector<Hit> join_parts(std::vector<Hit> whole, std::span<const NearestPart> parts,
                            std::span<const std::optional<Item>> items, std::uint32_t k) {
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < whole.size(); ++i) places.emplace(whole[i].id, i);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!items[i]) continue;
    const auto& part = parts[i];
    Hit hit{.id = part.id,
            .similarity = part.similarity,
            .distance = part.distance,
            .uri = items[i]->uri,
            .metadata = items[i]->metadata,
            .part = part.part};
    const auto found = places.find(part.id);
    if (found == places.end()) {
      whole.push_back(std::move(hit));
    } else if (part.similarity > whole[found->second].similarity) {
      whole[found->second] = std::move(hit);
    }
  }
  std::ranges::sort(whole, [](const Hit& a, const Hit& b) {
    return a.similarity != b.similarity ? a.similarity > b.similarity : a.id < b.id;
  });
  if (whole.size() > k) whole.resize(k);
  return whole;
}

Result<std::vector<Hit>> search_with_parts(const VectorQuery& query, std::size_t most, const PartsReaders& readers) {
  EIDETIC_TRY(auto hits_of_wholes, readers.whole(query));
  VectorQuery nearest = query;
  nearest.filter = filter_of_parts(query.filter);
  nearest.exclude_ids.clear();
  for (const auto& id : query.exclude_ids) {
    std::ranges::move(part_ids(id, 0, most), std::back_inserter(nearest.exclude_ids));
  }
  // Of one item several parts are near, and none is known beforehand.
  constexpr std::uint32_t kMore = 4;
  std::vector<NearestPart> found;
  for (nearest.k = query.k;;) {
    nearest.k = std::min(nearest.k * kMore, kMaxK);
    EIDETIC_TRY(const auto hits, readers.parts(nearest));
    EIDETIC_TRY(found, nearest_parts(hits));
    if (found.size() >= query.k || hits.size() < nearest.k || nearest.k == kMaxK) break;
  }
  std::vector<std::string> ids;
  for (const auto& part : found) ids.push_back(part.id);
  EIDETIC_TRY(auto there, readers.items(ids));
  for (auto& item : there) {
    if (item && !query.filter.matches(*item)) item.reset();
  }
  return join_parts(std::move(hits_of_wholes), found, there, query.k);
}

PartsChange change_of_parts(std::span<const Item> items, const Space& space, std::size_t before) {
  PartsChange change{.results = std::vector<Result<void>>(items.size()), .most = before, .rows = {}, .gone = {}};
  std::map<std::string_view, std::size_t> last;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Item& item = items[i];
    auto& result = change.results[i];
    if (item.parts.size() > kMaxParts) {
      result = fail(ErrorCode::invalid_argument, fmt::format("item '{}' has {} parts; at most {} are possible", item.id,
                                                             item.parts.size(), kMaxParts));
    }
    for (std::size_t part = 0; part < item.parts.size() && result; ++part) {
      const auto checked = check_vector(item.parts[part], space);
      if (checked) continue;
      result =
          fail(checked.error().code, fmt::format("part {} of item '{}': {}", part, item.id, checked.error().message));
    }
    if (!result) continue;
    change.most = std::max(change.most, item.parts.size());
    last[item.id] = i;
  }
  for (const auto& [id, i] : last) {
    std::ranges::move(part_items(items[i], items[i].parts), std::back_inserter(change.rows));
    std::ranges::move(part_ids(id, items[i].parts.size(), before), std::back_inserter(change.gone));
  }
  return change;
}

std::string parts_settings(std::size_t most) { return dump_json({{std::string(kMostParts), most}}); }

Result<std::size_t> most_parts(const CollectionSpec& spec) {
  const std::string where = fmt::format("the settings of '{}'", spec.name);
  EIDETIC_TRY(const Json settings, parse_json_object(spec.settings, where));
  EIDETIC_TRY(auto reader, JsonReader::of(settings, where));
  EIDETIC_TRY(const auto most, reader.get<std::int64_t>(kMostParts));
  if (most < 0 || most > static_cast<std::int64_t>(kMaxParts)) {
    return fail(ErrorCode::corrupt, fmt::format("{}: {} parts", where, most));
  }
  return static_cast<std::size_t>(most);
}

}  // namespace eidetic
