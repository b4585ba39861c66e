// Stored pictures and thumbnails in S3, where several engines share them. Below one place:
//
//   pictures/3f/3fb2c1…        a picture, by the SHA-256 of its bytes
//   thumbnails/3f/3fb2c1…-512  what was made of it, by size; a cache that a lifecycle rule may empty
//   wanted/ENGINE              what the collections and jobs of one engine name, as of its last sweep: short hashes
//   doomed/ENGINE              what that engine is deleting now
//
// A sweep deletes what no engine's list names and what was stored a day (young_s) before the oldest of these lists. An
// engine that is gone for good keeps what its list names, until somebody deletes that. Whoever stores a picture looks
// whether it is doomed after it has stored it, and whoever deletes one looks how old it is after having doomed it: of
// two who meet one sees the other.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/threads.h"
#include "catalog/content_cache.h"
#include "catalog/picture_store.h"
#include "s3/client.h"

namespace eidetic {

struct S3Store {
  const S3Client& client;  // outlives what is made of this
  S3Place place;
  std::string engine;             // a name that no other engine has
  std::int64_t young_s = 86'400;  // what is younger than this is not deleted
};

// The store at `uri`, by the name that the data folder has there. Errors: no such place, and those of reaching it.
[[nodiscard]] Result<S3Store> open_s3_store(const S3Client& client, const std::string& uri,
                                            const std::filesystem::path& data_dir);

// What `before` has is read where the store has it not.
[[nodiscard]] std::unique_ptr<PictureStore> s3_pictures(const S3Store& store, std::unique_ptr<PictureStore> before,
                                                        ThreadPool& pool);

// In front of it, a cache on disk as ContentCache is one.
class S3Thumbnails final : public ContentCache {
 public:
  S3Thumbnails(S3Store store, std::filesystem::path file, std::uint64_t max_bytes)
      : ContentCache("thumbnail cache", std::move(file), max_bytes), store_(std::move(store)) {}

  [[nodiscard]] std::optional<std::vector<std::byte>> find(std::string_view content_hash,
                                                           std::int64_t variant) override;
  void keep(std::string_view content_hash, std::int64_t variant, std::span<const std::byte> content) override;

 private:
  S3Store store_;
};

}  // namespace eidetic
