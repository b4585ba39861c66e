// Small JPEG pictures on disk, by what they were made of; a cache: not synced, bounded, and made anew when damaged.
//
// Thread-safe. Nothing here fails the caller: what cannot be read is not there, what cannot be kept is not kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

class Database;

class ThumbnailCache {
 public:
  // Above `max_bytes` in all, the oldest go.
  ThumbnailCache(std::filesystem::path file, std::uint64_t max_bytes);
  ThumbnailCache(const ThumbnailCache&) = delete;
  ThumbnailCache& operator=(const ThumbnailCache&) = delete;
  ~ThumbnailCache();

  // Of the picture with this content hash, made for this size; nullopt: make one.
  [[nodiscard]] std::optional<std::vector<std::byte>> find(std::string_view content_hash, std::uint32_t size);
  void keep(std::string_view content_hash, std::uint32_t size, std::span<const std::byte> jpeg);

 private:
  [[nodiscard]] Result<void> open();
  [[nodiscard]] Result<std::optional<std::vector<std::byte>>> try_find(std::string_view content_hash,
                                                                       std::uint32_t size);
  [[nodiscard]] Result<void> try_keep(std::string_view content_hash, std::uint32_t size,
                                      std::span<const std::byte> jpeg);
  [[nodiscard]] Result<void> make_room(std::uint64_t wanted);
  void give_up(const Error& error);

  const std::filesystem::path file_;
  const std::uint64_t max_bytes_;
  std::mutex mutex_;
  std::unique_ptr<Database> database_;  // null: not open
  std::uint64_t bytes_ = 0;             // of all pictures in it
  unsigned failures_ = 0;
};

}  // namespace eidetic
