// From a query's terms to the one vector that is searched with.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "eidetic/backend.h"
#include "eidetic/blobs.h"
#include "eidetic/embedder.h"
#include "eidetic/engine.h"

#include "base/threads.h"

namespace eidetic {

struct QueryParts {
  Backend& backend;
  const Blobs& blobs;
  DecodeOptions decode;
  ThreadPool& pool;
  // The collection's model, which has to make the same vectors as the one of this name, where one is named; asked for
  // when a term needs it or the query names one.
  std::function<Result<std::shared_ptr<const Embedder>>(const std::string& model)> embedder;
};

// As Engine does, in `collection`, and as deep as `depth` where a query does not say.
[[nodiscard]] Result<SearchResult> search(const QueryParts& parts, const CollectionSpec& collection, const Query& query,
                                          const SearchDepth& depth);
[[nodiscard]] Result<std::vector<Result<SearchResult>>> search(const QueryParts& parts,
                                                               const CollectionSpec& collection,
                                                               std::span<const Query> queries,
                                                               const SearchDepth& depth);
[[nodiscard]] Result<SearchWalk> walk(const QueryParts& parts, const CollectionSpec& collection, const Query& query,
                                      const SearchDepth& depth);

// As Engine does.
[[nodiscard]] Result<Image> contact_sheet(const Blobs& blobs, const DecodeOptions& decode, const Query& query);

// A single vector of weight 1 as it is; else the sum of the vectors' directions times their weights, stretched to the
// vectors' mean length. As many weights as vectors, at least one. invalid_argument where a vector is zero or the sum
// vanishes.
[[nodiscard]] Result<Vector> combine(std::span<const Vector> vectors, std::span<const double> weights);

}  // namespace eidetic
