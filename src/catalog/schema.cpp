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

Result<void> create_schema(Database& database) {
  return database.transaction([&]() -> Result<void> {
    EIDETIC_CHECK(database.execute(kSchema));
    EIDETIC_CHECK(database.execute(fmt::format("PRAGMA user_version = {}", kCatalogVersion)));
    return database.execute(fmt::format("PRAGMA application_id = {}", kCatalogApplicationId));
  });
}

// An existing database is a catalog that this program can read.
Result<void> check_ours(Database& database, const std::filesystem::path& file) {
  EIDETIC_TRY(const std::int64_t application, number(database, "PRAGMA application_id"));
  if (application != kCatalogApplicationId) {
    return fail(ErrorCode::corrupt, fmt::format("'{}' is no catalog of Eidetic but another program's database; choose "
                                                "another data folder",
                                                file.native()));
  }
  EIDETIC_TRY(const std::int64_t version, number(database, "PRAGMA user_version"));
  if (version > kCatalogVersion) {
    return fail(ErrorCode::unsupported,
                fmt::format("'{}' was written by a newer Eidetic (catalog format {}; this one reads up to {}): update "
                            "Eidetic, or choose another data folder",
                            file.native(), version, kCatalogVersion));
  }
  if (version < 1) {
    return fail(ErrorCode::corrupt,
                fmt::format("'{}' says catalog format {}, which never was", file.native(), version));
  }
  return {};
}

}  // namespace

Result<void> prepare_schema(Database& database, const std::filesystem::path& file) {
  // Of an existing file the first two change nothing. Pages of 16 KiB waste an eighth of their room on vectors of 512
  // floats, those of 4 KiB half.
  EIDETIC_CHECK(
      database.execute("PRAGMA page_size = 16384; PRAGMA auto_vacuum = INCREMENTAL;"
                       "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                       "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384;"
                       "PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY"));
  EIDETIC_TRY(const std::int64_t tables, number(database, "SELECT count(*) FROM sqlite_schema"));
  if (tables > 0) EIDETIC_CHECK(check_ours(database, file));
  // Kept in the file, so not before it is known to be ours.
  EIDETIC_CHECK(database.execute("PRAGMA journal_mode = WAL"));
  return tables == 0 ? create_schema(database) : Result<void>();
}

}  // namespace eidetic
