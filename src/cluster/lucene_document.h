// How items are documents of OpenSearch and Elasticsearch: names, ids, and metadata as fields that can be filtered,
// sorted and counted exactly. Pure functions; docs/backends.md shows a document.
//
// A value of metadata is a token, which sorts as values do:
//   number   "1", 16 hexadecimal digits that rise with the number, then 'i' and, beyond what doubles tell apart, three
//            digits more for one that was written as an integer; 'd' for others
//   string   "2" and the text; of a long one its beginning and a digest
//   boolean  "3f", "3t"
//   others   "4": objects, empty lists, lists in lists
// null is nothing; in a list that holds something else too, it is noted apart.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "eidetic/error.h"
#include "eidetic/item.h"

#include "base/filter_node.h"
#include "base/json.h"
#include "cluster/document_store.h"

namespace eidetic {

// What a table is called there: lower case, and other for tables that differ in case alone.
[[nodiscard]] std::string lucene_alias(std::string_view prefix, std::string_view table);

// _id: at most 512 bytes are possible.
[[nodiscard]] std::string lucene_id(std::string_view id);

// A field of metadata, or @uri, as one field's name without dots.
[[nodiscard]] std::string lucene_key(const FieldName& field);

// Of longer texts the token has a beginning that is longer than anything a filter can compare with.
inline constexpr std::size_t kMaxTokenText = 16'000;
inline constexpr std::string_view kOtherToken = "4";
[[nodiscard]] std::string string_token(std::string_view text);
// The token of a number without what tells how it was written: all that are equal to it as doubles begin so.
[[nodiscard]] std::string double_token(double number);
[[nodiscard]] std::string number_token(const Json& number);
// Of a string, a number or a boolean.
[[nodiscard]] std::string value_token(const Json& value);
// What it was made of; of a long text its beginning.
[[nodiscard]] Json token_value(std::string_view token);

// A document's fields that hold what may be changed without its vectors.
[[nodiscard]] Json facts_document(const Item& item);
// A whole document, as JSON.
[[nodiscard]] std::string item_document(const Item& item, std::uint64_t version, const VectorField& field);
// The shortest numbers that give back the same floats.
void append_vector(std::string& text, std::span<const float> vector);
// The same for a body that is made as JSON: as short as they can be, which is half as long as the doubles they are.
[[nodiscard]] Json vector_json(std::span<const float> vector);

// What of a document makes an item, for `_source`.
[[nodiscard]] Json facts_source(const VectorField* field);
// conflict: it is no document of ours.
[[nodiscard]] Result<Item> document_item(const Json& source, const VectorField* field);

}  // namespace eidetic
