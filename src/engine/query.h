// From a query's terms to the one vector that is searched with.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "eidetic/backend.h"
#include "eidetic/blobs.h"
#include "eidetic/embedder.h"
#include "eidetic/engine.h"

#include "engine/stages.h"

namespace eidetic {

struct QueryParts {
  Backend& backend;
  const Blobs& blobs;
  DecodeOptions decode;
  // The collection's model; only asked for when a term needs it.
  std::function<Result<std::shared_ptr<const Embedder>>()> embedder;
};

// Engine::search in `collection`, as deep as `depth` where the query does not say.
[[nodiscard]] Result<SearchResult> search(const QueryParts& parts, const CollectionSpec& collection, const Query& query,
                                          const SearchDepth& depth);

// A single vector of weight 1 as it is; else the sum of the vectors' directions times their weights, stretched to the
// vectors' mean length. As many weights as vectors, at least one. invalid_argument where a vector is zero or the sum
// vanishes.
[[nodiscard]] Result<Vector> combine(std::span<const Vector> vectors, std::span<const double> weights);

}  // namespace eidetic
