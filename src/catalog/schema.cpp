#include "catalog/schema.h"

#include <fmt/format.h>

namespace eidetic {
namespace {

// Keys are never used twice (AUTOINCREMENT) and the vector of a key never changes: a replaced item gets a new key. So
// whatever is derived from vectors is brought up to date by comparing two sets of keys.
constexpr auto kSchema = R"sql(
CREATE TABLE collections (
  key        INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT UNIQUE,      -- NULL: dropped, its items not yet all deleted
  model      TEXT NOT NULL,
  hash       TEXT NOT NULL,
  dimensions INTEGER NOT NULL,
  metric     TEXT NOT NULL,
  precision  TEXT NOT NULL,
  factory    TEXT NOT NULL,
  settings   TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  sequence   INTEGER NOT NULL DEFAULT 0,
  items      INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE items (
  key          INTEGER PRIMARY KEY AUTOINCREMENT,
  collection   INTEGER NOT NULL REFERENCES collections (key),
  id           TEXT NOT NULL,
  uri          TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  size_bytes   INTEGER NOT NULL,
  modified_ns  INTEGER NOT NULL,
  metadata     TEXT NOT NULL,
  UNIQUE (collection, id)
) STRICT;
CREATE INDEX items_by_collection ON items (collection);

-- Apart from items, so that listing and hits read no page full of floats.
CREATE TABLE vectors (
  key    INTEGER PRIMARY KEY REFERENCES items (key) ON DELETE CASCADE,
  vector BLOB NOT NULL
) STRICT;
)sql";

Result<std::int64_t> number(Database& database, const char* sql) {
  EIDETIC_TRY(Statement query, database.query(sql));
  EIDETIC_CHECK(query.step());
  return query.integer(0);
}

Result<void> create_schema(Database& database, const Schema& schema) {
  return database.transaction([&]() -> Result<void> {
    EIDETIC_CHECK(database.execute(schema.tables));
    EIDETIC_CHECK(database.execute(fmt::format("PRAGMA user_version = {}", schema.version)));
    return database.execute(fmt::format("PRAGMA application_id = {}", schema.application_id));
  });
}

// An existing database is one that this program can read.
Result<void> check_ours(Database& database, const std::filesystem::path& file, const Schema& schema) {
  EIDETIC_TRY(const std::int64_t application, number(database, "PRAGMA application_id"));
  if (application != schema.application_id) {
    return fail(ErrorCode::corrupt, fmt::format("'{}' is no {} of Eidetic but another program's database; choose "
                                                "another data folder",
                                                file.native(), schema.what));
  }
  EIDETIC_TRY(const std::int64_t version, number(database, "PRAGMA user_version"));
  if (version > schema.version) {
    return fail(ErrorCode::unsupported,
                fmt::format("'{}' was written by a newer Eidetic ({} format {}; this one reads up to {}): update "
                            "Eidetic, or choose another data folder",
                            file.native(), schema.what, version, schema.version));
  }
  if (version < 1) {
    return fail(ErrorCode::corrupt,
                fmt::format("'{}' says {} format {}, which never was", file.native(), schema.what, version));
  }
  return {};
}

}  // namespace

const Schema& catalog_schema() {
  static constexpr Schema kCatalog{
      .what = "catalog", .application_id = kCatalogApplicationId, .version = kCatalogVersion, .tables = kSchema};
  return kCatalog;
}

Result<void> prepare_schema(Database& database, const std::filesystem::path& file, const Schema& schema) {
  // Of an existing file the first two change nothing. Pages of 16 KiB waste an eighth of their room on vectors of 512
  // floats, those of 4 KiB half.
  EIDETIC_CHECK(
      database.execute("PRAGMA page_size = 16384; PRAGMA auto_vacuum = INCREMENTAL;"
                       "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                       "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384;"
                       "PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY"));
  if (!schema.durable) EIDETIC_CHECK(database.execute("PRAGMA synchronous = OFF"));
  EIDETIC_TRY(const std::int64_t tables, number(database, "SELECT count(*) FROM sqlite_schema"));
  if (tables > 0) EIDETIC_CHECK(check_ours(database, file, schema));
  // Kept in the file, so not before it is known to be ours.
  EIDETIC_CHECK(database.execute("PRAGMA journal_mode = WAL"));
  return tables == 0 ? create_schema(database, schema) : Result<void>();
}

}  // namespace eidetic
