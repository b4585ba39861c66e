// From a query to its answer.
#pragma once

#include <span>
#include <vector>

#include "eidetic/backend.h"
#include "eidetic/engine.h"

#include "engine/query_parts.h"

namespace eidetic {

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
[[nodiscard]] Result<Image> alignment(const QueryParts& parts, const CollectionSpec& collection, const Query& query,
                                      const Item& hit);

}  // namespace eidetic
