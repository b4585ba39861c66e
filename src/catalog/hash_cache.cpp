#include "catalog/hash_cache.h"

#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "catalog/schema.h"
#include "catalog/sqlite.h"

namespace eidetic {
namespace {

constexpr Schema kSchema{.what = "hash cache",
                         .application_id = 0x45494448,  // "EIDH"
                         .version = 1,
                         .tables = R"sql(
CREATE TABLE hashes (
  content  TEXT PRIMARY KEY,
  straight INTEGER NOT NULL,
  mirrored INTEGER NOT NULL,
  width    INTEGER NOT NULL,
  height   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql",
                         .durable = false};

constexpr unsigned kMaxFailures = 3;  // of making it anew: a disk that is full stays full

}  // namespace

HashCache::HashCache(std::filesystem::path file) : file_(std::move(file)) {}
HashCache::~HashCache() = default;

Result<void> HashCache::open() {
  if (database_ != nullptr) return {};
  EIDETIC_CHECK(make_directories(file_.parent_path()));
  EIDETIC_TRY(auto database, Database::open(file_, Database::Access::create));
  EIDETIC_CHECK(prepare_schema(*database, file_, kSchema));
  database_ = std::move(database);
  return {};
}

// The next use makes the cache anew.
void HashCache::give_up(const Error& error) {
  database_.reset();
  log(LogLevel::warning, "the hash cache is made anew: {}", error.message);
  ++failures_;
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::error_code ignored;
    auto file = file_;
    std::filesystem::remove(file += suffix, ignored);
  }
}

std::optional<PictureHash> HashCache::find(std::string_view content_hash) {
  const std::scoped_lock lock(mutex_);
  if (failures_ > kMaxFailures) return std::nullopt;
  auto found = try_find(content_hash);
  if (found) return *found;
  give_up(found.error());
  return std::nullopt;
}

Result<std::optional<PictureHash>> HashCache::try_find(std::string_view content_hash) {
  EIDETIC_CHECK(open());
  EIDETIC_TRY(Statement query,
              database_->query("SELECT straight, mirrored, width, height FROM hashes WHERE content = ?1"));
  EIDETIC_TRY(const bool there, query.bind(content_hash).step());
  if (!there) return std::nullopt;
  return PictureHash{.straight = static_cast<std::uint64_t>(query.integer(0)),
                     .mirrored = static_cast<std::uint64_t>(query.integer(1)),
                     .width = static_cast<std::int32_t>(query.integer(2)),
                     .height = static_cast<std::int32_t>(query.integer(3))};
}

void HashCache::keep(std::span<const Entry> entries) {
  if (entries.empty()) return;
  const std::scoped_lock lock(mutex_);
  if (failures_ > kMaxFailures) return;
  if (const auto kept = try_keep(entries); !kept) give_up(kept.error());
}

Result<void> HashCache::try_keep(std::span<const Entry> entries) {
  EIDETIC_CHECK(open());
  return database_->transaction([&]() -> Result<void> {
    for (const auto& [content_hash, hash] : entries) {
      EIDETIC_TRY(Statement query, database_->query("INSERT INTO hashes (content, straight, mirrored, width, height) "
                                                    "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING"));
      query.bind(content_hash).bind(static_cast<std::int64_t>(hash.straight));
      query.bind(static_cast<std::int64_t>(hash.mirrored)).bind(std::int64_t{hash.width});
      EIDETIC_CHECK(query.bind(std::int64_t{hash.height}).run());
    }
    return {};
  });
}

}  // namespace eidetic
