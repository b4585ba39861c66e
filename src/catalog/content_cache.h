// What was made of pictures (thumbnails, local features), on disk by what it was made of; a cache: not synced, bounded,
// and made anew when damaged.
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

class ContentCache {
 public:
  // Above `max_bytes` in all, the oldest go. `what` it is, for the log: "thumbnail cache".
  ContentCache(std::string what, std::filesystem::path file, std::uint64_t max_bytes);
  ContentCache(const ContentCache&) = delete;
  ContentCache& operator=(const ContentCache&) = delete;
  virtual ~ContentCache();

  // Of the picture with this content hash, in this variant, which is the caller's to number; nullopt: make one.
  [[nodiscard]] virtual std::optional<std::vector<std::byte>> find(std::string_view content_hash, std::int64_t variant);
  virtual void keep(std::string_view content_hash, std::int64_t variant, std::span<const std::byte> content);

 private:
  [[nodiscard]] Result<void> open();
  [[nodiscard]] Result<std::optional<std::vector<std::byte>>> try_find(std::string_view content_hash,
                                                                       std::int64_t variant);
  [[nodiscard]] Result<void> try_keep(std::string_view content_hash, std::int64_t variant,
                                      std::span<const std::byte> content);
  [[nodiscard]] Result<void> make_room(std::uint64_t wanted);
  void give_up(const Error& error);

  const std::string what_;
  const std::filesystem::path file_;
  const std::uint64_t max_bytes_;
  std::mutex mutex_;
  std::unique_ptr<Database> database_;  // null: not open
  std::uint64_t bytes_ = 0;             // of all that is in it
  unsigned failures_ = 0;
};

}  // namespace eidetic
