#include "catalog/picture_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "catalog/connections.h"

namespace eidetic {
namespace {

constexpr Schema kSchema{.what = "picture store",
                         .application_id = 0x45494450,  // "EIDP"
                         .version = 1,
                         .tables = R"sql(
CREATE TABLE pictures (
  hash      TEXT PRIMARY KEY,
  stored_ms INTEGER NOT NULL,
  bytes     BLOB NOT NULL
) STRICT;
-- Holds all that a sweep looks at.
CREATE INDEX pictures_by_age ON pictures (stored_ms, hash);
)sql"};

Result<void> touch_one(Database& writer, const std::string& hash, std::int64_t now_ms) {
  EIDETIC_TRY(Statement query, writer.query("UPDATE pictures SET stored_ms = ?1 WHERE hash = ?2"));
  return query.bind(now_ms).bind(hash).run();
}

class PictureFile final : public PictureStore {
 public:
  explicit PictureFile(std::unique_ptr<Connections> connections) noexcept : connections_(std::move(connections)) {}

  Result<void> put(std::span<const StoredPicture> pictures, std::int64_t now_ms) override {
    if (pictures.empty()) return {};
    const auto writer = connections_->writer();
    return writer->transaction([&]() -> Result<void> {
      for (const auto& [hash, bytes] : pictures) {
        EIDETIC_CHECK(touch_one(*writer, hash, now_ms));
        if (writer->changes() > 0) continue;
        EIDETIC_TRY(Statement query,
                    writer->query("INSERT INTO pictures (hash, stored_ms, bytes) VALUES (?1, ?2, ?3)"));
        EIDETIC_CHECK(query.bind(hash).bind(now_ms).bind(bytes).run());
      }
      return {};
    });
  }

  Result<void> touch(std::span<const std::string> hashes, std::int64_t now_ms) override {
    if (hashes.empty()) return {};
    const auto writer = connections_->writer();
    return writer->transaction([&]() -> Result<void> {
      for (const auto& hash : hashes) EIDETIC_CHECK(touch_one(*writer, hash, now_ms));
      return {};
    });
  }

  Result<std::vector<std::byte>> read(std::string_view hash, std::size_t max_bytes) override {
    EIDETIC_TRY(const auto reader, connections_->reader());
    EIDETIC_TRY(Statement query, reader->query("SELECT length(bytes), bytes FROM pictures WHERE hash = ?1"));
    EIDETIC_TRY(const bool there, query.bind(hash).step());
    if (!there) return fail(ErrorCode::not_found, fmt::format("there is no stored picture {}", hash));
    const auto size = static_cast<std::size_t>(query.integer(0));
    if (size > max_bytes) {
      return fail(ErrorCode::overloaded,
                  fmt::format("the stored picture {} has {} bytes; the limit is {}", hash, size, max_bytes));
    }
    const auto bytes = query.blob(1);
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  }

  Result<std::uint64_t> sweep(std::span<const std::uint64_t> wanted, std::int64_t before_ms) override {
    std::vector<std::string> unwanted;
    {
      EIDETIC_TRY(const auto reader, connections_->reader());
      EIDETIC_TRY(Statement query, reader->query("SELECT hash FROM pictures WHERE stored_ms < ?1"));
      query.bind(before_ms);
      while (true) {
        EIDETIC_TRY(const bool more, query.step());
        if (!more) break;
        auto hash = query.text(0);
        if (!std::ranges::binary_search(wanted, short_hash(hash))) unwanted.push_back(std::move(hash));
      }
    }
    constexpr std::size_t kPortion = 50;  // other writers wait meanwhile
    std::uint64_t deleted = 0;
    for (std::size_t begin = 0; begin < unwanted.size(); begin += kPortion) {
      const auto portion = std::span(unwanted).subspan(begin, std::min(kPortion, unwanted.size() - begin));
      const auto writer = connections_->writer();
      EIDETIC_CHECK(writer->transaction([&]() -> Result<void> {
        for (const auto& hash : portion) {
          EIDETIC_TRY(Statement query, writer->query("DELETE FROM pictures WHERE hash = ?1 AND stored_ms < ?2"));
          EIDETIC_CHECK(query.bind(hash).bind(before_ms).run());
          deleted += static_cast<std::uint64_t>(writer->changes());
        }
        return {};
      }));
      EIDETIC_CHECK(writer->execute("PRAGMA incremental_vacuum(4096)"));
    }
    return deleted;
  }

  Result<void> backup_to(const std::filesystem::path& file) override { return connections_->backup_to(file); }

 private:
  std::unique_ptr<Connections> connections_;
};

}  // namespace

std::uint64_t short_hash(std::string_view hash) { return checksum(std::as_bytes(std::span(hash))); }

Result<std::unique_ptr<PictureStore>> PictureStore::open(const std::filesystem::path& file) {
  EIDETIC_TRY(auto connections, Connections::open(file, kSchema));
  return std::make_unique<PictureFile>(std::move(connections));
}

}  // namespace eidetic
