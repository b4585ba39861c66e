// Encoded pictures that the data folder keeps itself, by the SHA-256 of their bytes, in one SQLite file beside the
// catalog.
//
// Thread-safe: readers run beside the one writer. Errors as of Catalog.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

class Connections;

struct StoredPicture {
  std::string hash;  // SHA-256 of the bytes, 64 lower-case hexadecimal digits
  std::span<const std::byte> bytes;
};

class PictureStore {
 public:
  // Made if it is not there. Errors also: unsupported (written by a newer Eidetic).
  [[nodiscard]] static Result<std::unique_ptr<PictureStore>> open(const std::filesystem::path& file);
  PictureStore(const PictureStore&) = delete;
  PictureStore& operator=(const PictureStore&) = delete;
  ~PictureStore();

  // All of them in one synced transaction; those that are there count as stored now.
  [[nodiscard]] Result<void> put(std::span<const StoredPicture> pictures, std::int64_t now_ms);
  // Those of them that are there count as stored now, so that no sweep takes them for an hour.
  [[nodiscard]] Result<void> touch(std::span<const std::string> hashes, std::int64_t now_ms);
  // not_found; overloaded for more than max_bytes, before they are read.
  [[nodiscard]] Result<std::vector<std::byte>> read(std::string_view hash, std::size_t max_bytes);
  // Deletes what was stored before `before_ms` and is not `wanted`; how many. Of that, what is put meanwhile stays.
  [[nodiscard]] Result<std::uint64_t> sweep(const std::function<bool(const std::string& hash)>& wanted,
                                            std::int64_t before_ms);
  // A copy as of now into a new file, while reading and writing go on.
  [[nodiscard]] Result<void> backup_to(const std::filesystem::path& file);

 private:
  explicit PictureStore(std::unique_ptr<Connections> connections) noexcept;

  std::unique_ptr<Connections> connections_;
};

}  // namespace eidetic
