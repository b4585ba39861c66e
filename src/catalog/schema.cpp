#include "catalog/schema.h"

#include <fmt/format.h>

#include <array>

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

// To format 2.
constexpr auto kAttachments = R"sql(
CREATE TABLE attachments (
  collection INTEGER NOT NULL REFERENCES collections (key) ON DELETE CASCADE,
  name       TEXT NOT NULL,
  content    BLOB NOT NULL,
  PRIMARY KEY (collection, name)
) STRICT;
)sql";
// To format 3. The vectors of a collection are in `vectors` while its era is even, in `odd_vectors` while it is odd,
// and those of its other space in the other table: so a switch changes rows of collections alone.
constexpr auto kSpaces = R"sql(
ALTER TABLE collections ADD COLUMN era INTEGER NOT NULL DEFAULT 0;  -- how often its space was switched
CREATE TABLE odd_vectors (
  key    INTEGER PRIMARY KEY REFERENCES items (key) ON DELETE CASCADE,
  vector BLOB NOT NULL
) STRICT;
CREATE TABLE other_spaces (
  collection INTEGER PRIMARY KEY REFERENCES collections (key) ON DELETE CASCADE,
  model      TEXT NOT NULL,
  hash       TEXT NOT NULL,
  dimensions INTEGER NOT NULL,
  metric     TEXT NOT NULL,
  precision  TEXT NOT NULL,
  vectors    INTEGER NOT NULL DEFAULT 0,  -- how many items have one
  dropped    INTEGER NOT NULL DEFAULT 0   -- 1: its vectors are not yet all deleted
) STRICT;
)sql";
constexpr std::array<const char*, kCatalogVersion - 1> kUpgrades = {kAttachments, kSpaces};

Result<std::int64_t> number(Database& database, const char* sql) {
  EIDETIC_TRY(Statement query, database.query(sql));
  EIDETIC_CHECK(query.step());
  return query.integer(0);
}

Result<void> apply_upgrades(Database& database, std::int64_t from, const Schema& schema) {
  for (std::int64_t version = from; version < schema.version; ++version) {
    EIDETIC_CHECK(database.execute(schema.upgrades[static_cast<std::size_t>(version - 1)]));
  }
  return database.execute(fmt::format("PRAGMA user_version = {}", schema.version));
}

Result<void> create_schema(Database& database, const Schema& schema) {
  return database.transaction([&]() -> Result<void> {
    EIDETIC_CHECK(database.execute(schema.tables));
    EIDETIC_CHECK(apply_upgrades(database, 1, schema));
    return database.execute(fmt::format("PRAGMA application_id = {}", schema.application_id));
  });
}

// An existing database is one that this program can read: its version.
Result<std::int64_t> check_ours(Database& database, const std::filesystem::path& file, const Schema& schema) {
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
  if (version < 1 || schema.version - version > static_cast<std::int64_t>(schema.upgrades.size())) {
    return fail(ErrorCode::corrupt,
                fmt::format("'{}' says {} format {}, which never was", file.native(), schema.what, version));
  }
  return version;
}

}  // namespace

const Schema& catalog_schema() {
  static constexpr Schema kCatalog{.what = "catalog",
                                   .application_id = kCatalogApplicationId,
                                   .version = kCatalogVersion,
                                   .tables = kSchema,
                                   .upgrades = kUpgrades};
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
  std::int64_t version = schema.version;
  if (tables > 0) {
    EIDETIC_TRY(version, check_ours(database, file, schema));
  }
  // Kept in the file, so not before it is known to be ours.
  EIDETIC_CHECK(database.execute("PRAGMA journal_mode = WAL"));
  if (tables == 0) return create_schema(database, schema);
  if (version == schema.version) return {};
  return database.transaction([&] { return apply_upgrades(database, version, schema); });
}

}  // namespace eidetic
