// Filters in the query language of OpenSearch and Elasticsearch, over documents as lucene_document.h makes them: a
// document passes exactly where Filter::matches says so of its item. Pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "eidetic/filter.h"

#include "base/filter_node.h"
#include "base/json.h"

namespace eidetic {

// Of a field: the document's field of its tokens; that of @id holds ids as they are.
[[nodiscard]] std::string tokens_field(const FieldName& field);
[[nodiscard]] std::string numbers_field(const FieldName& field);
[[nodiscard]] bool is_id(const FieldName& field);

// Documents in which a field is not there or null, or a list with a null.
[[nodiscard]] Json lacking(const FieldName& field);
[[nodiscard]] Json has_field(std::string_view name);
[[nodiscard]] Json none_of(Json queries);

// What only narrows a search down, for the `filter` of a bool query: a list of queries that all have to pass.
[[nodiscard]] Json filter_clauses(const Filter& filter, std::span<const std::string> exclude_ids = {});
// The same as one query.
[[nodiscard]] Json all_of(Json clauses);

}  // namespace eidetic
