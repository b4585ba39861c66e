// Perceptual hashes and sizes of pictures on disk, by what the pictures hold: a cache, not synced, and made anew when
// damaged. About 100 bytes a picture, that it may serve all collections.
//
// Thread-safe. Nothing here fails the caller: what cannot be read is not there, what cannot be kept is not kept.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "eidetic/error.h"

namespace eidetic {

class Database;

struct PictureHash {
  std::uint64_t straight = 0;  // of src/refine/perceptual_hash.h
  std::uint64_t mirrored = 0;
  std::int32_t width = 0;  // pixels
  std::int32_t height = 0;
};

class HashCache {
 public:
  explicit HashCache(std::filesystem::path file);
  HashCache(const HashCache&) = delete;
  HashCache& operator=(const HashCache&) = delete;
  ~HashCache();

  // Of the picture with this content hash.
  [[nodiscard]] std::optional<PictureHash> find(std::string_view content_hash);
  struct Entry {
    std::string content_hash;
    PictureHash hash;
  };
  // All of them in one transaction.
  void keep(std::span<const Entry> entries);

 private:
  [[nodiscard]] Result<void> open();
  [[nodiscard]] Result<std::optional<PictureHash>> try_find(std::string_view content_hash);
  [[nodiscard]] Result<void> try_keep(std::span<const Entry> entries);
  void give_up(const Error& error);

  const std::filesystem::path file_;
  std::mutex mutex_;
  std::unique_ptr<Database> database_;  // null: not open
  unsigned failures_ = 0;
};

}  // namespace eidetic
