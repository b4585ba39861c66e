// Keypoint verification of hits: whether they show what the query's picture shows, and where (refine/alignment.h).
//
// The features of items are kept in a cache under the hash of their pictures and the options that they were made with,
// so that the next query reads no picture.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/engine.h"

#include "engine/query_parts.h"
#include "refine/local_features.h"

namespace eidetic {

// What is looked for in the hits.
struct SoughtPicture {
  std::vector<std::byte> bytes;  // encoded
  std::string name;              // for errors
  std::optional<Crop> crop = {};
};

// Thread-safe. `parts` are to outlive it.
class Verifier {
 public:
  [[nodiscard]] static Result<Verifier> of(const QueryParts& parts, const SoughtPicture& picture);

  // Whether the picture has enough to be told by (has_enough_texture).
  [[nodiscard]] bool can_tell() const noexcept { return can_tell_; }
  // Verifies all of them on all threads and ranks them anew: verified ones first, the surest before; the others as they
  // were. One that cannot be read says so in its note.
  [[nodiscard]] Result<void> rank(std::string_view collection, std::span<SearchHit> hits) const;
  // The picture beside the hit's, with what agrees.
  [[nodiscard]] Result<Image> draw(const Item& hit) const;

 private:
  explicit Verifier(const QueryParts& parts) : parts_(parts) {}
  [[nodiscard]] Result<Image> decode(Bytes bytes, std::string_view name, const std::optional<Crop>& crop) const;
  [[nodiscard]] Result<LocalFeatures> features_of(const Item& item) const;
  [[nodiscard]] Verification verify(const Item& item) const;

  const QueryParts& parts_;
  Image picture_;
  LocalFeatures features_, mirrored_features_;
  bool can_tell_ = false;
};

}  // namespace eidetic
