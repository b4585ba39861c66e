#include "cluster/qdrant_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cluster/cluster.h"
#include "cluster/qdrant_index.h"
#include "cluster/qdrant_point.h"

namespace eidetic {
namespace {

// The collection as it answers GET; 0 and "" where it does not say.
struct Shape {
  std::string status;
  std::uint64_t indexed = 0;
  std::string trouble;
};

Shape shape_of(const Json& info) {
  const Json& optimizer = qdrant_at(info, "optimizer_status");
  return {.status = qdrant_text(info, "status"),
          .indexed = qdrant_number(info, "indexed_vectors_count"),
          .trouble = qdrant_text(optimizer, "error")};
}

std::string note_of(const Shape& shape) {
  if (!shape.trouble.empty()) return fmt::format("Qdrant cannot build its index: {}", shape.trouble);
  if (shape.status == "yellow") return "Qdrant builds its index in the background";
  if (shape.status == "grey") return "Qdrant goes on building its index with the next write";
  if (shape.status == "red") return "Qdrant has failed to build its index";
  return {};
}

}  // namespace

std::unique_ptr<DocumentStore> make_qdrant_store(EngineHttp engine) {
  return std::make_unique<QdrantStore>(std::move(engine));
}

Json qdrant_must(const QdrantFilter& filter, Json more) {
  if (filter.passes == QdrantFilter::Passes::some) more.push_back(filter.condition);
  return more;
}

std::string QdrantStore::path(std::string_view table, std::string_view rest) const {
  return fmt::format("/collections/{}.{}{}", client_.address().prefix, table, rest);
}

Result<std::string> QdrantStore::check_index(std::string_view index, const Space& space) const {
  return check_qdrant_index(index, space);
}

// --- tables ---

Result<void> QdrantStore::create_table(std::string_view table, const VectorField& field) {
  const auto& options = client_.options();
  Json vector = qdrant_vector_params(field.index, field.space);
  vector["size"] = field.space.dimensions;
  vector["distance"] = qdrant_distance(field.space.metric);
  const unsigned copies = options.replicas + 1;
  const Json body = {{"vectors", {{field.name, std::move(vector)}}},
                     {"shard_number", options.shards},
                     {"replication_factor", copies},
                     {"write_consistency_factor", copies / 2 + 1},
                     {"on_disk_payload", true}};
  auto made = client_.shape("PUT", path(table), dump_json(body));
  // A second try of the same request finds what the first has made, and is told that it exists.
  if (!made && made.error().code == ErrorCode::conflict) {
    EIDETIC_TRY(const auto points, count_where(table, Json::array()));
    if (points > 0) return std::unexpected(std::move(made).error());
  } else {
    EIDETIC_CHECK(std::move(made));
  }
  return learn(table, {{"version", "integer"}});
}

Result<void> QdrantStore::drop_table(std::string_view table) {
  {
    const std::scoped_lock lock(learnt_mutex_);
    if (const auto found = learnt_.find(table); found != learnt_.end()) learnt_.erase(found);
  }
  auto gone = client_.shape("DELETE", path(table), "");
  if (!gone && gone.error().code != ErrorCode::not_found) return std::unexpected(std::move(gone).error());
  return forget_sequence(table);
}

Result<void> QdrantStore::set_index(std::string_view table, const VectorField& field) {
  Json params = qdrant_vector_params(field.index, field.space);
  if (params.empty()) return {};
  const Json body = {{"vectors", {{field.name, std::move(params)}}}};
  EIDETIC_CHECK(client_.shape("PATCH", path(table), dump_json(body)));
  return {};
}

Result<void> QdrantStore::add_field(std::string_view table, const VectorField& field) {
  const Json body = {{"dense", {{"size", field.space.dimensions}, {"distance", qdrant_distance(field.space.metric)}}}};
  EIDETIC_CHECK(client_.write("PUT", path(table, "/vectors/" + field.name), dump_json(body)));
  return set_index(table, field);
}

Result<void> QdrantStore::drop_field(std::string_view table, const VectorField& field) {
  EIDETIC_CHECK(client_.write("DELETE", path(table, "/vectors/" + field.name), ""));
  if (field.space.metric == Metric::cosine) {
    const std::string raw = qdrant_raw_key(field);
    Json filter;
    filter["must_not"] = Json::array({{{"is_empty", {{"key", raw}}}}});
    const Json body = {{"keys", Json::array({raw})}, {"filter", std::move(filter)}};
    EIDETIC_CHECK(client_.write("POST", path(table, "/points/payload/delete"), dump_json(body)));
  }
  return touch(table);
}

// What is written is found at once: every write waits for it.
Result<void> QdrantStore::refresh(std::string_view /*table*/) { return {}; }
Result<void> QdrantStore::settle(std::string_view /*table*/) { return {}; }

Result<TableInfo> QdrantStore::info(std::string_view table, const VectorField& field) {
  EIDETIC_TRY(const Json answer, client_.look(path(table)));
  const Shape shape = shape_of(answer);
  TableInfo made{.kind = fmt::format("Qdrant {}", field.index), .note = note_of(shape)};
  if (field.index == "auto") made.kind = shape.indexed > 0 ? "Qdrant HNSW" : "Qdrant";
  EIDETIC_TRY(made.items, count_where(table, Json::array()));
  EIDETIC_TRY(made.sequence, sequence(table));
  return made;
}

// --- indexes of payloads ---

Result<void> QdrantStore::learn(std::string_view table, const std::set<QdrantIndex>& indexes) {
  std::set<QdrantIndex> missing;
  {
    const std::scoped_lock lock(learnt_mutex_);
    const auto found = learnt_.find(table);
    std::ranges::set_difference(indexes, found == learnt_.end() ? std::set<QdrantIndex>() : found->second,
                                std::inserter(missing, missing.end()));
  }
  if (missing.empty()) return {};
  EIDETIC_TRY(const Json answer, client_.look(path(table)));
  const Json& known = qdrant_at(answer, "payload_schema");
  for (const auto& [key, type] : missing) {
    if (known.contains(key)) continue;
    const Json body = {{"field_name", key}, {"field_schema", type}};
    EIDETIC_CHECK(client_.write("PUT", path(table, "/index"), dump_json(body)));
  }
  const std::scoped_lock lock(learnt_mutex_);
  learnt_[std::string(table)].insert(missing.begin(), missing.end());
  return {};
}

Result<QdrantFilter> QdrantStore::prepared(std::string_view table, const Filter& filter) {
  EIDETIC_TRY(QdrantFilter made, qdrant_filter(filter));
  if (!made.indexes.empty()) EIDETIC_CHECK(learn(table, made.indexes));
  return made;
}

// --- counting ---

Result<std::uint64_t> QdrantStore::count_where(std::string_view table, Json must, Json must_not) {
  Json body = {{"exact", true}};
  Json filter = Json::object();
  if (!must.empty()) filter["must"] = std::move(must);
  if (!must_not.empty()) filter["must_not"] = std::move(must_not);
  if (!filter.empty()) body["filter"] = std::move(filter);
  EIDETIC_TRY(const Json answer, client_.read(path(table, "/points/count"), dump_json(body)));
  return qdrant_number(answer, "count");
}

Result<std::uint64_t> QdrantStore::count(std::string_view table, const Filter& filter, const VectorField* with) {
  EIDETIC_TRY(const QdrantFilter passing, prepared(table, filter));
  if (passing.passes == QdrantFilter::Passes::none) {
    EIDETIC_CHECK(client_.look(path(table)));  // not_found where there is no table
    return 0;
  }
  Json must = qdrant_must(passing);
  if (with != nullptr) must.push_back({{"has_vector", with->name}});
  return count_where(table, std::move(must));
}

}  // namespace eidetic
