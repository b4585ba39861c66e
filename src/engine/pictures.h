// From a URI to a vector: read, decode, cut out, embed. Each step's time goes to the caller's counters.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/blobs.h"
#include "eidetic/embedder.h"
#include "eidetic/engine.h"

#include "engine/stages.h"

namespace eidetic {

// Immutable: any call from any thread. What is given to the constructor must outlive it.
class PictureEmbedder {
 public:
  PictureEmbedder(const Blobs& blobs, const DecodeOptions& decode, const Embedder& embedder)
      : blobs_(blobs), decode_(decode), embedder_(embedder) {
    decode_.min_short_side = embedder.min_short_side();
  }

  [[nodiscard]] Result<std::vector<std::byte>> read(std::string_view uri, StageTimes& times) const;
  // Sets the vector of an item, and those of its parts, from its picture.
  [[nodiscard]] Result<void> embed_into(Item& item, Bytes bytes, std::string_view name, std::span<const Crop> regions,
                                        StageTimes& times) const;
  // The vector of an encoded picture, the same bits whether it is indexed or searched. `name` leads the errors of
  // decoding and embedding.
  [[nodiscard]] Result<Vector> embed(Bytes bytes, std::string_view name, const std::optional<Crop>& crop,
                                     StageTimes& times) const;
  // The same, and then its variants (see augment).
  [[nodiscard]] Result<std::vector<Vector>> embed_variants(Bytes bytes, std::string_view name,
                                                           const std::optional<Crop>& crop, std::uint64_t seed,
                                                           StageTimes& times) const;
  // The vectors of its regions, or of those of what a crop leaves of it, in order.
  [[nodiscard]] Result<std::vector<Vector>> embed_regions(Bytes bytes, std::string_view name,
                                                          const std::optional<Crop>& crop,
                                                          std::span<const Crop> regions, StageTimes& times) const;

 private:
  const Blobs& blobs_;
  DecodeOptions decode_;
  const Embedder& embedder_;
};

}  // namespace eidetic
