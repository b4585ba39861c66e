// The verbs of the embedded backend on a collection's other space.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "backend/embedded_backend.h"
#include "backend/parts.h"
#include "catalog/check.h"

namespace eidetic {

EditSettings settings_are(std::string settings) {
  return [settings = std::move(settings)](const CollectionSpec&) { return settings; };
}

std::string other_space_name(std::string_view collection) { return fmt::format("{}{}", kOtherPrefix, collection); }

std::filesystem::path EmbeddedBackend::folder_of(const CollectionRecord& record) const {
  const auto name = fmt::format("{}{}", record.key, record.spec.era % 2 == 0 ? "" : ".odd");
  return options_.data_dir / "collections" / name;
}

Result<EmbeddedBackend::Handle> EmbeddedBackend::find_readable(std::string_view name) {
  if (!is_other_space(name)) return find(name);
  const std::shared_lock lock(map_mutex_);
  const auto found = others_.find(name.substr(kOtherPrefix.size()));
  if (found != others_.end()) return found->second;
  return fail(ErrorCode::not_found, fmt::format("no collection '{}'", name));
}

Result<EmbeddedBackend::Held> EmbeddedBackend::hold(std::string_view name) {
  std::shared_lock lock(switching_);
  EIDETIC_TRY(auto handle, find(name));
  return Held{.lock = std::move(lock), .handle = std::move(handle)};
}

EmbeddedBackend::Handle EmbeddedBackend::make_other(CollectionRecord record, const Space& space) {
  record.spec.space = space;
  ++record.spec.era;
  std::error_code ignored;
  std::filesystem::remove_all(folder_of(record), ignored);
  return make_handle(std::move(record), true);
}

Result<EmbeddedBackend::Handle> EmbeddedBackend::find_other(std::string_view name) {
  Handle other;
  {
    const std::shared_lock lock(map_mutex_);
    const auto found = others_.find(name);
    if (found == others_.end()) {
      return fail(ErrorCode::unavailable, fmt::format("collection '{}' has no second space any more", name));
    }
    other = found->second;
  }
  EIDETIC_CHECK(make_other_parts(name, other->record().spec.space));
  return other;
}

Result<EmbeddedBackend::Handle> EmbeddedBackend::make_other_parts(std::string_view name, const Space& space) {
  const std::scoped_lock parting(parting_);
  const Handle parts = parts_of(name);
  if (!parts) return nullptr;
  if (auto there = parts_of(other_space_name(name))) return there;
  EIDETIC_CHECK(catalog_->begin_space(parts->record(), space));
  auto other = make_other(parts->record(), space);
  const std::unique_lock lock(map_mutex_);
  other_parts_.emplace(name, other);
  return other;
}

void EmbeddedBackend::forget_others(std::string_view name) {
  for (auto* all : {&others_, &other_parts_}) {
    Handle gone;
    {
      const std::unique_lock lock(map_mutex_);
      const auto found = all->find(name);
      if (found == all->end()) continue;
      gone = found->second;
      all->erase(found);
    }
    gone->discard();
  }
}

Result<void> EmbeddedBackend::begin_space(std::string_view collection, const Space& space) {
  const std::scoped_lock naming(naming_);
  EIDETIC_TRY(const Handle handle, find(collection));
  if (auto fits = checked_index(handle->spec().index, space); !fits) {
    return fail(fits.error().code,
                fmt::format("collection '{}' has an index that does not fit {}: {}; choose another one first (eidetic "
                            "collections update {} --index auto)",
                            collection, space.describe(), fits.error().message, collection));
  }
  forget_others(collection);
  if (const Handle parts = parts_of(collection)) EIDETIC_CHECK(catalog_->drop_space(parts->key()));
  EIDETIC_CHECK(catalog_->begin_space(handle->record(), space));
  {
    const std::unique_lock lock(map_mutex_);
    others_.emplace(collection, make_other(handle->record(), space));
  }
  EIDETIC_CHECK(find_other(collection));
  return {};
}

Result<std::optional<OtherSpace>> EmbeddedBackend::other_space(std::string_view collection) {
  EIDETIC_TRY(const Handle handle, find(collection));
  return catalog_->other_space(handle->key());
}

Result<std::vector<Item>> EmbeddedBackend::pending(std::string_view collection, std::uint64_t after,
                                                   std::uint32_t limit) {
  EIDETIC_TRY(const Handle handle, find(collection));
  return catalog_->pending(handle->record(), after, limit);
}

Result<std::uint64_t> EmbeddedBackend::store_pending(std::string_view collection, std::span<const Item> items) {
  EIDETIC_TRY(const Held held, hold(collection));
  EIDETIC_TRY(const Handle other, find_other(collection));
  // Parts first: an item that has its vector has all of them.
  const Handle parts = parts_of(collection);
  const Handle other_parts = parts_of(other_space_name(collection));
  if (parts && other_parts) EIDETIC_CHECK(store_pending_parts(*held.handle, *parts, *other_parts, items));
  std::vector<ItemKey> keys;
  std::vector<Vector> vectors;
  for (const Item& item : items) {
    keys.push_back(static_cast<ItemKey>(item.version));
    vectors.push_back(item.vector);
  }
  return other->store_made(keys, std::move(vectors));
}

Result<void> EmbeddedBackend::store_pending_parts(const Collection& whole, Collection& parts, Collection& other,
                                                  std::span<const Item> items) {
  // Nobody replaces an item and its parts meanwhile, so that rows of parts are those of the version that was embedded.
  const std::scoped_lock parting(parting_);
  std::vector<std::pair<ItemKey, const Vector*>> made;
  for (const Item& item : items) {
    EIDETIC_TRY(const auto now, catalog_->keys_of(whole.key(), std::span(&item.id, 1)));
    if (now.front() != static_cast<ItemKey>(item.version)) continue;
    EIDETIC_TRY(const auto rows, catalog_->keys_of(parts.key(), part_ids(item.id, 0, item.parts.size())));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] != 0) made.emplace_back(rows[i], &item.parts[i]);
    }
  }
  std::ranges::sort(made);
  std::vector<ItemKey> keys;
  std::vector<Vector> vectors;
  for (const auto& [key, vector] : made) {
    keys.push_back(key);
    vectors.push_back(*vector);
  }
  EIDETIC_CHECK(other.store_made(keys, std::move(vectors)));
  return {};
}

Result<void> EmbeddedBackend::build_space(std::string_view collection) {
  EIDETIC_TRY(const Handle other, find_other(collection));
  if (const Handle parts = parts_of(other_space_name(collection))) EIDETIC_CHECK(parts->build_whole());
  return other->build_whole();
}

Result<std::uint64_t> EmbeddedBackend::switch_space(std::string_view collection, const EditSettings& edit,
                                                    bool drop_pending) {
  const std::scoped_lock naming(naming_);
  const std::unique_lock switching(switching_);
  EIDETIC_TRY(const Handle before, find(collection));
  EIDETIC_TRY(const Handle after, find_other(collection));
  const Handle parts_before = parts_of(collection);
  const Handle parts_after = parts_of(other_space_name(collection));
  EIDETIC_CHECK(after->catch_up_with(*before));
  std::vector<CollectionRecord> records = {before->record()};
  if (parts_before) {
    EIDETIC_CHECK(parts_after->catch_up_with(*parts_before));
    records.push_back(parts_before->record());
  }
  EIDETIC_TRY(const std::string settings, edit(before->spec()));
  EIDETIC_TRY(const auto dropped, catalog_->switch_spaces(records, settings, drop_pending));
  after->adopt(settings, *before);
  if (parts_before) parts_after->adopt(parts_before->spec().settings, *parts_before);
  {
    const std::unique_lock lock(map_mutex_);
    collections_.find(collection)->second = after;
    others_.erase(others_.find(collection));
    if (parts_before) {
      parts_.find(collection)->second = parts_after;
      other_parts_.erase(other_parts_.find(collection));
    }
  }
  // Its rows in the catalog stay; what else it has is made again where it is read, or gets its place back.
  const auto turned = [this](const Handle& old, const Handle& now) {
    old->retire();
    return make_other(now->record(), old->record().spec.space);
  };
  Handle other = turned(before, after);
  Handle other_parts = parts_before ? turned(parts_before, parts_after) : nullptr;
  const std::unique_lock lock(map_mutex_);
  others_.emplace(collection, std::move(other));
  if (other_parts) other_parts_.emplace(collection, std::move(other_parts));
  return dropped;
}

Result<void> EmbeddedBackend::drop_space(std::string_view collection) {
  const std::scoped_lock naming(naming_);
  EIDETIC_TRY(const Handle handle, find(collection));
  EIDETIC_CHECK(catalog_->drop_space(handle->key()));
  if (const Handle parts = parts_of(collection)) EIDETIC_CHECK(catalog_->drop_space(parts->key()));
  forget_others(collection);
  post_purge();
  return {};
}

}  // namespace eidetic
