// The verbs of ClusterBackend on the parts of items: rows of a second table, see backend/parts.h.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "backend/parts.h"
#include "cluster/cluster_backend.h"

namespace eidetic {

Result<Descriptor> ClusterBackend::with_parts(const Descriptor& descriptor, std::size_t most) {
  const auto& name = descriptor.spec.name;
  std::string made;
  auto changed = change(name, [&](Descriptor& now) -> Result<void> {
    if (!now.parts) {
      if (made.empty()) {
        EIDETIC_TRY(made, make_table(name, now.searched()));
        if (now.other) EIDETIC_CHECK(store_->add_field(made, now.beside()));
      }
      now.parts = Descriptor::Parts{.table = made, .most = most};
    }
    now.parts->most = std::max(now.parts->most, most);
    return {};
  });
  // Another process was quicker.
  if (!made.empty() && (!changed || changed->parts->table != made)) EIDETIC_CHECK(drop_table(made));
  return changed;
}

Result<std::vector<Result<void>>> ClusterBackend::write_parts(Descriptor& descriptor, std::span<const Item> items) {
  const std::size_t before = descriptor.parts ? descriptor.parts->most : 0;
  auto change = change_of_parts(items, descriptor.spec.space, before);
  // How many there may be is known before there are as many.
  if (!descriptor.parts || change.most > before) {
    EIDETIC_TRY(const auto now, with_parts(descriptor, change.most));
    if (now.spec.era != descriptor.spec.era) {
      return fail(ErrorCode::unavailable,
                  fmt::format("collection '{}' has changed its space meanwhile: do it again", descriptor.spec.name));
    }
    descriptor = now;
  }
  const auto& table = descriptor.parts->table;
  if (!change.rows.empty()) {
    EIDETIC_TRY(const auto stored,
                store_->put(table, descriptor.searched(), change.rows, next_version(change.rows.size())));
    wrote(table);
    for (const auto& result : stored) EIDETIC_CHECK(result);
  }
  if (!change.gone.empty()) {
    EIDETIC_CHECK(store_->erase(table, change.gone));
    wrote(table);
  }
  return std::move(change.results);
}

Result<std::vector<Result<void>>> ClusterBackend::store_parts(std::string_view collection,
                                                              std::span<const Item> items) {
  EIDETIC_TRY(auto descriptor, writable(collection));
  std::vector<std::string> ids;
  for (const Item& item : items) ids.push_back(item.id);
  EIDETIC_TRY(auto rows, store_->get(descriptor.table, ids, nullptr));
  std::vector<Item> there;
  std::vector<std::size_t> places;
  std::vector<Result<void>> results(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!rows[i]) {
      results[i] = fail(ErrorCode::not_found, fmt::format("no item '{}' in collection '{}'", items[i].id, collection));
      continue;
    }
    there.push_back(*std::move(rows[i]));
    there.back().parts = items[i].parts;
    places.push_back(i);
  }
  EIDETIC_TRY(auto written, write_parts(descriptor, there));
  for (std::size_t i = 0; i < written.size(); ++i) results[places[i]] = std::move(written[i]);
  EIDETIC_CHECK(still(descriptor));
  return results;
}

Result<std::vector<std::vector<Vector>>> ClusterBackend::parts(std::string_view collection,
                                                               std::span<const std::string> ids) {
  return in_view(collection, [&](const View& view) -> Result<std::vector<std::vector<Vector>>> {
    std::vector<std::vector<Vector>> all(ids.size());
    const auto& descriptor = view.descriptor;
    if (!descriptor.parts || ids.empty()) return all;
    EIDETIC_TRY(const auto wholes, store_->get(descriptor.table, ids, nullptr));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (!wholes[i]) continue;
      const auto of_item = part_ids(ids[i], 0, descriptor.parts->most);
      if (of_item.empty()) continue;
      EIDETIC_TRY(auto rows, store_->get(descriptor.parts->table, of_item, &view.field));
      for (auto& row : rows) {
        if (!row || row->vector.empty()) break;
        all[i].push_back(std::move(row->vector));
      }
    }
    return all;
  });
}

Result<void> ClusterBackend::drop_parts(std::string_view collection) {
  std::string gone;
  EIDETIC_CHECK(change(collection, [&](Descriptor& descriptor) -> Result<void> {
    gone = descriptor.parts ? descriptor.parts->table : "";
    descriptor.parts.reset();
    return {};
  }));
  return gone.empty() ? Result<void>() : drop_table(gone);
}

Result<std::vector<Hit>> ClusterBackend::search_by_parts(const View& view, const VectorQuery& query) {
  const auto& [table, most] = *view.descriptor.parts;
  EIDETIC_CHECK(refresh(table));
  const auto searched = [&](const std::string& where, const VectorQuery& asked) -> Result<std::vector<Hit>> {
    EIDETIC_TRY(auto found, store_->search(where, view.field, std::span(&asked, 1)));
    return std::move(found.front());
  };
  const PartsReaders readers = {
      .whole = [&](const VectorQuery& asked) { return searched(view.descriptor.table, asked); },
      .parts = [&](const VectorQuery& asked) { return searched(table, asked); },
      .items = [&](std::span<const std::string> ids) -> Result<std::vector<std::optional<Item>>> {
        if (ids.empty()) return std::vector<std::optional<Item>>();
        return store_->get(view.descriptor.table, ids, nullptr);
      }};
  return search_with_parts(query, most, readers);
}

}  // namespace eidetic
