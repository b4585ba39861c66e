#include "catalog/rows.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

namespace eidetic {

static_assert(std::endian::native == std::endian::little, "vectors are stored as little-endian floats");

std::unexpected<Error> no_collection(std::string_view name) {
  return fail(ErrorCode::not_found, fmt::format("no collection '{}'", name));
}

Result<Space> read_space(const Statement& row, int column) {
  Space space;
  space.model = row.text(column);
  space.hash = row.text(column + 1);
  space.dimensions = static_cast<std::uint32_t>(row.integer(column + 2));
  EIDETIC_TRY(space.metric, parse_metric(row.text(column + 3)));
  space.precision = row.text(column + 4) == to_string(Precision::bf16) ? Precision::bf16 : Precision::f32;
  return space;
}

Result<CollectionRecord> read_record(const Statement& row) {
  CollectionRecord record;
  record.key = row.integer(0);
  record.spec.name = row.text(1);
  EIDETIC_TRY(record.spec.space, read_space(row, 2));
  record.spec.index = row.text(7);
  record.spec.settings = row.text(8);
  record.created_ms = row.integer(9);
  record.sequence = static_cast<std::uint64_t>(row.integer(10));
  record.items = static_cast<std::uint64_t>(row.integer(11));
  record.spec.era = static_cast<std::uint64_t>(row.integer(12));
  return record;
}

namespace {

constexpr auto kRecord =
    "SELECT key, name, model, hash, dimensions, metric, precision, factory, settings, created_ms, sequence, items, era "
    "FROM collections WHERE key = ?1 AND name IS NOT NULL";

}  // namespace

Result<CollectionRecord> read_collection(Database& database, std::int64_t collection) {
  EIDETIC_TRY(Statement query, database.query(kRecord));
  EIDETIC_TRY(const bool there, query.bind(collection).step());
  if (!there) return fail(ErrorCode::not_found, "the collection has been dropped");
  return read_record(query);
}

Result<void> read_vector(std::span<const std::byte> bytes, Vector& vector) {
  if (bytes.size() % sizeof(float) != 0) return fail(ErrorCode::corrupt, "the catalog holds a damaged vector");
  vector.resize(bytes.size() / sizeof(float));
  // SQLite hands out blobs at any address, floats need theirs aligned.
  if (!bytes.empty()) std::memcpy(vector.data(), bytes.data(), bytes.size());
  return {};
}

Result<Item> read_item(const Statement& row, bool with_vector) {
  Item item;
  item.id = row.text(0);
  item.uri = row.text(1);
  item.content_hash = row.text(2);
  item.size_bytes = static_cast<std::uint64_t>(row.integer(3));
  item.modified_ns = row.integer(4);
  item.metadata = row.text(5);
  if (with_vector) EIDETIC_CHECK(read_vector(row.blob(6), item.vector));
  return item;
}

Result<void> advance(Database& writer, const CollectionRecord& collection) {
  EIDETIC_TRY(Statement query, writer.query("UPDATE collections SET sequence = sequence + 1 "
                                            "WHERE key = ?1 AND name IS NOT NULL AND era = ?2"));
  EIDETIC_CHECK(query.bind(collection.key).bind(static_cast<std::int64_t>(collection.spec.era)).run());
  if (writer.changes() > 0) return {};
  if (!read_collection(writer, collection.key)) return no_collection(collection.spec.name);
  return fail(ErrorCode::unavailable,
              fmt::format("the model of collection '{}' was changed meanwhile; try again", collection.spec.name));
}

Result<void> finish(Database& writer, const CollectionRecord& collection, std::int64_t more_items, Change& change) {
  EIDETIC_TRY(Statement query, writer.query("UPDATE collections SET items = items + ?1 WHERE key = ?2 "
                                            "RETURNING sequence, items"));
  EIDETIC_CHECK(query.bind(more_items).bind(collection.key).step());
  change.sequence = static_cast<std::uint64_t>(query.integer(0));
  change.items = static_cast<std::uint64_t>(query.integer(1));
  // A row with RETURNING counts only once its statement has come to the end.
  return query.run();
}

}  // namespace eidetic
