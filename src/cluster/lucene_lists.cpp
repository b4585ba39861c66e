// The verbs of LuceneStore on many items: pages of them, counts, values.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "backend/random_order.h"
#include "cluster/lucene_document.h"
#include "cluster/lucene_query.h"
#include "cluster/lucene_store.h"

namespace eidetic {
namespace {

constexpr std::size_t kPageBytes = 16'000'000;  // of vectors in one answer, give or take
constexpr std::size_t kComponentBytes = 12;     // as text
constexpr std::uint32_t kPage = 5000;
constexpr std::uint32_t kMaxBuckets = 50'000;  // of one request; engines stop at 65,536
constexpr std::uint32_t kExactDistinct = 40'000;

Json by(std::string_view field, std::string_view order) {
  Json made = Json::object();
  made[std::string(field)] = order;
  return made;
}

// What a page begins behind, for search_after: as many entries as there are keys of the order.
Result<Json> parse_cursor(const std::string& cursor, const Json& order) {
  Json json = Json::parse(cursor, nullptr, false);
  const auto scalar = [](const Json& entry) { return !entry.is_structured(); };
  const bool sound = json.is_array() && json.size() == order.size() && std::ranges::all_of(json, scalar) &&
                     json.back().is_string() && (json.size() == 2 ? json[0].is_number() : json[1].is_number_integer());
  if (sound) return json;
  return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no cursor of a sorted list", cursor));
}

// Where an order has an item by a number that is drawn from its id and the seed: others that come or go leave it.
Json drawn(Json clauses, std::uint64_t seed) {
  return {{"function_score",
           {{"query", all_of(std::move(clauses))},
            {"boost_mode", "replace"},
            {"functions",
             Json::array({{{"random_score", {{"seed", static_cast<std::int64_t>(seed)}, {"field", "id"}}}}})}}}};
}

// Values of a field and what else is told of it, as aggregations of one search.
void add_facet(Json& aggregations, std::size_t place, const FieldName& field, std::uint32_t limit) {
  const auto name = [&](std::string_view what) { return fmt::format("{}{}", what, place); };
  const std::string tokens = tokens_field(field);
  // Of several shards each tells more than are wanted, as what is frequent in one need not be in all.
  Json values = {{"field", tokens}, {"size", limit}, {"shard_size", std::max(kPage, limit)}};
  aggregations[name("distinct")] = {{"cardinality", {{"field", tokens}, {"precision_threshold", kExactDistinct}}}};
  if (!is_id(field)) {
    values["exclude"] = Json::array({kOtherToken});
    Json others = Json::object();
    others["term"][tokens] = kOtherToken;
    aggregations[name("others")] = {{"filter", std::move(others)}};
    aggregations[name("without")] = {{"filter", lacking(field)}};
    aggregations[name("least")] = {{"min", {{"field", numbers_field(field)}}}};
    aggregations[name("largest")] = {{"max", {{"field", numbers_field(field)}}}};
  }
  aggregations[name("values")] = {{"terms", std::move(values)}};
}

Facet read_facet(const Json& aggregations, std::size_t place, const FieldName& field, std::uint32_t limit) {
  const auto name = [&](std::string_view what) { return fmt::format("{}{}", what, place); };
  Facet facet;
  facet.without = count_in(aggregations, {name("without"), "doc_count"});
  const Json& buckets = part_of(aggregations, {name("values"), "buckets"});
  for (const Json& bucket : buckets) {
    const std::string token = text_in(bucket, {"key"});
    facet.values.push_back({.value = dump_json(is_id(field) ? Json(token) : token_value(token)),
                            .items = count_in(bucket, {"doc_count"})});
  }
  facet.distinct = facet.values.size();
  if (facet.distinct == limit) {
    const auto all = count_in(aggregations, {name("distinct"), "value"});
    const std::uint64_t others = count_in(aggregations, {name("others"), "doc_count"}) > 0 ? 1 : 0;
    facet.distinct = std::max(facet.distinct, all - std::min(all, others));
  }
  const auto number = [&](std::string_view what) {
    const Json& value = part_of(aggregations, {name(what), "value"});
    return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
  };
  facet.least = number("least");
  facet.largest = number("largest");
  return facet;
}

}  // namespace

Result<LuceneStore::Pages> LuceneStore::pages(std::string_view table, Json body, const VectorField* field,
                                              std::uint32_t limit) {
  const std::size_t vector_bytes = field == nullptr ? 1 : field->space.dimensions * kComponentBytes;
  const auto most = static_cast<std::uint32_t>(std::clamp<std::size_t>(kPageBytes / vector_bytes, 1, kPage));
  body["_source"] = facts_source(field);
  body["track_total_hits"] = false;
  Pages pages;
  Json last;
  for (;;) {
    // One more than asked for tells whether there is another page.
    const auto wanted = std::min(most, limit + 1 - static_cast<std::uint32_t>(pages.items.size()));
    body["size"] = wanted;
    EIDETIC_TRY(const auto hits, search(table, body, "a page of items"));
    for (const Json& hit : hits.documents) {
      if (pages.items.size() == limit) {
        pages.next = std::move(last);
        return pages;
      }
      EIDETIC_TRY(pages.items.emplace_back(), document_item(part_of(hit, {"_source"}), field));
      last = part_of(hit, {"sort"});
    }
    if (hits.documents.size() < wanted) return pages;
    body["search_after"] = last;
  }
}

Result<ScrollPage> LuceneStore::scroll(std::string_view table, std::string_view cursor, std::uint32_t limit,
                                       const VectorField* field) {
  Json body = {{"sort", Json::array({by("id", "asc")})}};
  if (!cursor.empty()) body["search_after"] = Json::array({cursor});
  EIDETIC_TRY(auto found, pages(table, std::move(body), field, limit));
  ScrollPage page;
  page.items = std::move(found.items);
  if (!found.next.is_null()) page.next = page.items.back().id;
  return page;
}

Result<ScrollPage> LuceneStore::sorted(std::string_view table, const SortedRequest& request) {
  const std::string_view order = request.descending ? "desc" : "asc";
  EIDETIC_TRY(const auto seed, random_seed(request.field));
  Json body;
  if (seed) {
    body["query"] = drawn(filter_clauses(request.filter), *seed);
    body["sort"] = Json::array({by("_score", order), by("id", order)});
  } else {
    EIDETIC_TRY(const FieldName field, parse_field(request.field));
    body["query"] = all_of(filter_clauses(request.filter));
    Json first = Json::object();
    first[tokens_field(field)] = {{"order", order},
                                  {"missing", "_last"},
                                  {"mode", request.descending ? "max" : "min"},
                                  {"unmapped_type", "keyword"}};
    body["sort"] = Json::array({std::move(first), by("version", "asc"), by("id", "asc")});
  }
  if (!request.cursor.empty()) {
    EIDETIC_TRY(body["search_after"], parse_cursor(request.cursor, body["sort"]));
  }
  EIDETIC_TRY(auto found, pages(table, std::move(body), nullptr, request.limit));
  ScrollPage page;
  page.items = std::move(found.items);
  if (!found.next.is_null()) page.next = dump_json(found.next);
  return page;
}

Result<std::vector<Item>> LuceneStore::without(std::string_view table, const VectorField& field, std::uint64_t after,
                                               std::uint32_t limit) {
  Json clauses = Json::array({none_of(Json::array({has_field(field.name)}))});
  clauses.push_back({{"range", {{"version", {{"gt", after}}}}}});
  EIDETIC_TRY(auto found, pages(table,
                                {{"query", all_of(std::move(clauses))},
                                 {"sort", Json::array({by("version", "asc"), by("id", "asc")})}},
                                nullptr, limit));
  return std::move(found.items);
}

Result<std::uint64_t> LuceneStore::count(std::string_view table, const Filter& filter, const VectorField* with) {
  Json clauses = filter_clauses(filter);
  if (with != nullptr) clauses.push_back(has_field(with->name));
  EIDETIC_TRY(
      const auto hits,
      search(table, {{"size", 0}, {"track_total_hits", true}, {"query", all_of(std::move(clauses))}}, "a count"));
  return hits.total;
}

Result<std::vector<Facet>> LuceneStore::facets(std::string_view table, const FacetRequest& request) {
  std::vector<FieldName> fields;
  for (const auto& field : request.fields) {
    EIDETIC_TRY(fields.emplace_back(), parse_field(field));
  }
  std::vector<Facet> facets;
  const std::size_t together = std::max(1U, kMaxBuckets / request.limit);
  for (std::size_t begin = 0; begin < fields.size(); begin += together) {
    const std::size_t end = std::min(fields.size(), begin + together);
    Json aggregations = Json::object();
    for (std::size_t i = begin; i < end; ++i) add_facet(aggregations, i, fields[i], request.limit);
    EIDETIC_TRY(const auto hits, search(table,
                                        {{"size", 0},
                                         {"track_total_hits", true},
                                         {"query", all_of(filter_clauses(request.filter))},
                                         {"aggs", std::move(aggregations)}},
                                        "a count of values"));
    for (std::size_t i = begin; i < end; ++i) {
      facets.push_back(read_facet(hits.aggregations, i, fields[i], request.limit));
      facets.back().field = request.fields[i];
      facets.back().items = hits.total;
    }
  }
  return facets;
}

}  // namespace eidetic
