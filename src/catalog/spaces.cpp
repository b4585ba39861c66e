// The verbs of the catalog on a collection's other space.
#include <fmt/format.h>

#include <utility>

#include "catalog/catalog.h"
#include "catalog/check.h"
#include "catalog/connections.h"
#include "catalog/rows.h"
#include "catalog/sqlite.h"

namespace eidetic {
namespace {

constexpr std::uint32_t kPurgedAtOnce = 2000;

std::unexpected<Error> no_other_space(std::string_view collection) {
  return fail(ErrorCode::unavailable, fmt::format("collection '{}' has no such second space any more", collection));
}

Result<std::optional<OtherSpace>> read_other(Database& database, std::int64_t collection) {
  EIDETIC_TRY(Statement query, database.query("SELECT model, hash, dimensions, metric, precision, vectors "
                                              "FROM other_spaces WHERE collection = ?1 AND dropped = 0"));
  EIDETIC_TRY(const bool there, query.bind(collection).step());
  if (!there) return std::nullopt;
  OtherSpace other;
  EIDETIC_TRY(other.space, read_space(query, 0));
  other.vectors = static_cast<std::uint64_t>(query.integer(5));
  return other;
}

Result<void> write_other(Database& writer, std::int64_t collection, const Space& space, std::uint64_t vectors) {
  EIDETIC_TRY(Statement query, writer.query("INSERT OR REPLACE INTO other_spaces (collection, model, hash, dimensions, "
                                            "metric, precision, vectors) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
  query.bind(collection).bind(space.model).bind(space.hash).bind(std::int64_t{space.dimensions});
  query.bind(to_string(space.metric)).bind(to_string(space.precision)).bind(static_cast<std::int64_t>(vectors));
  return query.run();
}

// Deletes vectors of the dropped space of a collection of this era; true: more are left.
Result<bool> purge_space(Database& writer, std::int64_t collection, std::uint64_t era, std::uint32_t rows) {
  static constexpr ByEra kDelete{
      "DELETE FROM odd_vectors WHERE key IN (SELECT key FROM items CROSS JOIN odd_vectors "
      "USING (key) WHERE collection = ?1 LIMIT ?2)",
      "DELETE FROM vectors WHERE key IN (SELECT key FROM items CROSS JOIN vectors "
      "USING (key) WHERE collection = ?1 LIMIT ?2)"};
  EIDETIC_TRY(Statement query, writer.query(kDelete.of(era)));
  EIDETIC_CHECK(query.bind(collection).bind(std::int64_t{rows}).run());
  if (writer.changes() == rows) return true;
  EIDETIC_TRY(Statement row, writer.query("DELETE FROM other_spaces WHERE collection = ?1 AND dropped = 1"));
  EIDETIC_CHECK(row.bind(collection).run());
  return false;
}

// How many items went, as they had no vector there.
Result<std::uint64_t> drop_pending_items(Database& writer, const CollectionRecord& collection) {
  static constexpr ByEra kDelete = EIDETIC_BY_ERA(
      "DELETE FROM items WHERE collection = ?1 AND NOT EXISTS (SELECT 1 FROM ", " AS made WHERE made.key = items.key)");
  EIDETIC_TRY(Statement query, writer.query(kDelete.of(collection.spec.era + 1)));
  EIDETIC_CHECK(query.bind(collection.key).run());
  return static_cast<std::uint64_t>(writer.changes());
}

Result<void> exchange(Database& writer, const CollectionRecord& collection, const OtherSpace& other,
                      std::uint64_t dropped) {
  const Space& space = other.space;
  EIDETIC_TRY(
      Statement query,
      writer.query("UPDATE collections SET model = ?1, hash = ?2, dimensions = ?3, metric = ?4, precision = ?5, "
                   "era = era + 1, sequence = sequence + 1, items = items - ?6 WHERE key = ?7"));
  query.bind(space.model).bind(space.hash).bind(std::int64_t{space.dimensions}).bind(to_string(space.metric));
  query.bind(to_string(space.precision)).bind(static_cast<std::int64_t>(dropped)).bind(collection.key);
  EIDETIC_CHECK(query.run());
  EIDETIC_TRY(const CollectionRecord now, read_collection(writer, collection.key));
  return write_other(writer, collection.key, collection.spec.space, now.items);
}

}  // namespace

Result<void> Catalog::begin_space(const CollectionRecord& collection, const Space& space) {
  while (true) {
    const auto writer = connections_->writer();
    EIDETIC_TRY(const bool more, writer->transaction([&]() -> Result<bool> {
      EIDETIC_TRY(const CollectionRecord now, read_collection(*writer, collection.key));
      EIDETIC_TRY(Statement drop, writer->query("UPDATE other_spaces SET dropped = 1 WHERE collection = ?1"));
      EIDETIC_CHECK(drop.bind(collection.key).run());
      EIDETIC_TRY(const bool left, purge_space(*writer, collection.key, now.spec.era, kPurgedAtOnce));
      if (!left) EIDETIC_CHECK(write_other(*writer, collection.key, space, 0));
      return left;
    }));
    if (!more) return {};
  }
}

Result<std::optional<OtherSpace>> Catalog::other_space(std::int64_t collection) {
  EIDETIC_TRY(const auto reader, connections_->reader());
  return read_other(*reader, collection);
}

Result<std::vector<Item>> Catalog::pending(const CollectionRecord& collection, std::uint64_t after,
                                           std::uint32_t limit) {
  static constexpr ByEra kPending = EIDETIC_BY_ERA(
      "SELECT id, uri, content_hash, size_bytes, modified_ns, metadata, items.key FROM items "
      "WHERE collection = ?1 AND items.key > ?2 AND NOT EXISTS (SELECT 1 FROM ",
      " AS made WHERE made.key = items.key) ORDER BY items.key LIMIT ?3");
  EIDETIC_TRY(const auto reader, connections_->reader());
  EIDETIC_TRY(Statement query, reader->query(kPending.of(collection.spec.era + 1)));
  query.bind(collection.key).bind(static_cast<std::int64_t>(after)).bind(std::int64_t{limit});
  std::vector<Item> items;
  while (true) {
    EIDETIC_TRY(const bool more, query.step());
    if (!more) return items;
    EIDETIC_TRY(Item item, read_item(query, false));
    item.version = static_cast<std::uint64_t>(query.integer(6));
    items.push_back(std::move(item));
  }
}

Result<std::vector<ItemKey>> Catalog::store_other(const CollectionRecord& other, std::span<const ItemKey> keys,
                                                  std::span<const Vector> vectors) {
  static constexpr ByEra kInsert = EIDETIC_BY_ERA(
      "INSERT OR IGNORE INTO ",
      " (key, vector) SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM items WHERE key = ?1 AND collection = ?3)");
  std::vector<ItemKey> stored(keys.size());
  const auto writer = connections_->writer();
  EIDETIC_CHECK(writer->transaction([&]() -> Result<void> {
    EIDETIC_TRY(const CollectionRecord now, read_collection(*writer, other.key));
    EIDETIC_TRY(const auto there, read_other(*writer, other.key));
    if (now.spec.era + 1 != other.spec.era || !there || !there->space.matches(other.spec.space)) {
      return no_other_space(other.spec.name);
    }
    std::int64_t more = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] == 0 || !check_vector(vectors[i], other.spec.space)) continue;
      EIDETIC_TRY(Statement query, writer->query(kInsert.of(other.spec.era)));
      query.bind(keys[i]).bind(std::as_bytes(std::span(vectors[i]))).bind(other.key);
      EIDETIC_CHECK(query.run());
      if (writer->changes() == 0) continue;
      stored[i] = keys[i];
      ++more;
    }
    EIDETIC_TRY(Statement count, writer->query("UPDATE other_spaces SET vectors = vectors + ?1 WHERE collection = ?2"));
    return count.bind(more).bind(other.key).run();
  }));
  return stored;
}

Result<std::uint64_t> Catalog::switch_spaces(std::span<const CollectionRecord> collections, std::string_view settings,
                                             bool drop_pending) {
  EIDETIC_CHECK(check_json_object(settings, "the settings"));
  const auto writer = connections_->writer();
  return writer->transaction([&]() -> Result<std::uint64_t> {
    std::uint64_t dropped_items = 0;
    for (const CollectionRecord& collection : collections) {
      EIDETIC_TRY(const CollectionRecord now, read_collection(*writer, collection.key));
      EIDETIC_TRY(const auto other, read_other(*writer, collection.key));
      if (now.spec.era != collection.spec.era || !other) return no_other_space(collection.spec.name);
      EIDETIC_TRY(const auto dropped, drop_pending_items(*writer, collection));
      EIDETIC_CHECK(exchange(*writer, collection, *other, dropped));
      if (&collection != &collections.front()) continue;
      if (dropped > 0 && !drop_pending) {
        return fail(ErrorCode::unavailable, fmt::format("{} items of collection '{}' have no vector in the new space",
                                                        dropped, collection.spec.name));
      }
      dropped_items = dropped;
      EIDETIC_TRY(Statement query, writer->query("UPDATE collections SET settings = ?1 WHERE key = ?2"));
      EIDETIC_CHECK(query.bind(settings).bind(collection.key).run());
    }
    return dropped_items;
  });
}

Result<void> Catalog::drop_space(std::int64_t collection) {
  const auto writer = connections_->writer();
  EIDETIC_TRY(Statement query, writer->query("UPDATE other_spaces SET dropped = 1 WHERE collection = ?1"));
  return query.bind(collection).run();
}

Result<bool> Catalog::purge(std::uint32_t rows) {
  const auto writer = connections_->writer();
  std::int64_t deleted = 0;
  bool more = false;
  EIDETIC_CHECK(writer->transaction([&]() -> Result<void> {
    EIDETIC_TRY(Statement query,
                writer->query("DELETE FROM items WHERE key IN (SELECT items.key FROM items JOIN collections "
                              "ON items.collection = collections.key WHERE collections.name IS NULL "
                              "LIMIT ?1)"));
    EIDETIC_CHECK(query.bind(std::int64_t{rows}).run());
    deleted = writer->changes();
    more = deleted == rows;
    if (more) return {};
    EIDETIC_CHECK(writer->execute("DELETE FROM collections WHERE name IS NULL"));
    EIDETIC_TRY(Statement space, writer->query("SELECT collection, era FROM other_spaces JOIN collections "
                                               "ON collection = collections.key WHERE dropped = 1 LIMIT 1"));
    EIDETIC_TRY(const bool dropped, space.step());
    if (!dropped) return {};
    const auto collection = space.integer(0);
    const auto era = static_cast<std::uint64_t>(space.integer(1));
    EIDETIC_CHECK(purge_space(*writer, collection, era, rows));
    more = true;  // there may be another one
    return {};
  }));
  if (deleted == 0 && !more) return false;
  // In portions, as other writers wait meanwhile.
  EIDETIC_CHECK(writer->execute("PRAGMA incremental_vacuum(4096)"));
  return more;
}

}  // namespace eidetic
