// The verbs of the embedded backend on the parts of items.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "backend/embedded_backend.h"
#include "backend/parts.h"
#include "catalog/check.h"

namespace eidetic {

EmbeddedBackend::Handle EmbeddedBackend::parts_of(std::string_view name) {
  const bool other = is_other_space(name);
  const auto& parts = other ? other_parts_ : parts_;
  if (other) name.remove_prefix(kOtherPrefix.size());
  const std::shared_lock lock(map_mutex_);
  const auto found = parts.find(name);
  return found != parts.end() ? found->second : nullptr;
}

Result<std::vector<Result<void>>> EmbeddedBackend::store_parts(std::string_view collection,
                                                               std::span<const Item> items) {
  EIDETIC_TRY(const Held held, hold(collection));
  const Handle& handle = held.handle;
  const std::scoped_lock parting(parting_);
  EIDETIC_TRY(const Handle parts, make_parts(handle->spec()));
  std::vector<std::string> ids;
  for (const Item& item : items) ids.push_back(item.id);
  EIDETIC_TRY(auto stored, catalog_->get(handle->record(), ids, false));
  std::vector<Item> there;
  std::vector<std::size_t> places;
  std::vector<Result<void>> results(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!stored[i]) {
      results[i] = fail(ErrorCode::not_found, fmt::format("no item '{}' in collection '{}'", items[i].id, collection));
      continue;
    }
    stored[i]->parts = items[i].parts;
    there.push_back(*std::move(stored[i]));
    places.push_back(i);
  }
  EIDETIC_TRY(auto written, write_parts(*parts, there));
  for (std::size_t i = 0; i < written.size(); ++i) results[places[i]] = std::move(written[i]);
  return results;
}

Result<std::vector<std::vector<Vector>>> EmbeddedBackend::parts(std::string_view collection,
                                                                std::span<const std::string> ids) {
  EIDETIC_TRY(const Handle handle, find_readable(collection));
  std::vector<std::vector<Vector>> all(ids.size());
  const Handle parts = parts_of(collection);
  if (!parts) return all;
  EIDETIC_TRY(const auto most, most_parts(parts->spec()));
  EIDETIC_TRY(const auto stored, catalog_->get(handle->record(), ids, false));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!stored[i]) continue;
    EIDETIC_TRY(auto rows, catalog_->get(parts->record(), part_ids(ids[i], 0, most), true));
    for (auto& row : rows) {
      if (!row) break;
      all[i].push_back(std::move(row->vector));
    }
  }
  return all;
}

Result<void> EmbeddedBackend::drop_parts(std::string_view collection) {
  EIDETIC_TRY(const Held held, hold(collection));
  const std::scoped_lock parting(parting_);
  const Handle parts = parts_of(collection);
  if (!parts) return {};
  EIDETIC_CHECK(parts->drop());
  {
    const std::unique_lock lock(map_mutex_);
    parts_.erase(parts_.find(collection));
    if (const auto other = other_parts_.find(collection); other != other_parts_.end()) other_parts_.erase(other);
  }
  post_purge();
  return {};
}

Result<EmbeddedBackend::Handle> EmbeddedBackend::make_parts(const CollectionSpec& spec) {
  EIDETIC_CHECK(find(spec.name));
  if (auto there = parts_of(spec.name)) return there;
  CollectionSpec parts = spec;
  parts.name.insert(0, kPartsPrefix);
  parts.settings = parts_settings(0);
  EIDETIC_TRY(CollectionRecord record, catalog_->create(parts));
  std::error_code ignored;
  std::filesystem::remove_all(folder_of(record), ignored);
  auto handle = make_handle(std::move(record));
  const std::unique_lock lock(map_mutex_);
  parts_.emplace(spec.name, handle);
  return handle;
}

Result<std::vector<Result<void>>> EmbeddedBackend::write_parts(Collection& parts, std::span<const Item> items) {
  const CollectionSpec spec = parts.spec();
  EIDETIC_TRY(const auto before, most_parts(spec));
  auto change = change_of_parts(items, spec.space, before);
  // How many there may be is known before there are as many.
  if (change.most > before) EIDETIC_CHECK(parts.configure(settings_are(parts_settings(change.most))));
  EIDETIC_TRY(const auto stored, parts.upsert(change.rows));
  for (const auto& result : stored) EIDETIC_CHECK(result);
  if (!change.gone.empty()) EIDETIC_CHECK(parts.erase(change.gone));
  return std::move(change.results);
}

Result<std::vector<Hit>> EmbeddedBackend::search_by_parts(Collection& whole, Collection& parts,
                                                          const VectorQuery& query) {
  EIDETIC_TRY(const auto most, most_parts(parts.spec()));
  const PartsReaders readers = {
      .whole = [&](const VectorQuery& asked) { return whole.search(asked); },
      .parts = [&](const VectorQuery& asked) { return parts.search(asked); },
      .items = [&](std::span<const std::string> ids) { return catalog_->get(whole.record(), ids, false); }};
  return search_with_parts(query, most, readers);
}

Result<std::vector<Result<void>>> EmbeddedBackend::upsert_with_parts(Collection& whole, std::span<const Item> items) {
  const std::scoped_lock parting(parting_);
  EIDETIC_TRY(const Handle parts, make_parts(whole.spec()));
  // Parts first: an item that is stored has all of them. Parts of an item that then is not are never met.
  std::vector<Item> good;
  std::vector<std::size_t> places;
  std::vector<Result<void>> results(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    results[i] = check_facts(items[i]);
    if (results[i]) results[i] = check_vector(items[i].vector, whole.spec().space);
    if (!results[i]) continue;
    good.push_back(items[i]);
    places.push_back(i);
  }
  EIDETIC_TRY(const auto written, write_parts(*parts, good));
  std::vector<Item> stored_items;
  std::vector<std::size_t> stored_places;
  for (std::size_t i = 0; i < good.size(); ++i) {
    results[places[i]] = written[i];
    if (!written[i]) continue;
    stored_items.push_back(std::move(good[i]));
    stored_places.push_back(places[i]);
  }
  EIDETIC_TRY(auto stored, whole.upsert(stored_items));
  for (std::size_t i = 0; i < stored.size(); ++i) results[stored_places[i]] = std::move(stored[i]);
  return results;
}

Result<std::vector<Result<void>>> EmbeddedBackend::update_with_parts(Collection& whole, std::span<const Item> items) {
  const std::scoped_lock parting(parting_);
  EIDETIC_TRY(auto results, whole.update(items));
  const Handle parts = parts_of(whole.spec().name);
  if (!parts) return results;
  EIDETIC_TRY(const auto most, most_parts(parts->spec()));
  const std::vector<Vector> unchanged(most);
  std::vector<Item> rows;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (results[i]) std::ranges::move(part_items(items[i], unchanged), std::back_inserter(rows));
  }
  // Not every item has as many.
  EIDETIC_CHECK(parts->update(rows));
  return results;
}

Result<std::uint64_t> EmbeddedBackend::erase_with_parts(Collection& whole, std::span<const std::string> ids) {
  const std::scoped_lock parting(parting_);
  EIDETIC_TRY(const auto erased, whole.erase(ids));
  const Handle parts = parts_of(whole.spec().name);
  if (!parts) return erased;
  EIDETIC_TRY(const auto most, most_parts(parts->spec()));
  std::vector<std::string> gone;
  for (const auto& id : ids) std::ranges::move(part_ids(id, 0, most), std::back_inserter(gone));
  EIDETIC_CHECK(parts->erase(gone));
  return erased;
}

}  // namespace eidetic
