// Encoded pictures that are kept here, by the SHA-256 of their bytes: in one SQLite file beside the catalog, or where
// the engine is told to keep them.
//
// Thread-safe; of the file, readers run beside the one writer. Errors as of Catalog.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

struct StoredPicture {
  std::string hash;  // SHA-256 of the bytes, 64 lower-case hexadecimal digits
  std::span<const std::byte> bytes;
};

// Eight bytes for a hash: two that share them keep each other, which does no harm.
[[nodiscard]] std::uint64_t short_hash(std::string_view hash);

class PictureStore {
 public:
  // In a file, made if it is not there. Errors also: unsupported (written by a newer Eidetic).
  [[nodiscard]] static Result<std::unique_ptr<PictureStore>> open(const std::filesystem::path& file);
  virtual ~PictureStore() = default;

  // All of them, durable when this returns; those that are there count as stored now.
  [[nodiscard]] virtual Result<void> put(std::span<const StoredPicture> pictures, std::int64_t now_ms) = 0;
  // Those of them that are there count as stored now, so that no sweep takes them for an hour.
  [[nodiscard]] virtual Result<void> touch(std::span<const std::string> hashes, std::int64_t now_ms) = 0;
  // not_found; overloaded for more than max_bytes, before they are read.
  [[nodiscard]] virtual Result<std::vector<std::byte>> read(std::string_view hash, std::size_t max_bytes) = 0;
  // Deletes what was stored before `before_ms` and whose short_hash is not one of `wanted`, which are sorted; how many.
  // Of that, what is put meanwhile stays.
  [[nodiscard]] virtual Result<std::uint64_t> sweep(std::span<const std::uint64_t> wanted, std::int64_t before_ms) = 0;
  // A copy of what is in the file, as of now, into a new one, while reading and writing go on.
  [[nodiscard]] virtual Result<void> backup_to(const std::filesystem::path& file) = 0;
};

}  // namespace eidetic
