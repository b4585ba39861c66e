// Counts of a table's values, and items in their order.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "backend/random_order.h"
#include "cluster/qdrant_point.h"
#include "cluster/qdrant_store.h"

namespace eidetic {

Result<Facet> QdrantStore::facet(std::string_view table, const std::string& name, const FieldName& field,
                                 const QdrantFilter& filter, std::uint64_t items, std::uint32_t limit) {
  const bool texts = !qdrant_values_key(field).starts_with("k.");
  EIDETIC_TRY(const auto values, distinct(table, field, qdrant_must(filter)));
  Facet made;
  made.field = name;
  made.items = items;
  if (!texts) {
    EIDETIC_TRY(made.without, count_where(table, qdrant_must(filter, Json::array({qdrant_is_null(field)}))));
  }
  made.distinct = values.size();
  std::vector<const QdrantValue*> shown;
  for (const auto& each : values) {
    shown.push_back(&each);
    if (!each.value.is_number()) continue;
    const auto number = each.value.get<double>();
    made.least = std::min(made.least.value_or(number), number);
    made.largest = std::max(made.largest.value_or(number), number);
  }
  std::ranges::sort(shown, [](const QdrantValue* a, const QdrantValue* b) {
    if (a->items != b->items) return a->items > b->items;
    return qdrant_value_before(a->value, b->value);
  });
  shown.resize(std::min<std::size_t>(shown.size(), limit));
  for (const QdrantValue* each : shown) {
    made.values.push_back({.value = dump_json(each->value), .items = each->items});
  }
  return made;
}

Result<std::vector<QdrantValue>> QdrantStore::distinct(std::string_view table, const FieldName& field, Json must) {
  const std::string key = qdrant_values_key(field);
  const bool texts = !key.starts_with("k.");
  EIDETIC_CHECK(learn(table, {{key, "keyword"}}));
  Json body = {{"key", key}, {"limit", kMostDistinct + 1}, {"exact", true}};
  if (!must.empty()) body["filter"] = {{"must", std::move(must)}};
  EIDETIC_TRY(const Json answer, client_.read(path(table, "/facet"), dump_json(body)));
  std::vector<QdrantValue> values;
  for (const Json& hit : qdrant_at(answer, "hits")) {
    const std::string text = qdrant_text(hit, "value");
    Json value = texts ? Json(text) : Json::parse(text, nullptr, false);
    // Null, what equals nothing and the mark of mixed lists are no values.
    if (value.is_null() || value.is_structured() || value.is_discarded()) continue;
    values.push_back({.value = std::move(value), .items = qdrant_number(hit, "count")});
  }
  if (qdrant_at(answer, "hits").size() > kMostDistinct) {
    return fail(ErrorCode::unsupported,
                fmt::format("'{}' has more than {} values, which is more than Eidetic asks Qdrant to count",
                            to_string(field), kMostDistinct));
  }
  return values;
}

Result<std::vector<Facet>> QdrantStore::facets(std::string_view table, const FacetRequest& request) {
  std::vector<FieldName> fields;
  for (const auto& field : request.fields) {
    EIDETIC_TRY(fields.emplace_back(), parse_field(field));
  }
  EIDETIC_TRY(const QdrantFilter filter, prepared(table, request.filter));
  std::vector<Facet> facets(fields.size());
  for (std::size_t i = 0; i < fields.size(); ++i) facets[i].field = request.fields[i];
  EIDETIC_TRY(const auto items, count(table, request.filter, nullptr));
  if (items == 0) return facets;
  EIDETIC_CHECK(client_.each(fields.size(), [&](std::size_t i) -> Result<void> {
    EIDETIC_TRY(facets[i], facet(table, request.fields[i], fields[i], filter, items, request.limit));
    return {};
  }));
  return facets;
}

Result<ScrollPage> QdrantStore::sorted(std::string_view table, const SortedRequest& request) {
  EIDETIC_TRY(const auto seed, random_seed(request.field));
  FieldName field;
  if (!seed) {
    EIDETIC_TRY(field, parse_field(request.field));
  }
  std::optional<QdrantPlace> from;
  if (!request.cursor.empty()) {
    EIDETIC_TRY(from, QdrantPlace::parse(request.cursor));
  }
  EIDETIC_TRY(const QdrantFilter filter, prepared(table, request.filter));
  std::set<QdrantIndex> indexes = {{"version", "integer"}};
  if (seed) {
    indexes.emplace(qdrant_draw_key(*seed), "float");
  } else {
    indexes.emplace(qdrant_values_key(field), "keyword");
    indexes.emplace(qdrant_first_number_key(field, request.descending), "float");
  }
  EIDETIC_CHECK(learn(table, indexes));
  ScrollPage page;
  if (filter.passes == QdrantFilter::Passes::none) return page;
  QdrantTable asked{.scroll = {}, .distinct = {}, .must = qdrant_must(filter)};
  asked.scroll = [&](const Json& body) {
    const std::string text = dump_json(body);
    return client_.read(
        path(table, "/points/scroll"),
        fmt::format("{},{}}}", std::string_view(text).substr(0, text.size() - 1), qdrant_item_wishes(nullptr)));
  };
  asked.distinct = [&](const FieldName& of, Json must) { return distinct(table, of, std::move(must)); };
  // One more than asked for tells whether there is another page.
  const std::size_t limit = std::size_t{request.limit} + 1;
  EIDETIC_TRY(auto listed, seed ? qdrant_shuffled(asked, *seed, request.descending, from, limit)
                                : qdrant_ordered(asked, field, request.descending, from, limit));
  if (listed.size() == limit) {
    listed.pop_back();
    page.next = listed.back().place.cursor();
  }
  for (auto& each : listed) page.items.push_back(std::move(each.item));
  return page;
}

}  // namespace eidetic
