#include "cluster/lucene_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "cluster/lucene_document.h"
#include "cluster/lucene_query.h"

namespace eidetic {
namespace {

constexpr int kFormat = 1;  // of a table's documents
// Two a field of metadata that holds numbers, else one. Every one costs memory on every node.
constexpr unsigned kMostFields = 10'000;
// The largest k, what is asked for beyond it, and the one more that tells whether a page is the last.
constexpr unsigned kResultWindow = 20'001;
constexpr std::chrono::seconds kSizeHolds(5);
constexpr std::uint32_t kPage = 5000;
constexpr unsigned kMostConstruction = 3200;  // that Lucene takes

Json with_name(std::string_view name, Json value) {
  Json made = Json::object();
  made[std::string(name)] = std::move(value);
  return made;
}

Json common_mapping(std::string_view table) {
  const Json kept = {{"type", "object"}, {"enabled", false}};  // given back, never looked at
  const Json keyword = {{"type", "keyword"}};
  const Json number = {{"type", "long"}};
  const Json fields = {{"type", "object"}, {"dynamic", true}};
  Json templates = Json::array();
  templates.push_back({{"values", {{"path_match", "f.*"}, {"mapping", {{"type", "keyword"}}}}}});
  templates.push_back({{"numbers", {{"path_match", "n.*"}, {"mapping", {{"type", "double"}}}}}});
  return {{"_meta", {{"eidetic", {{"format", kFormat}, {"table", table}}}}},
          {"dynamic", "strict"},
          {"date_detection", false},
          {"dynamic_templates", std::move(templates)},
          {"properties",
           {{"id", keyword},
            {"uri", kept},
            {"hash", kept},
            {"size", number},
            {"mtime", number},
            {"metadata", kept},
            {"version", number},
            {"f", fields},
            {"n", fields},
            {"nulls", keyword}}}};
}

}  // namespace

std::string LuceneIndex::graph() const { return fmt::format("HNSW{}", links); }

Result<LuceneIndex> lucene_index(std::string_view index, const Space& space, std::uint32_t most,
                                 std::string_view engine) {
  if (space.dimensions > most) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} has {} dimensions; {} indexes up to {}", space.describe(),
                                                         space.dimensions, engine, most));
  }
  LuceneIndex made;
  if (index == "auto") return made;
  made.chosen = true;
  const auto checked = check_factory(index);
  const std::string_view kind = checked ? std::string_view(*checked) : std::string_view();
  constexpr std::string_view kGraph = "HNSW";
  made.flat = kind == "Flat";
  if (made.flat) return made;
  const char* const end = kind.data() + kind.size();
  bool known = kind.starts_with(kGraph);
  if (known) {
    const auto links = std::from_chars(kind.data() + kGraph.size(), end, made.links);
    known = links.ec == std::errc();
    if (known && links.ptr != end) {
      const auto among = std::from_chars(links.ptr + 1, end, made.construction);
      known =
          *links.ptr == ':' && among.ec == std::errc() && among.ptr == end && made.construction <= kMostConstruction;
    }
  }
  if (known) return made;
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("{} has no index '{}': auto, Flat and HNSW<M>[:<E>] with E up to {} are possible there{}", engine,
                  index, kMostConstruction, checked ? "" : fmt::format(" ({})", checked.error().message)));
}

LuceneStore::LuceneStore(EngineHttp engine, EngineVersion least, std::uint32_t most_dimensions)
    : client_(std::move(engine), least), most_dimensions_(most_dimensions) {}

std::string LuceneStore::describe() const { return client_.name(); }

Result<std::string> LuceneStore::check_index(std::string_view index, const Space& space) const {
  const auto engine = to_string(client_.engine().address().kind);
  EIDETIC_TRY(const auto made, lucene_index(index, space, most_dimensions_, engine));
  return made.chosen ? check_factory(index) : Result<std::string>("auto");
}

std::string LuceneStore::alias(std::string_view table) const {
  return lucene_alias(client_.engine().address().prefix, table);
}

// --- what there is under a table's name ---

Error LuceneStore::table_error(std::string_view table, Error error) {
  if (error.code == ErrorCode::not_found) {
    return {ErrorCode::not_found, fmt::format("there is no table '{}' in {}", table, client_.name())};
  }
  // A question that is not understood may be one to something that is not ours.
  if (error.code == ErrorCode::internal) {
    if (auto checked = check_table(table, nullptr); !checked) return std::move(checked).error();
  }
  return error;
}

Result<Json> LuceneStore::demand(std::string_view table, EngineHttp::Call call, std::string_view what) {
  auto answer = client_.demand(std::move(call), what);
  if (!answer) return std::unexpected(table_error(table, std::move(answer).error()));
  return answer;
}

Result<void> LuceneStore::check_table(std::string_view table, const VectorField* field) {
  const std::string name = alias(table);
  EIDETIC_TRY(const auto reply, client_.ask({.path = fmt::format("/{}/_mapping", name)}));
  if (reply.failure) return std::unexpected(client_.error_of(*reply.failure, name));
  const auto conflict = [&](std::string_view why) {
    return fail(ErrorCode::conflict,
                fmt::format("{}: index '{}' {}: give Eidetic another prefix there, or take that index away",
                            client_.name(), name, why));
  };
  const bool single = reply.body.is_object() && reply.body.size() == 1 && reply.body.contains(name + ".1");
  if (!single) return conflict("was not made by Eidetic");
  const Json& mapping = part_of(reply.body.front(), {"mappings"});
  const Json expected = common_mapping(table);
  if (part_of(mapping, {"_meta"}) != expected["_meta"]) return conflict("is not as this build of Eidetic makes them");
  if (field == nullptr) return {};
  EIDETIC_TRY(const auto index, lucene_index(field->index, field->space, most_dimensions_, client_.name()));
  const Json wanted = vector_mapping(*field, index);
  for (const auto name_of_size : {"type", "dims", "dimension"}) {
    if (part_of(mapping, {"properties", field->name, name_of_size}) == part_of(wanted, {name_of_size})) continue;
    return conflict(fmt::format("has another field '{}'", field->name));
  }
  return {};
}

// --- tables ---

Result<void> LuceneStore::create_table(std::string_view table, const VectorField& field) {
  EIDETIC_TRY(const auto index, lucene_index(field.index, field.space, most_dimensions_, client_.name()));
  EIDETIC_TRY(const auto version, client_.version());
  Json settings = {{"number_of_shards", client_.engine().options().shards},
                   {"number_of_replicas", client_.engine().options().replicas},
                   {"refresh_interval", "1s"},  // said, so that it goes on where nobody searches
                   {"translog.durability", "request"},
                   {"max_result_window", kResultWindow},
                   {"mapping.total_fields.limit", kMostFields}};
  add_settings(settings, version);
  Json mapping = common_mapping(table);
  mapping["properties"][field.name] = vector_mapping(field, index);
  const std::string name = alias(table);
  const Json body = {{"settings", {{"index", std::move(settings)}}},
                     {"mappings", std::move(mapping)},
                     {"aliases", with_name(name, Json::object())}};
  EIDETIC_TRY(const auto reply, client_.ask({.method = "PUT",
                                             .path = fmt::format("/{}.1", name),
                                             .body = dump_json(body),
                                             .patience = EngineHttp::Patience::write}));
  if (!reply.failure) return {};
  const auto& failure = *reply.failure;
  if (failure.type == "resource_already_exists_exception") return check_table(table, &field);
  Error error = client_.error_of(failure, fmt::format("to create index '{}'", name));
  if (failure.type == "invalid_alias_name_exception") error.code = ErrorCode::conflict;
  if (failure.reason.contains("maximum shards open") || failure.reason.contains("maximum normal shards open")) {
    error.code = ErrorCode::unreachable;
  }
  if (failure.reason.contains("[knn_vector]") || failure.reason.contains("[dense_vector]") ||
      failure.reason.contains("[index.knn]")) {
    error = {ErrorCode::unsupported, fmt::format("{} cannot search vectors (its plugin for that is missing: "
                                                 "opensearch-knn): {}",
                                                 client_.name(), failure.reason)};
  }
  return std::unexpected(std::move(error));
}

Result<void> LuceneStore::drop_table(std::string_view table) {
  if (auto ours = check_table(table, nullptr); !ours) {
    if (ours.error().code == ErrorCode::not_found) return {};
    return ours;
  }
  const std::string name = alias(table);
  EIDETIC_TRY(
      const auto reply,
      client_.ask({.method = "DELETE", .path = fmt::format("/{}.1", name), .patience = EngineHttp::Patience::write}));
  {
    const std::scoped_lock lock(sizes_mutex_);
    sizes_.erase(name);
  }
  if (!reply.failure || reply.failure->is_no_index()) return {};
  return std::unexpected(client_.error_of(*reply.failure, fmt::format("to delete index '{}'", name)));
}

Result<void> LuceneStore::add_field(std::string_view table, const VectorField& field) {
  EIDETIC_TRY(const auto index, lucene_index(field.index, field.space, most_dimensions_, client_.name()));
  const Json body = {{"properties", with_name(field.name, vector_mapping(field, index))}};
  EIDETIC_TRY(const auto reply, client_.ask({.method = "PUT",
                                             .path = fmt::format("/{}/_mapping", alias(table)),
                                             .body = dump_json(body),
                                             .patience = EngineHttp::Patience::write}));
  if (!reply.failure) return {};
  EIDETIC_CHECK(check_table(table, &field));
  return std::unexpected(table_error(table, client_.error_of(*reply.failure, "another field for vectors")));
}

// The mapping stays, as mappings do: an empty field of a name that no table has a second time.
Result<void> LuceneStore::drop_field(std::string_view table, const VectorField& field) {
  const std::string nothing = fmt::format(R"({{"doc":{{"{}":null}}}})", field.name);
  EIDETIC_CHECK(refresh(table));
  return for_each(table, has_field(field.name), [&](const Json& documents) -> Result<void> {
    EIDETIC_TRY(const auto outcomes,
                bulk(table, {.index = {},
                             .count = documents.size(),
                             .write =
                                 [&](std::size_t i, std::string& lines) {
                                   lines += dump_json({{"update", {{"_id", part_of(documents[i], {"_id"})}}}});
                                   lines += fmt::format("\n{}\n", nothing);
                                 },
                             .again_after_conflict = true}));
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      if (outcomes[i].failure.status == 404) continue;  // erased meanwhile
      EIDETIC_CHECK(outcome(table, outcomes[i], text_in(documents[i], {"_id"})));
    }
    return {};
  });
}

Result<void> LuceneStore::refresh(std::string_view table) {
  EIDETIC_CHECK(demand(table, {.method = "POST", .path = fmt::format("/{}/_refresh", alias(table))}, "a refresh"));
  return {};
}

Result<void> LuceneStore::settle(std::string_view /*table*/) { return {}; }

Result<TableInfo> LuceneStore::info(std::string_view table, const VectorField& field) {
  EIDETIC_TRY(const auto index, lucene_index(field.index, field.space, most_dimensions_, client_.name()));
  EIDETIC_TRY(const auto stats,
              demand(table,
                     {.path = fmt::format("/{}/_stats/docs,store?level=shards&filter_path=_all.primaries.docs.count,"
                                          "_all.total.store.size_in_bytes,indices.*.shards.*.seq_no.max_seq_no,"
                                          "indices.*.shards.*.routing.primary",
                                          alias(table))},
                     "its figures"));
  TableInfo info{.items = count_in(stats, {"_all", "primaries", "docs", "count"}), .kind = {}, .note = {}};
  info.disk_bytes = count_in(stats, {"_all", "total", "store", "size_in_bytes"});
  for (const Json& one : part_of(stats, {"indices"})) {
    for (const Json& copies : part_of(one, {"shards"})) {
      for (const Json& copy : copies) {
        const Json& last = part_of(copy, {"seq_no", "max_seq_no"});  // -1: nothing was written
        if (part_of(copy, {"routing", "primary"}) == true && last.is_number_integer()) {
          info.sequence += static_cast<std::uint64_t>(last.get<std::int64_t>() + 1);
        }
      }
    }
  }
  const bool exact = index.flat || (!index.chosen && info.items < kSmallTable);
  info.kind = exact ? "exact" : fmt::format("lucene {}", index.graph());
  return info;
}

Result<std::uint64_t> LuceneStore::rough_size(std::string_view table) {
  const std::string name = alias(table);
  const auto now = std::chrono::steady_clock::now();
  {
    const std::scoped_lock lock(sizes_mutex_);
    const auto known = sizes_.find(name);
    if (known != sizes_.end() && now - known->second.as_of < kSizeHolds) return known->second.items;
  }
  EIDETIC_TRY(const auto hits, search(table, {{"size", 0}, {"track_total_hits", kSmallTable}}, "a count"));
  const std::scoped_lock lock(sizes_mutex_);
  return sizes_.insert_or_assign(name, Size{.items = hits.total, .as_of = now}).first->second.items;
}

// --- documents ---

Result<LuceneStore::Hits> LuceneStore::search(std::string_view table, const Json& body, std::string_view what) {
  EIDETIC_TRY(auto answer,
              demand(table,
                     {.method = "POST",
                      .path = fmt::format("/{}/_search?allow_partial_search_results=false&filter_path=hits.total.value,"
                                          "hits.hits._id,hits.hits._source,hits.hits.sort,hits.hits._seq_no,"
                                          "hits.hits._primary_term,aggregations",
                                          alias(table)),
                      .body = dump_json(body)},
                     what));
  Hits hits{.documents = part_of(answer, {"hits", "hits"}),
            .total = count_in(answer, {"hits", "total", "value"}),
            .aggregations = part_of(answer, {"aggregations"})};
  if (!hits.documents.is_array()) hits.documents = Json::array();
  return hits;
}

Result<void> LuceneStore::for_each(std::string_view table, const Json& query,
                                   const std::function<Result<void>(const Json& documents)>& visit) {
  Json body = {{"size", kPage},
               {"query", query},
               {"_source", false},
               {"seq_no_primary_term", true},
               {"track_total_hits", false},
               {"sort", Json::array({{{"id", "asc"}}})}};
  for (;;) {
    EIDETIC_TRY(const auto hits, search(table, body, "a walk through its items"));
    if (hits.documents.empty()) return {};
    EIDETIC_CHECK(visit(hits.documents));
    if (hits.documents.size() < kPage) return {};
    body["search_after"] = part_of(hits.documents.back(), {"sort"});
  }
}

}  // namespace eidetic
