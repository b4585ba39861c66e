// What a collection answers: the nearest items, and how its index is built and searches.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "backend/collection.h"
#include "backend/inspection.h"
#include "backend/near_pairs.h"
#include "catalog/check.h"

namespace eidetic {
namespace {

// One more than asked for tells whether the last place is shared; then all that share it are needed, to go by id.
SearchParams params_of(const VectorQuery& query) {
  return {.k = std::min(query.k + 1, kMaxK),
          .ef = query.depth.ef,
          .nprobe = query.depth.nprobe,
          .rescore = query.depth.rescore};
}

// Leaves the first k and those that are as near as the last of them; false: there may be more of these.
bool settled(std::vector<Neighbor>& neighbors, std::uint32_t k, const SearchParams& params) {
  if (neighbors.size() <= k) return true;
  const double last = neighbors[k - 1].similarity;
  if (neighbors.back().similarity == last && neighbors.size() == params.k && params.k < kMaxK) return false;
  std::erase_if(neighbors, [last](const Neighbor& neighbor) { return neighbor.similarity < last; });
  return true;
}

}  // namespace

Result<void> Collection::check(const VectorQuery& query) const {
  if (query.k < 1 || query.k > kMaxK) {
    return fail(ErrorCode::invalid_argument, fmt::format("k is {}; 1 to {} are possible", query.k, kMaxK));
  }
  if (auto checked = check_vector(query.vector, record_.spec.space); !checked) {
    return fail(ErrorCode::invalid_argument, fmt::format("the query: {}", checked.error().message));
  }
  return {};
}

Result<std::vector<Hit>> Collection::search(const VectorQuery& query, Told* told) {
  EIDETIC_CHECK(check(query));
  const auto fields = fields_of(query.filter);
  constexpr int kAttempts = 3;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    EIDETIC_TRY(const State generation, ready_with(fields));
    EIDETIC_TRY(Found found, search_in(generation, query, told));
    if (found.complete) return std::move(found.hits);
  }
  // Writes came in between each time: once more, with writes held back.
  const std::scoped_lock writing(write_mutex_);
  EIDETIC_TRY(const State generation, open_with(fields));
  EIDETIC_TRY(Found found, search_in(generation, query, told));
  return std::move(found.hits);
}

std::vector<Result<std::vector<Hit>>> Collection::search(std::span<const VectorQuery> queries) {
  std::vector<std::optional<std::vector<Hit>>> found(queries.size());
  // Those that can be searched for together, by what they ask for.
  std::map<std::array<std::uint32_t, 4>, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const auto& [vector, k, excluded, depth, filter, parts] = queries[i];
    if (excluded.empty() && filter.empty() && check(queries[i]))
      groups[{k, depth.ef, depth.nprobe, depth.rescore}].push_back(i);
  }
  if (const auto generation = ready()) {
    for (const auto& [asked, places] : groups) search_together(**generation, queries, places, found);
  }
  std::vector<Result<std::vector<Hit>>> results;
  results.reserve(queries.size());
  for (std::size_t i = 0; i < queries.size(); ++i) {
    results.push_back(found[i] ? *std::move(found[i]) : search(queries[i], nullptr));
  }
  return results;
}

void Collection::search_together(const Generation& generation, std::span<const VectorQuery> queries,
                                 std::span<const std::size_t> places,
                                 std::span<std::optional<std::vector<Hit>>> results) {
  const VectorQuery& first = queries[places.front()];
  std::vector<std::span<const float>> vectors;
  for (const std::size_t place : places) vectors.emplace_back(queries[place].vector);
  const std::uint64_t removals = generation.removals();
  const SearchParams params = params_of(first);
  auto neighbors = generation.index().search(vectors, params);
  if (generation.removals() != removals) return;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (!neighbors[i] || !settled(*neighbors[i], first.k, params)) continue;
    auto filled = fill(generation, *neighbors[i], queries[places[i]]);
    if (filled && filled->complete) results[places[i]] = std::move(filled->hits);
  }
}

Result<Collection::Found> Collection::search_in(const State& state, const VectorQuery& query, Told* told) {
  const Generation& generation = *state;
  SearchParams params = params_of(query);
  std::vector<Row> excluded;
  if (!query.exclude_ids.empty()) {
    EIDETIC_TRY(const auto keys, catalog_.keys_of(record_.key, query.exclude_ids));
    for (const ItemKey key : keys) {
      if (const auto row = generation.store().row_of(static_cast<std::uint64_t>(key))) excluded.push_back(*row);
    }
    std::ranges::sort(excluded);
    params.without = excluded;
  }
  const std::uint64_t removals = generation.removals();
  RowSet passing;
  if (!query.filter.empty()) {
    // Rows that are dead are in no index.
    passing = generation.columns().matching(query.filter, generation.store().rows());
    params.among = &passing;
  }
  while (true) {
    if (told != nullptr) {
      *told = {.generation = state, .trace = {}};
      params.trace = &told->trace;
    }
    EIDETIC_TRY(auto neighbors, generation.index().search(query.vector, params));
    if (generation.removals() != removals) return Found{.hits = {}, .complete = false};
    if (settled(neighbors, query.k, params)) return fill(generation, neighbors, query);
    params.k = std::min(params.k * 2, kMaxK);
  }
}

Result<Collection::Found> Collection::fill(const Generation& generation, std::span<const Neighbor> neighbors,
                                           const VectorQuery& query) {
  std::vector<ItemKey> keys;
  keys.reserve(neighbors.size());
  for (const Neighbor& neighbor : neighbors) {
    keys.push_back(static_cast<ItemKey>(generation.store().key_of(neighbor.row)));
  }
  EIDETIC_TRY(auto facts, catalog_.facts_of(keys));
  const std::unordered_set<std::string_view> excluded(query.exclude_ids.begin(), query.exclude_ids.end());
  Found found;
  found.hits.reserve(neighbors.size());
  for (std::size_t i = 0; i < neighbors.size(); ++i) {
    // Erased since, or replaced: an excluded item comes back under its new key. Or its metadata has changed since.
    if (!facts[i] || excluded.contains(facts[i]->id) || !query.filter.matches(*facts[i])) {
      found.complete = false;
      continue;
    }
    found.hits.push_back({.id = std::move(facts[i]->id),
                          .similarity = neighbors[i].similarity,
                          .distance = neighbors[i].distance,
                          .uri = std::move(facts[i]->uri),
                          .metadata = std::move(facts[i]->metadata)});
  }
  std::ranges::sort(found.hits, [](const Hit& a, const Hit& b) {
    return a.similarity != b.similarity ? a.similarity > b.similarity : a.id < b.id;
  });
  if (found.hits.size() > query.k) found.hits.resize(query.k);
  return found;
}

// --- looking inside ---

Result<IndexView> Collection::inspect() {
  EIDETIC_TRY(const State generation, ready());
  return view_index(*generation, catalog_);
}

Result<SearchWalk> Collection::walk(const VectorQuery& query) {
  Told told;
  EIDETIC_TRY(auto hits, search(query, &told));
  return retrace(*told.generation, catalog_, told.trace, query.vector, std::move(hits));
}

Result<CollectionMap> Collection::map(const MapRequest& request) {
  EIDETIC_TRY(const State generation, ready());
  return draw_map(*generation, catalog_, request, jobs_.closing());
}

Result<NearPairs> Collection::near_pairs(const NearRequest& request,
                                         const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                                         const std::stop_token& stop) {
  EIDETIC_TRY(const State generation, ready_with(fields_of(request.filter)));
  return find_near_pairs(*generation, catalog_, request, progress, stop, jobs_.closing());
}

}  // namespace eidetic
