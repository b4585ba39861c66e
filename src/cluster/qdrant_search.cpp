// Nearest neighbours in a table.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cluster/qdrant_index.h"
#include "cluster/qdrant_point.h"
#include "cluster/qdrant_store.h"

namespace eidetic {
namespace {

constexpr std::size_t kMostQueries = 64;  // of one request

struct Asked {
  const VectorQuery* query = nullptr;
  QdrantFilter filter = {};
  std::uint64_t limit = 0;
  bool exact = false;
  bool done = false;
  std::vector<Hit> hits = {};
};

std::string body_of(const Asked& asked, const VectorField& field) {
  Json filter = Json::object();
  if (Json must = qdrant_must(asked.filter); !must.empty()) filter["must"] = std::move(must);
  Json excluded = Json::array();
  for (const auto& id : asked.query->exclude_ids) excluded.push_back(qdrant_point_id(id));
  if (!excluded.empty()) filter["must_not"] = Json::array({{{"has_id", std::move(excluded)}}});
  Json rest = {{"using", field.name},
               {"limit", asked.limit},
               {"with_payload", Json::array({"id", "uri", "metadata"})},
               {"with_vector", false}};
  if (!filter.empty()) rest["filter"] = std::move(filter);
  Json params =
      asked.exact ? Json{{"exact", true}} : qdrant_search_params(field.index, asked.query->depth, asked.query->k);
  if (!params.empty()) rest["params"] = std::move(params);
  return fmt::format(R"({{"query":{},{})", qdrant_numbers(asked.query->vector), dump_json(rest).substr(1));
}

// Qdrant's score is the cosine, the product or the distance.
void score(Hit& hit, double score, Metric metric) {
  if (metric == Metric::euclidean) {
    hit.distance = score;
    hit.similarity = 1 / (1 + score);
    return;
  }
  hit.similarity = metric == Metric::cosine ? std::clamp(score, -1.0, 1.0) : score;
  hit.distance = 1 - hit.similarity;
}

Result<std::vector<Hit>> hits_of(const Json& answer, const VectorField& field) {
  std::vector<Hit> hits;
  for (const Json& point : qdrant_at(answer, "points")) {
    const Json& payload = qdrant_at(point, "payload");
    const Json& scored = qdrant_at(point, "score");
    Hit hit;
    hit.id = qdrant_text(payload, "id");
    if (hit.id.empty() || !scored.is_number()) {
      return fail(ErrorCode::conflict, fmt::format("point {} in Qdrant was not written by Eidetic: it has no id",
                                                   dump_json(qdrant_at(point, "id"))));
    }
    hit.uri = qdrant_text(payload, "uri");
    hit.metadata = qdrant_text(payload, "metadata");
    score(hit, scored.get<double>(), field.space.metric);
    hits.push_back(std::move(hit));
  }
  return hits;
}

// Takes the answer, or says what to ask for next: all that are as near as the last that is wanted have to be there, so
// that ids can decide; and a walk through a graph may find too few.
void take(Asked& asked, std::vector<Hit> hits, const VectorField& field) {
  const std::size_t k = asked.query->k;
  const bool short_of = hits.size() < asked.limit;
  if (short_of && hits.size() < k && !asked.exact && field.index != "Flat") {
    asked.exact = true;
    return;
  }
  const auto nearer = [](const Hit& a, const Hit& b) {
    if (a.similarity != b.similarity) return a.similarity > b.similarity;
    return a.id < b.id;
  };
  std::ranges::sort(hits, nearer);
  if (!short_of && hits[k - 1].similarity == hits.back().similarity) {
    asked.limit *= 2;
    return;
  }
  if (hits.size() > k) hits.resize(k);
  asked.hits = std::move(hits);
  asked.done = true;
}

}  // namespace

Result<std::vector<Result<std::vector<Hit>>>> QdrantStore::search(std::string_view table, const VectorField& field,
                                                                  std::span<const VectorQuery> queries) {
  std::vector<Result<std::vector<Hit>>> results(queries.size());
  std::vector<Asked> all(queries.size());
  bool asks = false;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    all[i].query = &queries[i];
    all[i].limit = std::uint64_t{queries[i].k} + 1;
    auto filter = prepared(table, queries[i].filter);
    if (!filter && filter.error().code != ErrorCode::unsupported) return std::unexpected(std::move(filter).error());
    all[i].done = !filter || filter->passes == QdrantFilter::Passes::none;
    asks = asks || !all[i].done;
    if (filter) {
      all[i].filter = *std::move(filter);
    } else {
      results[i] = std::unexpected(std::move(filter).error());
    }
  }
  if (!asks) {
    EIDETIC_CHECK(client_.look(path(table)));  // not_found where there is no table
    return results;
  }
  for (;;) {
    std::vector<Asked*> open;
    for (Asked& asked : all) {
      if (!asked.done) open.push_back(&asked);
    }
    if (open.empty()) break;
    const std::size_t bulks = (open.size() + kMostQueries - 1) / kMostQueries;
    EIDETIC_CHECK(client_.each(bulks, [&](std::size_t bulk) -> Result<void> {
      const auto some =
          std::span(open).subspan(bulk * kMostQueries, std::min(kMostQueries, open.size() - bulk * kMostQueries));
      std::vector<std::string> bodies;
      for (const Asked* asked : some) bodies.push_back(body_of(*asked, field));
      EIDETIC_TRY(const Json answer, client_.read(path(table, "/points/query/batch"),
                                                  fmt::format(R"({{"searches":[{}]}})", fmt::join(bodies, ","))));
      if (!answer.is_array() || answer.size() != some.size()) {
        return fail(ErrorCode::conflict,
                    fmt::format("{} answers {} queries otherwise than one by one", describe(), some.size()));
      }
      for (std::size_t i = 0; i < some.size(); ++i) {
        EIDETIC_TRY(auto hits, hits_of(answer[i], field));
        take(*some[i], std::move(hits), field);
      }
      return {};
    }));
  }
  for (std::size_t i = 0; i < queries.size(); ++i) {
    if (results[i]) results[i] = std::move(all[i].hits);
  }
  return results;
}

}  // namespace eidetic
