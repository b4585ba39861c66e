// The class that a query is of, and the hits that are left where only that class is searched.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/backend.h"
#include "eidetic/engine.h"
#include "eidetic/filter.h"

#include "engine/query_parts.h"

namespace eidetic {

// What the classifier that the query names says of it and its variants together (vote), or the query itself; `fallback`
// is "unsure" where it is not sure enough. Errors: not_found, of a classifier; invalid_argument, of a class that there
// is not.
[[nodiscard]] Result<Classification> classify_query(const QueryParts& parts, const CollectionSpec& collection,
                                                    const Query& query, std::span<const Vector> vectors);

// Items that pass a filter and are of the class.
[[nodiscard]] Result<Filter> within_class(const Filter& filter, std::string_view classifier,
                                          std::string_view class_name);

using FindHits = std::function<Result<std::vector<Hit>>(const Filter& filter, std::uint32_t k)>;

// The `k` hits of the class, or, with the reason noted, of all. `filter` becomes the one that was searched with.
[[nodiscard]] Result<std::vector<Hit>> search_class(Classification& told, Filter& filter, std::uint32_t k,
                                                    Metric metric, const FindHits& find);

}  // namespace eidetic
