// LuceneStore's search by vectors. Engines give the nearest they find, in any order among equals; what is asked for is
// exactly k, ties by id also at the last place. So one more is asked for and, where the last is as near as the k-th,
// twice as many; where a graph gives too few, every document is looked at.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <thread>
#include <utility>

#include "cluster/lucene_query.h"
#include "cluster/lucene_store.h"

namespace eidetic {
namespace {

constexpr std::uint32_t kSpare = 1;  // asked for beyond k: whether it is as near as the last
constexpr std::size_t kTogether = 64;
constexpr std::size_t kHitsTogether = 20'000;
constexpr std::size_t kBytesTogether = 8'000'000;
constexpr unsigned kTries = 3;

Result<Hit> read_hit(const Json& found, Metric metric, Scoring scoring, bool in_order) {
  const Json& sort = part_of(found, {"sort"});
  const Json& score = in_order && sort.is_array() && !sort.empty() ? sort.front() : part_of(found, {"_score"});
  EIDETIC_TRY(auto reader, JsonReader::of(part_of(found, {"_source"}), "a hit"));
  Hit hit;
  EIDETIC_TRY(hit.id, reader.get<std::string>("id"));
  EIDETIC_TRY(hit.uri, reader.get<std::string>("uri"));
  EIDETIC_TRY(hit.metadata, reader.get<std::string>("metadata"));
  const auto [similarity, distance] = nearness_of(score.is_number() ? score.get<double>() : 0, metric, scoring);
  hit.similarity = similarity;
  hit.distance = distance;
  return hit;
}

}  // namespace

// Queries on one table, round by round until each has its answer.
class LuceneStore::Searches {
 public:
  // All items are looked at by queries whose ef is no less than `items`.
  Searches(LuceneStore& store, std::string_view table, const VectorField& field, std::span<const VectorQuery> queries,
           std::uint64_t items)
      : store_(store), table_(table), field_(field), queries_(queries), results_(queries.size()) {
    for (std::size_t i = 0; i < queries.size(); ++i) {
      left_.push_back(
          {.place = i, .fetch = std::min(kMaxK, queries[i].k + kSpare), .thorough = queries[i].depth.ef >= items});
    }
  }

  Result<std::vector<Result<std::vector<Hit>>>> run() {
    for (unsigned tries = 0; !left_.empty(); ++tries) {
      std::vector<Ask> round = std::exchange(left_, {});
      waits_ = false;
      for (std::size_t begin = 0; begin < round.size();) {
        EIDETIC_TRY(const auto asked, ask(std::span(round).subspan(begin)));
        begin += asked;
      }
      if (waits_) std::this_thread::sleep_for(jittered(tries));
    }
    return std::move(results_);
  }

 private:
  struct Ask {
    std::size_t place = 0;
    std::uint32_t fetch = 0;
    bool thorough = false;
    unsigned failed = 0;  // times, in a way that may pass
  };
  struct Asked {
    Ask ask;
    NearestBody body;
  };

  // As many of the first as go into one request; how many these are.
  Result<std::size_t> ask(std::span<const Ask> asks) {
    std::vector<Asked> asked;
    std::vector<std::string> bodies;
    std::size_t hits = 0, bytes = 0;
    for (const Ask& ask : asks) {
      if (asked.size() == kTogether || bytes > kBytesTogether) break;
      if (hits > 0 && hits + ask.fetch > kHitsTogether) break;
      const VectorQuery& query = queries_[ask.place];
      auto body = store_.nearest({.field = field_,
                                  .query = query,
                                  .clauses = filter_clauses(query.filter, query.exclude_ids),
                                  .fetch = ask.fetch,
                                  .thorough = ask.thorough});
      body.body["_source"] = {"id", "uri", "metadata"};
      body.body["track_total_hits"] = false;
      bodies.push_back(dump_json(body.body));
      bytes += bodies.back().size();
      hits += ask.fetch;
      asked.push_back({.ask = ask, .body = std::move(body)});
    }
    if (asked.size() == 1) {
      EIDETIC_CHECK(ask_one(asked.front(), std::move(bodies.front())));
      return 1;
    }
    std::string lines;
    for (const auto& body : bodies) lines += "{\"allow_partial_search_results\":false}\n" + body + '\n';
    EIDETIC_TRY(const auto reply,
                store_.client_.ask({.method = "POST",
                                    .path = fmt::format("/{}/_msearch?filter_path=responses.status,responses.error,"
                                                        "responses.hits.hits._score,responses.hits.hits.sort,"
                                                        "responses.hits.hits._source",
                                                        store_.alias(table_)),
                                    .body = std::move(lines),
                                    .content_type = "application/x-ndjson"}));
    if (reply.failure) {
      // One that is not understood spoils all that are asked with it.
      for (const Asked& one : asked) EIDETIC_CHECK(ask(std::span(&one.ask, 1)));
      return asked.size();
    }
    const Json& responses = part_of(reply.body, {"responses"});
    if (!responses.is_array() || responses.size() != asked.size()) {
      return fail(ErrorCode::unreachable, fmt::format("{} answered a search with something else", store_.describe()));
    }
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (responses[i].contains("error")) {
        EIDETIC_CHECK(
            failed(asked[i], failure_of(static_cast<long>(count_in(responses[i], {"status"})), responses[i])));
      } else {
        take(asked[i], part_of(responses[i], {"hits", "hits"}));
      }
    }
    return asked.size();
  }

  Result<void> ask_one(const Asked& asked, std::string body) {
    EIDETIC_TRY(const auto reply,
                store_.client_.ask({.method = "POST",
                                    .path = fmt::format("/{}/_search?allow_partial_search_results="
                                                        "false&filter_path=status,error,hits.hits._score,"
                                                        "hits.hits.sort,hits.hits._source",
                                                        store_.alias(table_)),
                                    .body = std::move(body)}));
    if (reply.failure) return failed(asked, *reply.failure);
    take(asked, part_of(reply.body, {"hits", "hits"}));
    return {};
  }

  // The error: of the table, and so of all queries.
  Result<void> failed(const Asked& asked, const EngineFailure& failure) {
    if (store_.asks_otherwise(failure)) {
      left_.push_back(asked.ask);
      return {};
    }
    if (failure.passes() && asked.ask.failed + 1 < kTries) {
      left_.push_back(asked.ask);
      ++left_.back().failed;
      waits_ = true;
      return {};
    }
    Error error = store_.table_error(table_, store_.client_.error_of(failure, "a search"));
    if (error.code == ErrorCode::not_found || error.code == ErrorCode::conflict)
      return std::unexpected(std::move(error));
    results_[asked.ask.place] = std::unexpected(std::move(error));
    return {};
  }

  void take(const Asked& asked, const Json& found) {
    const auto& [ask, body] = asked;
    const std::uint32_t k = queries_[ask.place].k;
    std::vector<Hit> hits;
    for (const Json& one : found) {
      auto hit = read_hit(one, field_.space.metric, body.scoring, body.in_order);
      if (!hit) {
        results_[ask.place] = fail(ErrorCode::conflict, fmt::format("table '{}' of {} holds what is not ours: {}",
                                                                    table_, store_.describe(), hit.error().message));
        return;
      }
      hits.push_back(*std::move(hit));
    }
    std::ranges::sort(hits, [](const Hit& a, const Hit& b) {
      return a.similarity != b.similarity ? a.similarity > b.similarity : a.id < b.id;
    });
    const bool full = hits.size() >= ask.fetch;
    Ask again = ask;
    if (!body.in_order && full && ask.fetch < kMaxK && hits[k - 1].similarity == hits.back().similarity) {
      again.fetch = std::min(kMaxK, ask.fetch * 2);
      left_.push_back(again);
      return;
    }
    if (hits.size() < k && !ask.thorough) {
      again.thorough = true;
      left_.push_back(again);
      return;
    }
    if (hits.size() > k) hits.resize(k);
    results_[ask.place] = std::move(hits);
  }

  LuceneStore& store_;
  const std::string_view table_;
  const VectorField& field_;
  const std::span<const VectorQuery> queries_;
  std::vector<Result<std::vector<Hit>>> results_;
  std::vector<Ask> left_;
  bool waits_ = false;
};

Result<std::vector<Result<std::vector<Hit>>>> LuceneStore::search(std::string_view table, const VectorField& field,
                                                                  std::span<const VectorQuery> queries) {
  // An ef of no fewer than there are items asks for all of them, where they are not too many for that.
  const bool asks_size =
      field.index == "auto" || std::ranges::any_of(queries, [](const auto& query) { return query.depth.ef > 0; });
  std::uint64_t items = kSmallTable;
  if (asks_size) {
    EIDETIC_TRY(items, rough_size(table));
  }
  const bool exact = field.index == "Flat" || (field.index == "auto" && items < kSmallTable);
  const std::uint64_t all = items < kSmallTable ? items : UINT64_MAX;
  return Searches(*this, table, field, queries, exact ? 0 : all).run();
}

std::uint32_t LuceneStore::candidates(const Nearest& wanted, std::uint32_t most) {
  constexpr std::uint32_t kLeast = 64;
  const std::uint32_t ef = wanted.query.depth.ef;
  return std::min(most, std::max(wanted.fetch, ef > 0 ? ef : std::max(kLeast, 2 * wanted.fetch)));
}

}  // namespace eidetic
