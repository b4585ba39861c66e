#include "catalog/thumbnail_cache.h"

#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "catalog/schema.h"
#include "catalog/sqlite.h"

namespace eidetic {
namespace {

constexpr Schema kSchema{.what = "thumbnail cache",
                         .application_id = 0x45494454,  // "EIDT"
                         .version = 1,
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
                         .durable = false};

constexpr unsigned kMaxFailures = 3;  // of making it anew: a disk that is full stays full

}  // namespace

ThumbnailCache::ThumbnailCache(std::filesystem::path file, std::uint64_t max_bytes)
    : file_(std::move(file)), max_bytes_(max_bytes) {}
ThumbnailCache::~ThumbnailCache() = default;

Result<void> ThumbnailCache::open() {
  if (database_ != nullptr) return {};
  EIDETIC_CHECK(make_directories(file_.parent_path()));
  EIDETIC_TRY(auto database, Database::open(file_, Database::Access::create));
  EIDETIC_CHECK(prepare_schema(*database, file_, kSchema));
  EIDETIC_TRY(Statement query,
              database->query("SELECT coalesce(sum(bytes), 0) FROM thumbnails INDEXED BY thumbnails_by_bytes"));
  EIDETIC_CHECK(query.step());
  bytes_ = static_cast<std::uint64_t>(query.integer(0));
  database_ = std::move(database);
  return {};
}

// The next use makes the cache anew.
void ThumbnailCache::give_up(const Error& error) {
  database_.reset();
  log(LogLevel::warning, "the thumbnail cache is made anew: {}", error.message);
  ++failures_;
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::error_code ignored;
    auto file = file_;
    std::filesystem::remove(file += suffix, ignored);
  }
}

std::optional<std::vector<std::byte>> ThumbnailCache::find(std::string_view content_hash, std::uint32_t size) {
  const std::scoped_lock lock(mutex_);
  if (failures_ > kMaxFailures) return std::nullopt;
  auto found = try_find(content_hash, size);
  if (found) return *std::move(found);
  give_up(found.error());
  return std::nullopt;
}

Result<std::optional<std::vector<std::byte>>> ThumbnailCache::try_find(std::string_view content_hash,
                                                                       std::uint32_t size) {
  EIDETIC_CHECK(open());
  EIDETIC_TRY(Statement query, database_->query("SELECT checksum, jpeg FROM thumbnails WHERE hash = ?1 AND size = ?2"));
  EIDETIC_TRY(const bool there, query.bind(content_hash).bind(std::int64_t{size}).step());
  if (!there) return std::nullopt;
  const auto jpeg = query.blob(1);
  if (static_cast<std::int64_t>(checksum(jpeg)) != query.integer(0)) {
    return fail(ErrorCode::corrupt, "a picture in it is damaged");
  }
  return std::vector<std::byte>(jpeg.begin(), jpeg.end());
}

void ThumbnailCache::keep(std::string_view content_hash, std::uint32_t size, std::span<const std::byte> jpeg) {
  const std::scoped_lock lock(mutex_);
  if (failures_ > kMaxFailures || jpeg.size() > max_bytes_) return;
  if (const auto kept = try_keep(content_hash, size, jpeg); !kept) give_up(kept.error());
}

Result<void> ThumbnailCache::try_keep(std::string_view content_hash, std::uint32_t size,
                                      std::span<const std::byte> jpeg) {
  EIDETIC_CHECK(open());
  EIDETIC_CHECK(make_room(jpeg.size()));
  EIDETIC_TRY(Statement query, database_->query("INSERT INTO thumbnails (hash, size, checksum, bytes, jpeg) "
                                                "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING"));
  query.bind(content_hash).bind(std::int64_t{size}).bind(static_cast<std::int64_t>(checksum(jpeg)));
  EIDETIC_CHECK(query.bind(static_cast<std::int64_t>(jpeg.size())).bind(jpeg).run());
  if (database_->changes() > 0) bytes_ += jpeg.size();
  return {};
}

Result<void> ThumbnailCache::make_room(std::uint64_t wanted) {
  while (bytes_ > 0 && bytes_ + wanted > max_bytes_) {
    EIDETIC_TRY(
        Statement query,
        database_->query("DELETE FROM thumbnails WHERE key IN (SELECT key FROM thumbnails ORDER BY key LIMIT 1) "
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
