// The verbs of ClusterBackend on a collection's other space, and on another kind of index: both are one more field of
// vectors in the same tables, so that an item exists once, whichever space is searched.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "backend/parts.h"
#include "catalog/check.h"
#include "cluster/cluster_backend.h"

namespace eidetic {
namespace {

// Whoever holds a switch and dies lets others wait no longer than this.
constexpr std::chrono::milliseconds kMaxSwitch = std::chrono::seconds(60);
constexpr std::uint32_t kPage = 500;

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::unexpected<Error> no_other(std::string_view collection) {
  return fail(ErrorCode::unavailable, fmt::format("collection '{}' has no second space any more", collection));
}

std::string next_field(Descriptor& descriptor) { return fmt::format("v{}", descriptor.fields++); }

}  // namespace

Result<void> ClusterBackend::begin_space(std::string_view collection, const Space& space) {
  EIDETIC_TRY(const auto before, load(collection));
  if (auto fits = store_->check_index(before.spec.index, space); !fits) {
    return fail(fits.error().code,
                fmt::format("collection '{}' has an index that does not fit {}: {}; choose another one first (eidetic "
                            "collections update {} --index auto)",
                            collection, space.describe(), fits.error().message, collection));
  }
  EIDETIC_CHECK(drop_space(collection));
  // The name first, so that no two processes make the same.
  std::string field;
  EIDETIC_TRY(const auto named, change(collection, [&](Descriptor& descriptor) -> Result<void> {
                field = next_field(descriptor);
                return {};
              }));
  const VectorField made{.name = field, .space = space, .index = named.spec.index};
  EIDETIC_CHECK(store_->add_field(named.table, made));
  if (named.parts) EIDETIC_CHECK(store_->add_field(named.parts->table, made));
  EIDETIC_TRY(const auto begun, change(collection, [&](Descriptor& descriptor) -> Result<void> {
                descriptor.other = Descriptor::Other{.space = space, .field = field};
                return {};
              }));
  // Parts that came in between have no such field yet; to add one that is there changes nothing.
  if (begun.parts && !named.parts) EIDETIC_CHECK(store_->add_field(begun.parts->table, made));
  return {};
}

Result<std::optional<OtherSpace>> ClusterBackend::other_space(std::string_view collection) {
  EIDETIC_TRY(const auto descriptor, load(collection));
  if (!descriptor.other) return std::nullopt;
  EIDETIC_CHECK(refresh(descriptor.table));
  const auto field = descriptor.beside();
  EIDETIC_TRY(const auto vectors, store_->count(descriptor.table, {}, &field));
  return OtherSpace{.space = descriptor.other->space, .vectors = vectors};
}

Result<std::vector<Item>> ClusterBackend::pending(std::string_view collection, std::uint64_t after,
                                                  std::uint32_t limit) {
  EIDETIC_TRY(const auto descriptor, load(collection));
  if (!descriptor.other) return no_other(collection);
  EIDETIC_CHECK(refresh(descriptor.table));
  return store_->without(descriptor.table, descriptor.beside(), after, limit);
}

Result<void> ClusterBackend::store_pending_parts(const Descriptor& descriptor, std::span<const Item> items) {
  const auto field = descriptor.beside();
  std::vector<Item> rows;
  for (const Item& item : items) {
    const auto ids = part_ids(item.id, 0, item.parts.size());
    if (ids.empty()) continue;
    EIDETIC_TRY(auto there, store_->get(descriptor.parts->table, ids, nullptr));
    for (std::size_t i = 0; i < there.size(); ++i) {
      if (!there[i]) continue;
      there[i]->vector = item.parts[i];
      rows.push_back(*std::move(there[i]));
    }
  }
  if (rows.empty()) return {};
  EIDETIC_CHECK(store_->put_vectors(descriptor.parts->table, field, rows));
  wrote(descriptor.parts->table);
  return {};
}

Result<std::uint64_t> ClusterBackend::store_pending(std::string_view collection, std::span<const Item> items) {
  EIDETIC_TRY(const auto descriptor, load(collection));
  if (!descriptor.other) return no_other(collection);
  // Parts first: an item that has its vector has all of them. Those of an item that was replaced meanwhile are stored
  // again with it, as it is pending again.
  if (descriptor.parts) EIDETIC_CHECK(store_pending_parts(descriptor, items));
  if (items.empty()) return 0;
  EIDETIC_TRY(const auto stored, store_->put_vectors(descriptor.table, descriptor.beside(), items));
  wrote(descriptor.table);
  return stored;
}

Result<void> ClusterBackend::build_space(std::string_view collection) {
  EIDETIC_TRY(const auto descriptor, load(collection));
  if (!descriptor.other) return no_other(collection);
  EIDETIC_CHECK(store_->refresh(descriptor.table));
  EIDETIC_CHECK(store_->settle(descriptor.table));
  return descriptor.parts ? store_->settle(descriptor.parts->table) : Result<void>();
}

Result<Descriptor> ClusterBackend::hold_writers(std::string_view collection) {
  for (;;) {
    bool held = false;
    EIDETIC_TRY(auto descriptor, change(collection, [&](Descriptor& now) -> Result<void> {
                  held = now.switching_until_ms <= now_ms();
                  if (held) now.switching_until_ms = now_ms() + kMaxSwitch.count();
                  return {};
                }));
    if (held) return descriptor;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

Result<void> ClusterBackend::let_writers_go(const Descriptor& held) {
  EIDETIC_CHECK(change(held.spec.name, [&](Descriptor& now) -> Result<void> {
    if (now.switching_until_ms == held.switching_until_ms) now.switching_until_ms = 0;
    return {};
  }));
  return {};
}

// Whoever stored vectors before writers were held is seen by what is counted now; whoever stores some after that is
// told that it does not count.
Result<std::uint64_t> ClusterBackend::switch_held(const Descriptor& held, const EditSettings& edit, bool drop_pending) {
  if (!held.other) return no_other(held.spec.name);
  const auto field = held.beside();
  EIDETIC_CHECK(store_->refresh(held.table));
  EIDETIC_TRY(const auto all, store_->count(held.table, {}, nullptr));
  EIDETIC_TRY(const auto ready, store_->count(held.table, {}, &field));
  std::uint64_t dropped = 0;
  if (ready < all) {
    if (!drop_pending) {
      return fail(ErrorCode::unavailable, fmt::format("{} items of collection '{}' have no vector in the other space",
                                                      all - ready, held.spec.name));
    }
    EIDETIC_TRY(dropped, store_->erase_without(held.table, field));
    wrote(held.table);
  }
  EIDETIC_CHECK(change(held.spec.name, [&](Descriptor& now) -> Result<void> {
    if (now.switching_until_ms != held.switching_until_ms || !now.other || now.other->field != field.name) {
      return fail(ErrorCode::unavailable, fmt::format("the switch of collection '{}' took too long, and another "
                                                      "process has taken over",
                                                      held.spec.name));
    }
    EIDETIC_CHECK(edit_settings(now, edit));
    std::swap(now.spec.space, now.other->space);
    std::swap(now.field, now.other->field);
    ++now.spec.era;
    now.switching_until_ms = 0;
    return {};
  }));
  return dropped;
}

Result<std::uint64_t> ClusterBackend::switch_space(std::string_view collection, const EditSettings& edit,
                                                   bool drop_pending) {
  EIDETIC_TRY(const auto held, hold_writers(collection));
  auto switched = switch_held(held, edit, drop_pending);
  if (!switched) EIDETIC_CHECK(let_writers_go(held));
  return switched;
}

Result<void> ClusterBackend::drop_space(std::string_view collection) {
  std::optional<VectorField> gone;
  EIDETIC_TRY(const auto now, change(collection, [&](Descriptor& descriptor) -> Result<void> {
                gone = descriptor.other ? std::optional(descriptor.beside()) : std::nullopt;
                descriptor.other.reset();
                return {};
              }));
  if (!gone) return {};
  let_others_hear();
  EIDETIC_CHECK(store_->drop_field(now.table, *gone));
  wrote(now.table);
  if (!now.parts) return {};
  EIDETIC_CHECK(store_->drop_field(now.parts->table, *gone));
  wrote(now.parts->table);
  return {};
}

// --- another kind of index ---

Result<void> ClusterBackend::fill_field(const std::string& table, const VectorField& from, const VectorField& to) {
  for (;;) {
    EIDETIC_CHECK(store_->refresh(table));
    EIDETIC_TRY(const auto pending, store_->without(table, to, 0, kPage));
    if (pending.empty()) return {};
    std::vector<std::string> ids;
    for (const auto& row : pending) ids.push_back(row.id);
    EIDETIC_TRY(auto rows, store_->get(table, ids, &from));
    std::vector<Item> there;
    for (auto& row : rows) {
      if (row && !row->vector.empty()) there.push_back(*std::move(row));
    }
    EIDETIC_CHECK(store_->put_vectors(table, to, there));
  }
}

Result<void> ClusterBackend::reindex(std::string_view collection, std::string_view index) {
  EIDETIC_TRY(const auto before, load(collection));
  std::string checked = before.spec.index;
  if (!index.empty()) {
    EIDETIC_TRY(checked, store_->check_index(index, before.spec.space));
    if (before.other) EIDETIC_CHECK(store_->check_index(index, before.other->space));
  }
  if (checked == before.spec.index) {
    EIDETIC_CHECK(store_->settle(before.table));
    return before.parts ? store_->settle(before.parts->table) : Result<void>();
  }
  std::string field;
  EIDETIC_TRY(const auto named, change(collection, [&](Descriptor& descriptor) -> Result<void> {
                field = next_field(descriptor);
                return {};
              }));
  const VectorField from = named.searched();
  const VectorField to{.name = field, .space = named.spec.space, .index = checked};
  const auto fill = [&](const Descriptor& now) -> Result<void> {
    if (now.parts) {
      EIDETIC_CHECK(store_->add_field(now.parts->table, to));
      EIDETIC_CHECK(fill_field(now.parts->table, from, to));
    }
    return fill_field(now.table, from, to);
  };
  EIDETIC_CHECK(store_->add_field(named.table, to));
  EIDETIC_CHECK(fill(named));
  // The last few while nobody writes.
  EIDETIC_TRY(const auto held, hold_writers(collection));
  auto filled = held.field == from.name ? fill(held)
                                        : fail(ErrorCode::unavailable, "its space was changed meanwhile: do it again");
  if (filled) {
    auto changed = change(collection, [&](Descriptor& now) -> Result<void> {
      now.field = field;
      now.spec.index = checked;
      now.switching_until_ms = 0;
      return {};
    });
    filled = changed ? Result<void>() : std::unexpected(std::move(changed).error());
  }
  if (!filled) EIDETIC_CHECK(let_writers_go(held));
  if (filled) let_others_hear();
  const VectorField& gone = filled ? from : to;
  EIDETIC_CHECK(store_->drop_field(named.table, gone));
  wrote(named.table);
  if (held.parts) EIDETIC_CHECK(store_->drop_field(held.parts->table, gone));
  return filled;
}

}  // namespace eidetic
