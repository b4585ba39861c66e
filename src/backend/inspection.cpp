#include "backend/inspection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <random>
#include <unordered_map>
#include <utility>

#include "index/principal_plane.h"
#include "index/umap.h"

namespace eidetic {
namespace {

constexpr std::size_t kPlaneSample = 10'000;  // vectors that a plane is found by
constexpr std::size_t kPortion = 1024;        // vectors in memory at a time

// The ids of rows, in order; empty where the item is gone.
Result<std::vector<std::string>> ids_of(const Generation& generation, Catalog& catalog, std::span<const Row> rows) {
  std::vector<ItemKey> keys;
  keys.reserve(rows.size());
  for (const Row row : rows) keys.push_back(static_cast<ItemKey>(generation.store().key_of(row)));
  EIDETIC_TRY(auto facts, catalog.facts_of(keys));
  std::vector<std::string> ids(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (facts[i]) ids[i] = std::move(facts[i]->id);
  }
  return ids;
}

std::vector<Row> every_nth(std::span<const Row> rows, std::size_t most) {
  if (rows.size() <= most) return {rows.begin(), rows.end()};
  std::vector<Row> some(most);
  for (std::size_t i = 0; i < most; ++i) some[i] = rows[i * rows.size() / most];
  return some;
}

std::vector<PlanePoint> places_of(const PrincipalPlane& plane, const VectorStore& store, std::span<const Row> rows) {
  std::vector<PlanePoint> places;
  places.reserve(rows.size());
  while (!rows.empty()) {
    const auto portion = rows.first(std::min(kPortion, rows.size()));
    std::ranges::copy(plane.places(store.gathered(portion)), std::back_inserter(places));
    rows = rows.subspan(portion.size());
  }
  return places;
}

Result<PrincipalPlane> plane_of(const VectorStore& store, std::span<const Row> rows) {
  return PrincipalPlane::of(store.gathered(every_nth(rows, kPlaneSample)));
}

Result<void> add_cells(IndexView& view, const IndexAnatomy& anatomy) {
  if (anatomy.cells.empty()) return {};
  Matrix centroids(anatomy.cells.size(), anatomy.dimensions);
  for (std::size_t i = 0; i < centroids.rows(); ++i) {
    std::ranges::copy(anatomy.cells[i].centroid, centroids[i].begin());
  }
  EIDETIC_TRY(const auto plane, PrincipalPlane::of(centroids));
  const auto places = plane.places(centroids);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto& cell = anatomy.cells[i];
    view.cells.push_back(
        {.items = cell.rows, .mean_distance = cell.mean_distance, .radius = cell.radius, .place = places[i]});
  }
  return {};
}

Result<void> add_nodes(IndexView& view, const IndexAnatomy& anatomy, const VectorStore& store,
                       std::vector<std::string> ids, std::span<const Row> rows) {
  if (rows.empty()) return {};
  EIDETIC_TRY(const auto plane, plane_of(store, rows));
  const auto places = places_of(plane, store, rows);
  std::unordered_map<Row, std::uint32_t> node_of;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (ids[i].empty()) continue;
    node_of.emplace(rows[i], static_cast<std::uint32_t>(view.nodes.size()));
    view.nodes.push_back({.id = std::move(ids[i]), .layer = anatomy.nodes[i].layer, .place = places[i]});
  }
  for (const auto& node : anatomy.nodes) {
    const auto from = node_of.find(node.row);
    if (from == node_of.end()) continue;
    for (const auto& link : node.links) {
      const auto to = node_of.find(link.to);
      if (to != node_of.end()) view.links.push_back({.from = from->second, .to = to->second, .layer = link.layer});
    }
  }
  return {};
}

// The live rows, and where there are more than `limit`, a sample.
std::vector<Row> sampled(const VectorStore& store, const MapRequest& request) {
  std::vector<Row> rows;
  rows.reserve(store.live());
  for (Row row = 0; row < store.rows(); ++row) {
    if (store.alive(row)) rows.push_back(row);
  }
  if (rows.size() <= request.limit) return rows;
  std::vector<Row> some;
  std::ranges::sample(rows, std::back_inserter(some), request.limit, std::mt19937_64(request.seed));
  return some;
}

// For each of the rows its `count` nearest among them, as their places in `rows`.
Result<std::vector<PlaneNeighbor>> neighbors_among(const Generation& generation, std::span<const Row> rows,
                                                   std::size_t count, const std::atomic<bool>& stop) {
  const VectorStore& store = generation.store();
  std::vector<std::uint32_t> place_of(static_cast<std::size_t>(std::ranges::max(rows)) + 1, UINT32_MAX);
  for (std::size_t i = 0; i < rows.size(); ++i) place_of[rows[i]] = static_cast<std::uint32_t>(i);
  RowSet known(static_cast<Row>(place_of.size()));
  for (const Row row : rows) known.insert(row);
  SearchParams params = {.k = static_cast<std::uint32_t>(count + 1)};
  if (rows.size() < store.live()) params.among = &known;

  std::vector<PlaneNeighbor> all(rows.size() * count);
  for (std::size_t first = 0; first < rows.size(); first += kPortion) {
    if (stop) return fail(ErrorCode::unavailable, "stopped");
    const auto portion = rows.subspan(first, std::min(kPortion, rows.size() - first));
    std::vector<std::span<const float>> queries;
    for (const Row row : portion) queries.push_back(store.vector(row));
    const auto results = generation.index().search(queries, params);
    for (std::size_t i = 0; i < portion.size(); ++i) {
      const auto own = std::span(all).subspan((first + i) * count, count);
      std::ranges::fill(own, PlaneNeighbor{.point = static_cast<std::uint32_t>(first + i), .distance = 0});
      if (!results[i]) return std::unexpected(results[i].error());
      std::size_t filled = 0;
      for (const Neighbor& near : *results[i]) {
        if (near.row == portion[i] || filled == count || !known.contains(near.row)) continue;
        // From the nearest: a product has no distance above 0.
        const double beyond = near.distance - results[i]->front().distance;
        own[filled++] = {.point = place_of[near.row], .distance = static_cast<float>(std::max(0.0, beyond))};
      }
    }
  }
  return all;
}

Result<void> check(const MapRequest& request) {
  if (request.limit < 1 || request.limit > kMaxMapItems) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("limit is {}; 1 to {} are possible", request.limit, kMaxMapItems));
  }
  if (request.neighbors < 2 || request.neighbors > kMaxMapNeighbors) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("neighbors is {}; 2 to {} are possible", request.neighbors, kMaxMapNeighbors));
  }
  return {};
}

}  // namespace

Result<IndexView> view_index(const Generation& generation, Catalog& catalog) {
  const IndexAnatomy anatomy = generation.index().anatomy();
  IndexView view;
  view.kind = anatomy.kind;
  view.items = generation.store().live();
  view.dimensions = anatomy.dimensions;
  for (const auto& layer : anatomy.layers) view.layers.push_back({.items = layer.rows, .mean_links = layer.mean_links});
  EIDETIC_CHECK(add_cells(view, anatomy));
  std::vector<Row> rows;
  for (const auto& node : anatomy.nodes) rows.push_back(node.row);
  EIDETIC_TRY(auto ids, ids_of(generation, catalog, rows));
  EIDETIC_CHECK(add_nodes(view, anatomy, generation.store(), std::move(ids), rows));
  return view;
}

Result<SearchWalk> retrace(const Generation& generation, Catalog& catalog, const SearchTrace& trace,
                           std::span<const float> query, std::vector<Hit> hits) {
  const VectorStore& store = generation.store();
  SearchWalk walk;
  walk.kind = generation.index().stats().kind;
  walk.scanned = trace.scanned;
  std::vector<Row> rows;
  std::unordered_map<Row, std::uint32_t> nodes;
  const auto node = [&](Row row) {
    const auto [found, added] = nodes.emplace(row, static_cast<std::uint32_t>(rows.size()));
    if (added) rows.push_back(row);
    return found->second;
  };
  for (const auto& step : trace.steps) {
    walk.steps.push_back(
        {.node = node(step.row), .from = node(step.from), .layer = step.layer, .similarity = step.similarity});
  }
  for (const auto& visit : trace.visits) {
    walk.visits.push_back({.cell = visit.cell, .distance = visit.distance, .items = visit.rows});
  }
  for (const auto& candidate : trace.candidates) {
    walk.candidates.push_back(
        {.node = node(candidate.row), .estimate = candidate.estimate, .similarity = candidate.similarity});
  }
  EIDETIC_TRY(auto ids, ids_of(generation, catalog, rows));
  if (!rows.empty()) {
    Vector direction(query.begin(), query.end());
    if (store.metric() == Metric::cosine) {
      const auto length =
          static_cast<float>(std::sqrt(std::inner_product(query.begin(), query.end(), query.begin(), 0.0)));
      std::ranges::transform(direction, direction.begin(), [length](float value) { return value / length; });
    }
    EIDETIC_TRY(const auto plane, plane_of(store, rows));
    const auto places = places_of(plane, store, rows);
    walk.query = plane.places({direction, direction.size()}).front();
    for (std::size_t i = 0; i < rows.size(); ++i) walk.nodes.push_back({.id = std::move(ids[i]), .place = places[i]});
  }
  std::unordered_map<std::string_view, std::uint32_t> ranks;
  for (const Hit& hit : hits) ranks.emplace(hit.id, static_cast<std::uint32_t>(ranks.size() + 1));
  for (auto& candidate : walk.candidates) {
    if (const auto rank = ranks.find(walk.nodes[candidate.node].id); rank != ranks.end()) candidate.rank = rank->second;
  }
  walk.hits = std::move(hits);
  return walk;
}

Result<CollectionMap> draw_map(const Generation& generation, Catalog& catalog, const MapRequest& request,
                               const std::atomic<bool>& stop) {
  EIDETIC_CHECK(check(request));
  const VectorStore& store = generation.store();
  const IndexAnatomy anatomy = generation.index().anatomy();
  CollectionMap map;
  map.method = request.method;
  map.kind = anatomy.kind;
  map.items = store.live();
  // By id, so that the order in which items came does not show.
  std::vector<Row> rows = sampled(store, request);
  EIDETIC_TRY(const auto names, ids_of(generation, catalog, rows));
  std::vector<std::pair<std::string_view, Row>> order;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!names[i].empty()) order.emplace_back(names[i], rows[i]);
  }
  std::ranges::sort(order);
  rows.resize(order.size());
  std::ranges::transform(order, rows.begin(), [](const auto& entry) { return entry.second; });
  if (rows.empty()) return map;

  EIDETIC_TRY(const auto plane, plane_of(store, rows));
  auto places = places_of(plane, store, rows);
  if (request.method == MapMethod::pca) {
    map.explained_variance = plane.explained_variance();
  } else {
    const std::size_t count = std::min<std::size_t>(request.neighbors, rows.size() - 1);
    EIDETIC_TRY(const auto neighbors, neighbors_among(generation, rows, count, stop));
    places = umap(neighbors, count, std::move(places), {.seed = request.seed});
  }

  std::unordered_map<Row, std::uint32_t> layers;
  for (const auto& node : anatomy.nodes) layers.emplace(node.row, node.layer);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row row = rows[i];
    const auto layer = layers.find(row);
    map.points.push_back({.id = std::string(order[i].first),
                          .place = places[i],
                          .cell = row < anatomy.cell_of.size() ? anatomy.cell_of[row] : kNoCell,
                          .layer = layer != layers.end() ? layer->second : 0,
                          .label = {}});
  }
  return map;
}

}  // namespace eidetic
