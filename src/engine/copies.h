// Which pairs of items are copies of each other, by what is at hand of them: content hashes, perceptual hashes, which
// are kept, and the pictures themselves.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/blobs.h"
#include "eidetic/engine.h"

#include "base/threads.h"
#include "catalog/hash_cache.h"

namespace eidetic {

struct CopyParts {
  const Blobs& blobs;
  HashCache& hashes;
  ThreadPool& pool;
  DecodeOptions decode;
};

// Where a picture is, and the hash of its content as far as known; both empty: there is none.
struct PictureSource {
  std::string uri;
  std::string content_hash;
};

struct CopyPair {
  std::uint32_t a = 0, b = 0;  // numbers of two pictures
  float similarity = 0;        // of their vectors

  // Of the judgement:
  std::optional<int> hash_distance = {};
  double copy_score = 0;
  CopyEvidence evidence = CopyEvidence::vectors;
};

// Judges pairs of `count` pictures, numbered from 0. Holds 33 bytes of memory a picture, and of at most about a
// thousand of them what it takes to compare pixels (135 MB). One thread calls it, the pool works.
class CopyJudge {
 public:
  // The sources of pictures by their numbers, one each, in order.
  using Sources = std::function<Result<std::vector<PictureSource>>(std::span<const std::uint32_t>)>;
  using Progress = std::function<void(std::string_view stage, std::uint64_t done, std::uint64_t total)>;

  CopyJudge(const CopyParts& parts, std::size_t count, Sources sources)
      : parts_(parts), sources_(std::move(sources)), hashes_(count), looked_at_(count) {}

  // Fills in the judgement of every pair. Pairs that lie together in `pairs` should have pictures in common. Errors:
  // of the sources; unavailable where `stop` is asked for.
  [[nodiscard]] Result<void> judge(std::span<CopyPair> pairs, Verify verify, const Progress& progress,
                                   const std::stop_token& stop);

  // What is known of a picture that was in a pair: nullopt where it could not be read.
  [[nodiscard]] const std::optional<PictureHash>& hash(std::uint32_t picture) const { return hashes_[picture]; }
  // Hashes of these pictures are made, where they are not known.
  [[nodiscard]] Result<void> look_at(std::span<const std::uint32_t> pictures, const Progress& progress,
                                     const std::stop_token& stop);
  [[nodiscard]] std::uint64_t unreadable() const noexcept { return unreadable_; }
  [[nodiscard]] std::uint64_t verified() const noexcept { return verified_; }

 private:
  const CopyParts parts_;
  const Sources sources_;
  std::vector<std::optional<PictureHash>> hashes_;  // by number
  std::vector<bool> looked_at_;
  std::uint64_t unreadable_ = 0, verified_ = 0;
};

// The items that new ones are copies of: one entry an item, in order, of what is stored in the collection or comes
// before it in `items`; an item of the same id is none. Items have vectors and can be read by their URIs. Of a copy of
// a copy in `items` the first is told where copies are not `kept`.
[[nodiscard]] Result<std::vector<std::optional<CopyOf>>> find_copies(Backend& backend, std::string_view collection,
                                                                     const CopyParts& parts,
                                                                     std::span<const Item> items, bool kept);

}  // namespace eidetic
