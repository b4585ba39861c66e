#include "catalog/catalog.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "catalog/check.h"
#include "catalog/connections.h"
#include "catalog/rows.h"
#include "catalog/schema.h"
#include "catalog/sqlite.h"

namespace eidetic {
namespace {

// The key of the item that went; 0: there was none. Its vectors go with it.
Result<ItemKey> remove_item(Database& writer, const CollectionRecord& record, std::string_view id) {
  static constexpr ByEra kCountDown =
      EIDETIC_BY_ERA("UPDATE other_spaces SET vectors = vectors - 1 WHERE collection = ?1 AND EXISTS (SELECT 1 FROM ",
                     " WHERE key = (SELECT key FROM items WHERE collection = ?1 AND id = ?2))");
  const std::int64_t collection = record.key;
  EIDETIC_TRY(Statement count, writer.query(kCountDown.of(record.spec.era + 1)));
  EIDETIC_CHECK(count.bind(collection).bind(id).run());
  EIDETIC_TRY(Statement query, writer.query("DELETE FROM items WHERE collection = ?1 AND id = ?2 RETURNING key"));
  EIDETIC_TRY(const bool there, query.bind(collection).bind(id).step());
  if (!there) return 0;
  const ItemKey key = query.integer(0);
  EIDETIC_CHECK(query.run());
  return key;
}

Result<ItemKey> insert_item(Database& writer, const CollectionRecord& collection, const Item& item) {
  static constexpr ByEra kInsert = EIDETIC_BY_ERA("INSERT INTO ", " (key, vector) VALUES (?1, ?2)");
  {
    EIDETIC_TRY(Statement query, writer.query("INSERT INTO items (collection, id, uri, content_hash, size_bytes, "
                                              "modified_ns, metadata) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
    query.bind(collection.key).bind(item.id).bind(item.uri).bind(item.content_hash);
    query.bind(static_cast<std::int64_t>(item.size_bytes)).bind(item.modified_ns).bind(item.metadata);
    EIDETIC_CHECK(query.run());
  }
  const ItemKey key = writer.last_insert_key();
  EIDETIC_TRY(Statement query, writer.query(kInsert.of(collection.spec.era)));
  EIDETIC_CHECK(query.bind(key).bind(std::as_bytes(std::span(item.vector))).run());
  return key;
}

Result<bool> update_item(Database& writer, std::int64_t collection, const Item& item) {
  EIDETIC_TRY(Statement query, writer.query("UPDATE items SET uri = ?1, content_hash = ?2, size_bytes = ?3, "
                                            "modified_ns = ?4, metadata = ?5 WHERE collection = ?6 AND id = ?7"));
  query.bind(item.uri).bind(item.content_hash).bind(static_cast<std::int64_t>(item.size_bytes));
  query.bind(item.modified_ns).bind(item.metadata).bind(collection).bind(item.id);
  EIDETIC_CHECK(query.run());
  return writer.changes() > 0;
}

Result<void> check_item(const Item& item, const Space& space) {
  EIDETIC_CHECK(check_facts(item));
  auto checked = check_vector(item.vector, space);
  if (!checked) checked.error().message = fmt::format("item '{}': {}", item.id, checked.error().message);
  return checked;
}

}  // namespace

Catalog::Catalog(std::unique_ptr<Connections> connections) noexcept : connections_(std::move(connections)) {}
Catalog::~Catalog() = default;

Result<std::unique_ptr<Catalog>> Catalog::open(const std::filesystem::path& file) {
  EIDETIC_TRY(auto connections, Connections::open(file, catalog_schema()));
  return std::unique_ptr<Catalog>(new Catalog(std::move(connections)));
}

Result<CollectionRecord> Catalog::create(const CollectionSpec& spec) {
  EIDETIC_CHECK(check_spec(spec));
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t created_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const auto writer = connections_->writer();
  return writer->transaction([&]() -> Result<CollectionRecord> {
    EIDETIC_TRY(Statement query,
                writer->query("INSERT INTO collections (name, model, hash, dimensions, metric, precision, "
                              "factory, settings, created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
                              "ON CONFLICT (name) DO NOTHING"));
    query.bind(spec.name).bind(spec.space.model).bind(spec.space.hash);
    query.bind(std::int64_t{spec.space.dimensions}).bind(to_string(spec.space.metric));
    query.bind(to_string(spec.space.precision)).bind(spec.index).bind(spec.settings).bind(created_ms);
    EIDETIC_CHECK(query.run());
    if (writer->changes() == 0) {
      return fail(ErrorCode::already_exists, fmt::format("there is a collection '{}' already", spec.name));
    }
    return read_collection(*writer, writer->last_insert_key());
  });
}

Result<std::vector<CollectionRecord>> Catalog::collections() {
  EIDETIC_TRY(const auto reader, connections_->reader());
  EIDETIC_TRY(Statement query, reader->query("SELECT key, name, model, hash, dimensions, metric, precision, factory, "
                                             "settings, created_ms, sequence, items, era FROM collections "
                                             "WHERE name IS NOT NULL ORDER BY name"));
  std::vector<CollectionRecord> records;
  while (true) {
    EIDETIC_TRY(const bool more, query.step());
    if (!more) return records;
    EIDETIC_TRY(records.emplace_back(), read_record(query));
  }
}

Result<CollectionRecord> Catalog::describe(std::int64_t collection) {
  EIDETIC_TRY(const auto reader, connections_->reader());
  return read_collection(*reader, collection);
}

Result<void> Catalog::change(std::int64_t collection, const char* statement, std::string_view value) {
  const auto writer = connections_->writer();
  EIDETIC_TRY(Statement query, writer->query(statement));
  EIDETIC_CHECK(query.bind(value).bind(collection).run());
  if (writer->changes() == 0) return fail(ErrorCode::not_found, "the collection has been dropped");
  return {};
}

Result<void> Catalog::set_index(std::int64_t collection, std::string_view index) {
  return change(collection, "UPDATE collections SET factory = ?1 WHERE key = ?2 AND name IS NOT NULL", index);
}

Result<void> Catalog::configure(std::int64_t collection, std::string_view settings) {
  EIDETIC_CHECK(check_json_object(settings, "the settings"));
  return change(collection, "UPDATE collections SET settings = ?1 WHERE key = ?2 AND name IS NOT NULL", settings);
}

Result<void> Catalog::attach(std::int64_t collection, std::string_view name, std::span<const std::byte> content) {
  if (content.size() > kMaxAttachmentBytes) {
    return fail(ErrorCode::invalid_argument, fmt::format("the attachment '{}' has {} bytes; at most {} are kept", name,
                                                         content.size(), kMaxAttachmentBytes));
  }
  const auto writer = connections_->writer();
  return writer->transaction([&]() -> Result<void> {
    EIDETIC_TRY(Statement there, writer->query("SELECT 1 FROM collections WHERE key = ?1 AND name IS NOT NULL"));
    EIDETIC_TRY(const bool found, there.bind(collection).step());
    if (!found) return fail(ErrorCode::not_found, "the collection has been dropped");
    if (content.empty()) {
      EIDETIC_TRY(Statement query, writer->query("DELETE FROM attachments WHERE collection = ?1 AND name = ?2"));
      return query.bind(collection).bind(name).run();
    }
    EIDETIC_TRY(Statement query,
                writer->query("INSERT INTO attachments (collection, name, content) VALUES (?1, ?2, ?3) "
                              "ON CONFLICT DO UPDATE SET content = excluded.content"));
    return query.bind(collection).bind(name).bind(content).run();
  });
}

Result<std::optional<std::vector<std::byte>>> Catalog::attachment(std::int64_t collection, std::string_view name) {
  EIDETIC_TRY(const auto reader, connections_->reader());
  EIDETIC_TRY(Statement query, reader->query("SELECT content FROM attachments WHERE collection = ?1 AND name = ?2"));
  EIDETIC_TRY(const bool there, query.bind(collection).bind(name).step());
  if (!there) return std::nullopt;
  const auto content = query.blob(0);
  return std::vector<std::byte>(content.begin(), content.end());
}

Result<std::vector<std::string>> Catalog::attachments(std::int64_t collection) {
  EIDETIC_TRY(const auto reader, connections_->reader());
  EIDETIC_TRY(Statement query, reader->query("SELECT name FROM attachments WHERE collection = ?1 ORDER BY name"));
  query.bind(collection);
  std::vector<std::string> names;
  for (;;) {
    EIDETIC_TRY(const bool there, query.step());
    if (!there) return names;
    names.emplace_back(query.text(0));
  }
}

Result<void> Catalog::drop(std::int64_t collection) {
  const auto writer = connections_->writer();
  EIDETIC_TRY(Statement query, writer->query("UPDATE collections SET name = NULL WHERE key = ?1 AND name IS NOT NULL"));
  EIDETIC_CHECK(query.bind(collection).run());
  if (writer->changes() == 0) return fail(ErrorCode::not_found, "the collection has been dropped");
  return {};
}

Result<Change> Catalog::upsert(const CollectionRecord& collection, std::span<const Item> items) {
  Change change;
  change.results.reserve(items.size());
  for (const Item& item : items) change.results.push_back(check_item(item, collection.spec.space));
  change.added.resize(items.size());

  const auto writer = connections_->writer();
  EIDETIC_CHECK(writer->transaction([&]() -> Result<void> {
    EIDETIC_CHECK(advance(*writer, collection));
    std::int64_t more = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (!change.results[i]) continue;
      EIDETIC_TRY(const ItemKey old, remove_item(*writer, collection, items[i].id));
      EIDETIC_TRY(change.added[i], insert_item(*writer, collection, items[i]));
      if (old != 0) change.removed.push_back(old);
      more += old == 0 ? 1 : 0;
    }
    return finish(*writer, collection, more, change);
  }));
  return change;
}

Result<Change> Catalog::update(const CollectionRecord& collection, std::span<const Item> items) {
  Change change;
  change.results.reserve(items.size());
  for (const Item& item : items) change.results.push_back(check_facts(item));

  const auto writer = connections_->writer();
  EIDETIC_CHECK(writer->transaction([&]() -> Result<void> {
    EIDETIC_CHECK(advance(*writer, collection));
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (!change.results[i]) continue;
      EIDETIC_TRY(const bool there, update_item(*writer, collection.key, items[i]));
      if (there) continue;
      change.results[i] =
          fail(ErrorCode::not_found, fmt::format("no item '{}' in collection '{}'", items[i].id, collection.spec.name));
    }
    return finish(*writer, collection, 0, change);
  }));
  return change;
}

Result<Change> Catalog::erase(const CollectionRecord& collection, std::span<const std::string> ids) {
  Change change;
  const auto writer = connections_->writer();
  EIDETIC_CHECK(writer->transaction([&]() -> Result<void> {
    EIDETIC_CHECK(advance(*writer, collection));
    for (const std::string& id : ids) {
      EIDETIC_TRY(const ItemKey key, remove_item(*writer, collection, id));
      if (key != 0) change.removed.push_back(key);
    }
    return finish(*writer, collection, -static_cast<std::int64_t>(change.removed.size()), change);
  }));
  return change;
}

Result<std::vector<std::optional<Item>>> Catalog::get(const CollectionRecord& collection,
                                                      std::span<const std::string> ids, bool with_vectors) {
  static constexpr ByEra kWithVectors =
      EIDETIC_BY_ERA("SELECT id, uri, content_hash, size_bytes, modified_ns, metadata, vector FROM items JOIN ",
                     " USING (key) WHERE collection = ?1 AND id = ?2");
  EIDETIC_TRY(const auto reader, connections_->reader());
  std::vector<std::optional<Item>> items;
  items.reserve(ids.size());
  for (const std::string& id : ids) {
    EIDETIC_TRY(Statement query,
                with_vectors
                    ? reader->query(kWithVectors.of(collection.spec.era))
                    : reader->query("SELECT id, uri, content_hash, size_bytes, modified_ns, metadata FROM items "
                                    "WHERE collection = ?1 AND id = ?2"));
    EIDETIC_TRY(const bool there, query.bind(collection.key).bind(id).step());
    if (there) {
      EIDETIC_TRY(items.emplace_back(), read_item(query, with_vectors));
    } else {
      items.emplace_back();
    }
  }
  return items;
}

Result<ScrollPage> Catalog::scroll(const CollectionRecord& collection, std::string_view cursor, std::uint32_t limit,
                                   bool with_vectors) {
  static constexpr ByEra kWithVectors =
      EIDETIC_BY_ERA("SELECT id, uri, content_hash, size_bytes, modified_ns, metadata, vector FROM items JOIN ",
                     " USING (key) WHERE collection = ?1 AND id > ?2 ORDER BY id LIMIT ?3");
  EIDETIC_TRY(const auto reader, connections_->reader());
  EIDETIC_TRY(Statement query,
              with_vectors ? reader->query(kWithVectors.of(collection.spec.era))
                           : reader->query("SELECT id, uri, content_hash, size_bytes, modified_ns, metadata FROM items "
                                           "WHERE collection = ?1 AND id > ?2 ORDER BY id LIMIT ?3"));
  // One more than asked for tells whether there is a next page.
  query.bind(collection.key).bind(cursor).bind(std::int64_t{limit} + 1);
  ScrollPage page;
  while (true) {
    EIDETIC_TRY(const bool more, query.step());
    if (!more) return page;
    if (page.items.size() == limit) {
      page.next = page.items.back().id;
      return page;
    }
    EIDETIC_TRY(page.items.emplace_back(), read_item(query, with_vectors));
  }
}

Result<std::vector<ItemKey>> Catalog::keys_of(std::int64_t collection, std::span<const std::string> ids) {
  EIDETIC_TRY(const auto reader, connections_->reader());
  std::vector<ItemKey> keys;
  keys.reserve(ids.size());
  for (const std::string& id : ids) {
    EIDETIC_TRY(Statement query, reader->query("SELECT key FROM items WHERE collection = ?1 AND id = ?2"));
    EIDETIC_TRY(const bool there, query.bind(collection).bind(id).step());
    keys.push_back(there ? query.integer(0) : 0);
  }
  return keys;
}

namespace {

// One entry a key, in order, as of one moment.
template <typename Read>
Result<std::vector<std::optional<Item>>> by_key(Database& reader, std::span<const ItemKey> keys, const char* select,
                                                const Read& read) {
  return reader.snapshot([&]() -> Result<std::vector<std::optional<Item>>> {
    std::vector<std::optional<Item>> items(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      EIDETIC_TRY(Statement query, reader.query(select));
      EIDETIC_TRY(const bool there, query.bind(keys[i]).step());
      if (!there) continue;
      EIDETIC_TRY(items[i], read(query));
    }
    return items;
  });
}

}  // namespace

Result<std::vector<std::optional<Item>>> Catalog::facts_of(std::span<const ItemKey> keys) {
  EIDETIC_TRY(const auto reader, connections_->reader());
  return by_key(*reader, keys, "SELECT id, uri, metadata FROM items WHERE key = ?1",
                [](const Statement& row) -> Result<Item> {
                  Item item;
                  item.id = row.text(0);
                  item.uri = row.text(1);
                  item.metadata = row.text(2);
                  return item;
                });
}

Result<std::vector<std::optional<Item>>> Catalog::items_of(std::span<const ItemKey> keys) {
  EIDETIC_TRY(const auto reader, connections_->reader());
  return by_key(*reader, keys,
                "SELECT id, uri, content_hash, size_bytes, modified_ns, metadata FROM items WHERE key = ?1",
                [](const Statement& row) { return read_item(row, false); });
}

Result<void> Catalog::for_each_key(const CollectionRecord& collection, const VisitKey& visit) {
  // Of the era that answers, every item has a vector, and there is no need to look.
  static constexpr ByEra kKeys = EIDETIC_BY_ERA(
      "SELECT items.key FROM items WHERE collection = ?1 AND ((SELECT era FROM collections "
      "WHERE key = ?1) = ?2 OR EXISTS (SELECT 1 FROM ",
      " AS made WHERE made.key = items.key)) ORDER BY items.key");
  EIDETIC_TRY(const auto reader, connections_->reader());
  EIDETIC_TRY(Statement query, reader->query(kKeys.of(collection.spec.era)));
  query.bind(collection.key).bind(static_cast<std::int64_t>(collection.spec.era));
  while (true) {
    EIDETIC_TRY(const bool more, query.step());
    if (!more) return {};
    EIDETIC_CHECK(visit(query.integer(0)));
  }
}

Result<void> Catalog::for_each_facts(std::int64_t collection, const VisitFacts& visit) {
  EIDETIC_TRY(const auto reader, connections_->reader());
  EIDETIC_TRY(Statement query,
              reader->query("SELECT key, id, uri, metadata FROM items WHERE collection = ?1 ORDER BY key"));
  query.bind(collection);
  Item item;
  while (true) {
    EIDETIC_TRY(const bool more, query.step());
    if (!more) return {};
    item.id = query.text(1);
    item.uri = query.text(2);
    item.metadata = query.text(3);
    EIDETIC_CHECK(visit(query.integer(0), item));
  }
}

Result<void> Catalog::for_each_vector(const CollectionRecord& collection, ItemKey after, const VisitVector& visit) {
  static constexpr ByEra kVectors = EIDETIC_BY_ERA("SELECT key, vector FROM items CROSS JOIN ",
                                                   " USING (key) WHERE collection = ?1 AND key > ?2 ORDER BY key");
  EIDETIC_TRY(const auto reader, connections_->reader());
  EIDETIC_TRY(Statement query, reader->query(kVectors.of(collection.spec.era)));
  query.bind(collection.key).bind(after);
  Vector vector;
  while (true) {
    EIDETIC_TRY(const bool more, query.step());
    if (!more) return {};
    EIDETIC_CHECK(read_vector(query.blob(1), vector));
    if (vector.size() != collection.spec.space.dimensions) {
      return fail(ErrorCode::corrupt,
                  fmt::format("the catalog holds a vector of {} dimensions in collection '{}', "
                              "which has {}",
                              vector.size(), collection.spec.name, collection.spec.space.dimensions));
    }
    EIDETIC_CHECK(visit(query.integer(0), vector));
  }
}

Result<void> Catalog::backup_to(const std::filesystem::path& file) { return connections_->backup_to(file); }

}  // namespace eidetic
