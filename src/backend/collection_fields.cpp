// What a collection says of its items' metadata: sorted lists, counts of values.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "backend/collection.h"
#include "backend/random_order.h"
#include "base/json.h"
#include "base/split_mix.h"

namespace eidetic {
namespace {

// Where a page begins: the value of the field, and the first key of those that have it and were not listed yet.
std::string cursor_of(const Json& value, ItemKey key) { return dump_json(Json::array({value, key})); }

struct Beginning {
  Json value;
  ItemKey key = 0;
};

Result<Beginning> parse_cursor(const std::string& cursor) {
  const Json json = Json::parse(cursor, nullptr, false);
  const bool sound = json.is_array() && json.size() == 2 && json[1].is_number_integer();
  if (!sound) return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no cursor of a sorted list", cursor));
  return Beginning{.value = json[0], .key = json[1].get<ItemKey>()};
}

// Rows lie in rising order of keys.
Row first_row_from(const VectorStore& store, ItemKey key) {
  Row first = 0;
  Row end = store.rows();
  while (first < end) {
    const Row middle = first + (end - first) / 2;
    if (static_cast<ItemKey>(store.key_of(middle)) < key) {
      first = middle + 1;
    } else {
      end = middle;
    }
  }
  return first;
}

std::vector<FieldName> with(std::vector<FieldName> fields, std::span<const FieldName> more) {
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

// Where a random order has an item, which does not depend on the others.
std::uint64_t random_place(std::uint64_t seed, ItemKey key) {
  return split_mix(split_mix(seed) + static_cast<std::uint64_t>(key) * kSplitMixStep);
}

}  // namespace

Result<std::optional<std::uint64_t>> random_seed(std::string_view field) {
  constexpr std::string_view kRandom = "@random";
  if (!field.starts_with(kRandom)) return std::nullopt;
  const std::string_view rest = field.substr(kRandom.size());
  std::uint64_t seed = 1;
  if (rest.empty()) return seed;
  const auto [end, error] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), seed);
  if (rest.front() == ':' && error == std::errc() && end == rest.data() + rest.size()) return seed;
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("'{}' names no order: write @random:7, with any whole number, for one that chance chooses", field));
}

Result<ScrollPage> Collection::sorted(const SortedRequest& request) {
  constexpr std::uint32_t kMaxPage = 10'000;
  if (request.limit < 1 || request.limit > kMaxPage) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("a page of {} items; 1 to {} are possible", request.limit, kMaxPage));
  }
  EIDETIC_TRY(const auto seed, random_seed(request.field));
  if (seed) return shuffled(request, *seed);
  EIDETIC_TRY(const FieldName field, parse_field(request.field));
  EIDETIC_TRY(const State generation, ready_with(with(fields_of(request.filter), std::span(&field, 1))));
  const VectorStore& store = generation->store();
  std::optional<MetadataColumns::Place> from;
  if (!request.cursor.empty()) {
    EIDETIC_TRY(auto beginning, parse_cursor(request.cursor));
    from = {.value = std::move(beginning.value), .row = first_row_from(store, beginning.key)};
  }
  // One more than asked for tells where the next page begins.
  const auto places = generation->columns().sorted(field, request.descending, generation->passing(request.filter), from,
                                                   std::size_t{request.limit} + 1);
  std::vector<ItemKey> keys;
  for (const auto& place : places) keys.push_back(static_cast<ItemKey>(store.key_of(place.row)));
  std::string next;
  if (places.size() > request.limit) {
    next = cursor_of(places.back().value, keys.back());
    keys.pop_back();
  }
  return page_of(keys, std::move(next));
}

Result<ScrollPage> Collection::shuffled(const SortedRequest& request, std::uint64_t seed) {
  EIDETIC_TRY(const State generation, ready_with(fields_of(request.filter)));
  using Place = std::pair<std::uint64_t, ItemKey>;
  const auto place_of = [&](ItemKey key) {
    const std::uint64_t place = random_place(seed, key);
    return Place(request.descending ? ~place : place, key);
  };
  Place from = {0, 0};
  if (!request.cursor.empty()) {
    EIDETIC_TRY(const auto beginning, parse_cursor(request.cursor));
    from = place_of(beginning.key);
  }
  std::vector<Place> places;
  generation->passing(request.filter).for_each([&](Row row) {
    const Place place = place_of(static_cast<ItemKey>(generation->store().key_of(row)));
    if (place >= from) places.push_back(place);
  });
  const std::size_t count = std::min<std::size_t>(places.size(), request.limit);
  const auto end = places.begin() + static_cast<std::ptrdiff_t>(std::min(places.size(), count + 1));
  std::ranges::partial_sort(places, end);
  std::vector<ItemKey> keys;
  for (const Place& place : std::span(places).first(count)) keys.push_back(place.second);
  return page_of(keys, count < places.size() ? cursor_of(Json(), places[count].second) : "");
}

Result<ScrollPage> Collection::page_of(std::span<const ItemKey> keys, std::string next) {
  ScrollPage page{.items = {}, .next = std::move(next)};
  EIDETIC_TRY(auto items, catalog_.items_of(keys));
  for (auto& item : items) {
    if (item) page.items.push_back(*std::move(item));  // else erased since
  }
  return page;
}

Result<std::vector<Facet>> Collection::facets(const FacetRequest& request) {
  if (request.fields.empty() || request.fields.size() > kMaxFacetFields) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} fields to count; 1 to {} are possible", request.fields.size(), kMaxFacetFields));
  }
  if (request.limit < 1 || request.limit > kMaxFacetValues) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} values a field; 1 to {} are possible", request.limit, kMaxFacetValues));
  }
  std::vector<FieldName> fields;
  for (const auto& field : request.fields) {
    EIDETIC_TRY(fields.emplace_back(), parse_field(field));
  }
  EIDETIC_TRY(const State generation, ready_with(with(fields_of(request.filter), fields)));
  const RowSet rows = generation->passing(request.filter);
  std::vector<Facet> facets;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    facets.push_back(generation->columns().facet(fields[i], rows, request.limit));
    facets.back().field = request.fields[i];
  }
  return facets;
}

Result<std::uint64_t> Collection::count(const Filter& filter) {
  if (filter.empty()) {
    EIDETIC_TRY(const CollectionRecord now, catalog_.describe(record_.key));
    return now.items;
  }
  EIDETIC_TRY(const State generation, ready_with(fields_of(filter)));
  return generation->passing(filter).count();
}

}  // namespace eidetic
