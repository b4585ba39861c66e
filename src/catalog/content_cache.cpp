#include "catalog/content_cache.h"

#include <array>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "catalog/schema.h"
#include "catalog/sqlite.h"

namespace eidetic {
namespace {

constexpr std::array<const char*, 1> kUpgrades = {R"sql(
ALTER TABLE thumbnails RENAME TO contents;
ALTER TABLE contents RENAME COLUMN size TO variant;
ALTER TABLE contents RENAME COLUMN jpeg TO content;
DROP INDEX thumbnails_by_bytes;
CREATE INDEX contents_by_bytes ON contents (key, bytes);
)sql"};

constexpr Schema kSchema{.what = "cache",
                         .application_id = 0x45494454,  // "EIDT"
                         .version = 2,
                         .tables = R"sql(
CREATE TABLE thumbnails (
  key      INTEGER PRIMARY KEY AUTOINCREMENT,   -- rises: the smallest is the oldest
  hash     TEXT NOT NULL,
  size     INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  bytes    INTEGER NOT NULL,
  jpeg     BLOB NOT NULL,
  UNIQUE (hash, size)
) STRICT;
CREATE INDEX thumbnails_by_bytes ON thumbnails (key, bytes);
)sql",
                         .upgrades = kUpgrades,
                         .durable = false};

constexpr unsigned kMaxFailures = 3;  // of making it anew: a disk that is full stays full

}  // namespace

ContentCache::ContentCache(std::string what, std::filesystem::path file, std::uint64_t max_bytes)
    : what_(std::move(what)), file_(std::move(file)), max_bytes_(max_bytes) {}
ContentCache::~ContentCache() = default;

Result<void> ContentCache::open() {
  if (database_ != nullptr) return {};
  EIDETIC_CHECK(make_directories(file_.parent_path()));
  EIDETIC_TRY(auto database, Database::open(file_, Database::Access::create));
  EIDETIC_CHECK(prepare_schema(*database, file_, kSchema));
  EIDETIC_TRY(Statement query,
              database->query("SELECT coalesce(sum(bytes), 0) FROM contents INDEXED BY contents_by_bytes"));
  EIDETIC_CHECK(query.step());
  bytes_ = static_cast<std::uint64_t>(query.integer(0));
  database_ = std::move(database);
  return {};
}

// The next use makes the cache anew.
void ContentCache::give_up(const Error& error) {
  database_.reset();
  log(LogLevel::warning, "the {} is made anew: {}", what_, error.message);
  ++failures_;
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::error_code ignored;
    auto file = file_;
    std::filesystem::remove(file += suffix, ignored);
  }
}

std::optional<std::vector<std::byte>> ContentCache::find(std::string_view content_hash, std::int64_t variant) {
  const std::scoped_lock lock(mutex_);
  if (failures_ > kMaxFailures) return std::nullopt;
  auto found = try_find(content_hash, variant);
  if (found) return *std::move(found);
  give_up(found.error());
  return std::nullopt;
}

Result<std::optional<std::vector<std::byte>>> ContentCache::try_find(std::string_view content_hash,
                                                                     std::int64_t variant) {
  EIDETIC_CHECK(open());
  EIDETIC_TRY(Statement query,
              database_->query("SELECT checksum, content FROM contents WHERE hash = ?1 AND variant = ?2"));
  EIDETIC_TRY(const bool there, query.bind(content_hash).bind(variant).step());
  if (!there) return std::nullopt;
  const auto content = query.blob(1);
  if (static_cast<std::int64_t>(checksum(content)) != query.integer(0)) {
    return fail(ErrorCode::corrupt, "what it holds is damaged");
  }
  return std::vector<std::byte>(content.begin(), content.end());
}

void ContentCache::keep(std::string_view content_hash, std::int64_t variant, std::span<const std::byte> content) {
  const std::scoped_lock lock(mutex_);
  if (failures_ > kMaxFailures || content.size() > max_bytes_) return;
  if (const auto kept = try_keep(content_hash, variant, content); !kept) give_up(kept.error());
}

Result<void> ContentCache::try_keep(std::string_view content_hash, std::int64_t variant,
                                    std::span<const std::byte> content) {
  EIDETIC_CHECK(open());
  EIDETIC_CHECK(make_room(content.size()));
  EIDETIC_TRY(Statement query, database_->query("INSERT INTO contents (hash, variant, checksum, bytes, content) "
                                                "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING"));
  query.bind(content_hash).bind(variant).bind(static_cast<std::int64_t>(checksum(content)));
  EIDETIC_CHECK(query.bind(static_cast<std::int64_t>(content.size())).bind(content).run());
  if (database_->changes() > 0) bytes_ += content.size();
  return {};
}

Result<void> ContentCache::make_room(std::uint64_t wanted) {
  while (bytes_ > 0 && bytes_ + wanted > max_bytes_) {
    EIDETIC_TRY(Statement query,
                database_->query("DELETE FROM contents WHERE key IN (SELECT key FROM contents ORDER BY key LIMIT 1) "
                                 "RETURNING bytes"));
    EIDETIC_TRY(const bool there, query.step());
    if (!there) {
      bytes_ = 0;
      break;
    }
    bytes_ -= std::min(bytes_, static_cast<std::uint64_t>(query.integer(0)));
    EIDETIC_CHECK(query.run());
  }
  return {};
}

}  // namespace eidetic
