// What Elasticsearch has of its own: dense vectors, the knn part of a search and, where the server has scripts, scores
// computed by them for every document.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "cluster/cluster.h"
#include "cluster/lucene_document.h"
#include "cluster/lucene_query.h"
#include "cluster/lucene_store.h"

namespace eidetic {
namespace {

constexpr EngineVersion kLeast = {.major = 8, .minor = 15};
constexpr std::uint32_t kMostDimensions = 4096;
constexpr EngineVersion kLeavesVectorsOut = {.major = 9, .minor = 2};  // of what it keeps of a document
constexpr std::uint32_t kMostCandidates = 10'000;

std::string_view similarity(Metric metric) {
  switch (metric) {
    case Metric::cosine: return "cosine";
    case Metric::dot: return "max_inner_product";
    case Metric::euclidean: return "l2_norm";
  }
  return "";
}

std::string script(const VectorField& field) {
  switch (field.space.metric) {
    case Metric::cosine: return fmt::format("cosineSimilarity(params.query_vector, '{}') + 1.0", field.name);
    case Metric::dot:
      return fmt::format("double p = dotProduct(params.query_vector, '{}'); return p < 0 ? 1 / (1 - p) : p + 1;",
                         field.name);
    case Metric::euclidean: return fmt::format("1 / (1 + l2norm(params.query_vector, '{}'))", field.name);
  }
  return "";
}

class ElasticsearchStore final : public LuceneStore {
 public:
  explicit ElasticsearchStore(EngineHttp engine) : LuceneStore(std::move(engine), kLeast, kMostDimensions) {}

 protected:
  void add_settings(Json& settings, EngineVersion version) const override {
    // Vectors are to come back bit for bit.
    if (version >= kLeavesVectorsOut) settings["mapping.exclude_source_vectors"] = false;
  }

  // Not the default kinds, which search by fewer bits: similarities would be those of rounded vectors.
  Json vector_mapping(const VectorField& field, const LuceneIndex& index) const override {
    Json options = {{"type", "flat"}};
    if (!index.flat) options = {{"type", "hnsw"}, {"m", index.links}, {"ef_construction", index.construction}};
    return {{"type", "dense_vector"},
            {"dims", field.space.dimensions},
            {"index", true},
            {"similarity", similarity(field.space.metric)},
            {"index_options", std::move(options)}};
  }

  NearestBody nearest(Nearest wanted) const override {
    const auto& [field, query, clauses, fetch, thorough] = wanted;
    NearestBody made{.body = {{"size", fetch}}};
    if (thorough) wanted.clauses.push_back(has_field(field.name));
    if (thorough && has_scripts_) {
      made.scoring = Scoring::script;
      made.in_order = true;
      made.body["size"] = query.k;
      made.body["query"] = {
          {"script_score",
           {{"query", all_of(std::move(wanted.clauses))},
            {"script", {{"source", script(field)}, {"params", {{"query_vector", vector_json(query.vector)}}}}}}}};
      made.body["sort"] = Json::array({{{"_score", "desc"}}, {{"id", "asc"}}});
      return made;
    }
    // Where no more documents pass a filter than candidates are wanted, the graph is left aside for a look at each of
    // them. Fields that are flat are looked through anyway.
    const bool by_candidates = thorough && field.index != "Flat";
    const std::uint32_t asked = by_candidates ? kMostCandidates : candidates(wanted, kMostCandidates);
    made.body["knn"] = {{"field", field.name},
                        {"query_vector", vector_json(query.vector)},
                        {"k", by_candidates ? asked : fetch},
                        {"num_candidates", asked}};
    if (!clauses.empty()) made.body["knn"]["filter"] = std::move(wanted.clauses);
    return made;
  }

  bool asks_otherwise(const EngineFailure& failure) override {
    const bool no_scripts = failure.reason.contains("script_lang not supported") ||
                            failure.reason.contains("cannot execute [inline] scripts") ||
                            failure.reason.contains("cannot execute scripts using [score] context");
    if (no_scripts) has_scripts_ = false;
    return no_scripts;
  }

 private:
  std::atomic<bool> has_scripts_ = true;  // until it says otherwise
};

}  // namespace

std::unique_ptr<DocumentStore> make_elasticsearch_store(EngineHttp engine) {
  return std::make_unique<ElasticsearchStore>(std::move(engine));
}

}  // namespace eidetic
