// What OpenSearch has of its own: the k-NN plugin's fields and queries, on Lucene's graphs.
#include <algorithm>
#include <utility>

#include "cluster/cluster.h"
#include "cluster/lucene_document.h"
#include "cluster/lucene_query.h"
#include "cluster/lucene_store.h"

namespace eidetic {
namespace {

// From here on its exact search scores as its approximate one does.
constexpr EngineVersion kLeast = {.major = 2, .minor = 19};
constexpr std::uint32_t kMostDimensions = 16'000;

std::string_view space_type(Metric metric) {
  switch (metric) {
    case Metric::cosine: return "cosinesimil";
    case Metric::dot: return "innerproduct";
    case Metric::euclidean: return "l2";
  }
  return "";
}

class OpenSearchStore final : public LuceneStore {
 public:
  explicit OpenSearchStore(EngineHttp engine) : LuceneStore(std::move(engine), kLeast, kMostDimensions) {}

 protected:
  void add_settings(Json& settings, EngineVersion /*version*/) const override { settings["knn"] = true; }

  // "Flat" has a graph too, which is not asked: there is no field that knows its vectors without one.
  Json vector_mapping(const VectorField& field, const LuceneIndex& index) const override {
    return {{"type", "knn_vector"},
            {"dimension", field.space.dimensions},
            {"method",
             {{"name", "hnsw"},
              {"engine", "lucene"},
              {"space_type", space_type(field.space.metric)},
              {"parameters", {{"m", index.links}, {"ef_construction", index.construction}}}}}};
  }

  NearestBody nearest(Nearest wanted) const override {
    const auto& [field, query, clauses, fetch, thorough] = wanted;
    NearestBody made{.body = {{"size", thorough ? query.k : fetch}}, .in_order = thorough};
    if (thorough) {
      wanted.clauses.push_back(has_field(field.name));
      made.body["query"] = {{"script_score",
                             {{"query", all_of(std::move(wanted.clauses))},
                              {"script",
                               {{"lang", "knn"},
                                {"source", "knn_score"},
                                {"params",
                                 {{"field", field.name},
                                  {"query_value", vector_json(query.vector)},
                                  {"space_type", space_type(field.space.metric)}}}}}}}};
      made.body["sort"] = Json::array({{{"_score", "desc"}}, {{"id", "asc"}}});
      return made;
    }
    // Its candidates are the k that it is asked for.
    Json knn = {{"vector", vector_json(query.vector)}, {"k", candidates(wanted, kMaxK)}};
    if (!clauses.empty()) knn["filter"] = all_of(std::move(wanted.clauses));
    Json named = Json::object();
    named[field.name] = std::move(knn);
    made.body["query"]["knn"] = std::move(named);
    return made;
  }

  bool asks_otherwise(const EngineFailure& /*failure*/) override { return false; }
};

}  // namespace

std::unique_ptr<DocumentStore> make_opensearch_store(EngineHttp engine) {
  return std::make_unique<OpenSearchStore>(std::move(engine));
}

}  // namespace eidetic
