// The verbs of ClusterBackend on items.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "backend/parts.h"
#include "base/filter_node.h"
#include "catalog/check.h"
#include "cluster/cluster_backend.h"

namespace eidetic {
namespace {

constexpr std::uint32_t kMaxPage = 10'000;

Result<void> check_limit(std::uint32_t limit) {
  if (limit >= 1 && limit <= kMaxPage) return {};
  return fail(ErrorCode::invalid_argument, fmt::format("limit is {}; 1 to {} are possible", limit, kMaxPage));
}

// The sound ones of a batch, each id once as it comes last, and where they stand in it.
struct Sound {
  std::vector<Item> items;
  std::vector<std::size_t> places;
};

Sound sound_ones(std::span<const Item> items, std::span<const Result<void>> checked) {
  std::map<std::string_view, std::size_t> last;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (checked[i]) last[items[i].id] = i;
  }
  Sound sound;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!checked[i] || last[items[i].id] != i) continue;
    sound.items.push_back(items[i]);
    sound.places.push_back(i);
  }
  return sound;
}

std::vector<std::string> distinct(std::span<const std::string> ids) {
  std::vector<std::string> some(ids.begin(), ids.end());
  std::ranges::sort(some);
  const auto again = std::ranges::unique(some);
  some.erase(again.begin(), again.end());
  return some;
}

}  // namespace

Result<std::vector<Result<void>>> ClusterBackend::upsert(std::string_view collection, std::span<const Item> items) {
  EIDETIC_TRY(auto descriptor, writable(collection));
  std::vector<Result<void>> results(items.size());
  bool has_parts = descriptor.parts.has_value();
  for (std::size_t i = 0; i < items.size(); ++i) {
    results[i] = check_facts(items[i]);
    if (results[i]) results[i] = check_vector(items[i].vector, descriptor.spec.space);
    has_parts = has_parts || !items[i].parts.empty();
  }
  Sound sound = sound_ones(items, results);
  if (sound.items.empty()) return results;
  if (has_parts) {
    // Parts first: an item that is stored has all of them. Parts of an item that then is not are never met.
    EIDETIC_TRY(auto written, write_parts(descriptor, sound.items));
    for (std::size_t i = 0; i < written.size(); ++i) results[sound.places[i]] = std::move(written[i]);
    sound = sound_ones(items, results);
  }
  auto stored = store_->put(descriptor.table, descriptor.searched(), sound.items, next_version(sound.items.size()));
  wrote(descriptor.table);
  if (!stored) {
    // Nothing can be stored where there is nothing any more.
    if (stored.error().code == ErrorCode::not_found) EIDETIC_CHECK(still(descriptor));
    return std::unexpected(std::move(stored).error());
  }
  for (std::size_t i = 0; i < stored->size(); ++i) results[sound.places[i]] = std::move((*stored)[i]);
  EIDETIC_CHECK(still(descriptor));
  return results;
}

Result<std::vector<Result<void>>> ClusterBackend::update(std::string_view collection, std::span<const Item> items) {
  EIDETIC_TRY(const auto descriptor, load(collection));
  std::vector<Result<void>> results(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) results[i] = check_facts(items[i]);
  const Sound sound = sound_ones(items, results);
  if (sound.items.empty()) return results;
  EIDETIC_TRY(const auto stored, store_->put_facts(descriptor.table, sound.items));
  wrote(descriptor.table);
  for (std::size_t i = 0; i < stored.size(); ++i) {
    if (!stored[i]) results[sound.places[i]] = std::unexpected(stored[i].error());
  }
  if (descriptor.parts) {
    const std::vector<Vector> unchanged(descriptor.parts->most);
    std::vector<Item> rows;
    for (std::size_t i = 0; i < sound.items.size(); ++i) {
      if (stored[i] && *stored[i]) {
        std::ranges::move(part_items(sound.items[i], unchanged), std::back_inserter(rows));
      }
    }
    // Not every item has as many.
    EIDETIC_CHECK(store_->put_facts(descriptor.parts->table, rows));
    wrote(descriptor.parts->table);
  }
  return results;
}

Result<std::uint64_t> ClusterBackend::erase(std::string_view collection, std::span<const std::string> ids) {
  EIDETIC_TRY(const auto descriptor, load(collection));
  if (ids.empty()) return 0;
  const auto each_once = distinct(ids);
  EIDETIC_TRY(const auto erased, store_->erase(descriptor.table, each_once));
  wrote(descriptor.table);
  if (!descriptor.parts) return erased;
  std::vector<std::string> gone;
  for (const auto& id : each_once) {
    std::ranges::move(part_ids(id, 0, descriptor.parts->most), std::back_inserter(gone));
  }
  if (!gone.empty()) EIDETIC_CHECK(store_->erase(descriptor.parts->table, gone));
  wrote(descriptor.parts->table);
  return erased;
}

Result<std::vector<std::optional<Item>>> ClusterBackend::get(std::string_view collection,
                                                             std::span<const std::string> ids, bool with_vectors) {
  return in_view(collection, [&](const View& view) -> Result<std::vector<std::optional<Item>>> {
    if (ids.empty()) return std::vector<std::optional<Item>>();
    return store_->get(view.descriptor.table, ids, with_vectors ? &view.field : nullptr);
  });
}

Result<ScrollPage> ClusterBackend::scroll(std::string_view collection, std::string_view cursor, std::uint32_t limit,
                                          bool with_vectors) {
  return in_view(collection, [&](const View& view) -> Result<ScrollPage> {
    EIDETIC_CHECK(check_limit(limit));
    EIDETIC_CHECK(refresh(view.descriptor.table));
    return store_->scroll(view.descriptor.table, cursor, limit, with_vectors ? &view.field : nullptr);
  });
}

Result<ScrollPage> ClusterBackend::sorted(std::string_view collection, const SortedRequest& request) {
  return in_view(collection, [&](const View& view) -> Result<ScrollPage> {
    EIDETIC_CHECK(check_limit(request.limit));
    EIDETIC_CHECK(refresh(view.descriptor.table));
    return store_->sorted(view.descriptor.table, request);
  });
}

Result<std::vector<Facet>> ClusterBackend::facets(std::string_view collection, const FacetRequest& request) {
  return in_view(collection, [&](const View& view) -> Result<std::vector<Facet>> {
    if (request.fields.empty() || request.fields.size() > kMaxFacetFields) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{} fields to count; 1 to {} are possible", request.fields.size(), kMaxFacetFields));
    }
    if (request.limit < 1 || request.limit > kMaxFacetValues) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{} values a field; 1 to {} are possible", request.limit, kMaxFacetValues));
    }
    for (const auto& field : request.fields) EIDETIC_CHECK(parse_field(field));
    EIDETIC_CHECK(refresh(view.descriptor.table));
    return store_->facets(view.descriptor.table, request);
  });
}

Result<std::uint64_t> ClusterBackend::count(std::string_view collection, const Filter& filter) {
  return in_view(collection, [&](const View& view) -> Result<std::uint64_t> {
    EIDETIC_CHECK(refresh(view.descriptor.table));
    return store_->count(view.descriptor.table, filter, view.other ? &view.field : nullptr);
  });
}

}  // namespace eidetic
