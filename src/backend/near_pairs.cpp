#include "backend/near_pairs.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace eidetic {
namespace {

constexpr std::size_t kPortion = 4096;  // rows that are searched for together
constexpr std::size_t kNamesAtOnce = 10'000;

struct RowPair {
  Row a = 0, b = 0;  // a < b
  float similarity = 0;
};

std::vector<Row> live_rows(const VectorStore& store, const RowSet* among) {
  std::vector<Row> rows;
  for (Row row = 0; row < store.rows(); ++row) {
    if (store.alive(row) && (among == nullptr || among->contains(row))) rows.push_back(row);
  }
  return rows;
}

// Both rows of a pair mostly find each other.
void keep_each_once(std::vector<RowPair>& pairs) {
  std::ranges::sort(pairs, [](const RowPair& x, const RowPair& y) { return std::tie(x.a, x.b) < std::tie(y.a, y.b); });
  const auto again =
      std::ranges::unique(pairs, [](const RowPair& x, const RowPair& y) { return x.a == y.a && x.b == y.b; });
  pairs.erase(again.begin(), again.end());
}

// The ids of the rows that are in a pair, in rising order, and the place of each row among them; no place where the
// item is gone.
struct Names {
  std::vector<std::string> ids;
  std::vector<std::uint32_t> place_of;  // by row
};
constexpr std::uint32_t kNoPlace = UINT32_MAX;

Result<Names> name_rows(const VectorStore& store, Catalog& catalog, const std::vector<RowPair>& pairs) {
  Names names;
  names.place_of.assign(store.rows(), kNoPlace);
  for (const RowPair& pair : pairs) names.place_of[pair.a] = names.place_of[pair.b] = 0;
  std::vector<std::pair<std::string, Row>> named;
  std::vector<ItemKey> keys;
  std::vector<Row> rows;
  const auto ask = [&]() -> Result<void> {
    EIDETIC_TRY(auto facts, catalog.facts_of(keys));
    for (std::size_t i = 0; i < facts.size(); ++i) {
      if (facts[i]) named.emplace_back(std::move(facts[i]->id), rows[i]);
    }
    keys.clear();
    rows.clear();
    return {};
  };
  for (Row row = 0; row < names.place_of.size(); ++row) {
    if (std::exchange(names.place_of[row], kNoPlace) == kNoPlace) continue;
    keys.push_back(static_cast<ItemKey>(store.key_of(row)));
    rows.push_back(row);
    if (keys.size() == kNamesAtOnce) EIDETIC_CHECK(ask());
  }
  if (!keys.empty()) EIDETIC_CHECK(ask());
  std::ranges::sort(named);
  names.ids.reserve(named.size());
  for (auto& [id, row] : named) {
    // An item that was replaced meanwhile has two rows for a moment.
    if (names.ids.empty() || names.ids.back() != id) names.ids.push_back(std::move(id));
    names.place_of[row] = static_cast<std::uint32_t>(names.ids.size() - 1);
  }
  return names;
}

}  // namespace

Result<NearPairs> find_near_pairs(const Generation& generation, Catalog& catalog, const NearRequest& request,
                                  const std::function<void(std::uint64_t done, std::uint64_t total)>& progress,
                                  const std::stop_token& stop, const std::atomic<bool>& closing) {
  if (request.k < 1 || request.k > kMaxNearNeighbors) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("k is {}; 1 to {} are possible", request.k, kMaxNearNeighbors));
  }
  const VectorStore& store = generation.store();
  std::optional<RowSet> among;
  if (!request.filter.empty()) among = generation.columns().matching(request.filter, store.rows());
  const auto rows = live_rows(store, among ? &*among : nullptr);
  const SearchParams params{.k = request.k + 1,
                            .ef = request.depth.ef,
                            .nprobe = request.depth.nprobe,
                            .rescore = request.depth.rescore,
                            .among = among ? &*among : nullptr};
  std::vector<RowPair> pairs;
  std::size_t tidy = 0;  // pairs that there were when they were last sorted
  for (std::size_t first = 0; first < rows.size(); first += kPortion) {
    if (stop.stop_requested() || closing) return fail(ErrorCode::unavailable, "stopped");
    if (progress) progress(first, rows.size());
    const auto portion = std::span(rows).subspan(first, std::min(kPortion, rows.size() - first));
    std::vector<std::span<const float>> queries;
    for (const Row row : portion) queries.push_back(store.vector(row));
    const auto results = generation.index().search(queries, params);
    for (std::size_t i = 0; i < portion.size(); ++i) {
      if (!results[i]) return std::unexpected(results[i].error());
      std::size_t left = request.k;
      for (const Neighbor& near : *results[i]) {
        if (near.row == portion[i]) continue;
        if (left-- == 0 || near.similarity < request.min_similarity) break;
        pairs.push_back({.a = std::min(near.row, portion[i]),
                         .b = std::max(near.row, portion[i]),
                         .similarity = static_cast<float>(near.similarity)});
      }
    }
    if (pairs.size() > 2 * tidy + kPortion * request.k) {
      keep_each_once(pairs);
      tidy = pairs.size();
    }
  }
  keep_each_once(pairs);
  if (progress) progress(rows.size(), rows.size());
  EIDETIC_TRY(auto names, name_rows(store, catalog, pairs));
  NearPairs found{.ids = std::move(names.ids), .pairs = {}, .items = rows.size()};
  // Rows go by the time of their adding, places by id.
  std::size_t kept = 0;
  for (const RowPair& pair : pairs) {
    const std::uint32_t a = names.place_of[pair.a];
    const std::uint32_t b = names.place_of[pair.b];
    if (a == kNoPlace || b == kNoPlace || a == b) continue;
    pairs[kept++] = {.a = std::min(a, b), .b = std::max(a, b), .similarity = pair.similarity};
  }
  pairs.resize(kept);
  keep_each_once(pairs);
  found.pairs.reserve(pairs.size());
  for (const RowPair& pair : pairs) found.pairs.push_back({.a = pair.a, .b = pair.b, .similarity = pair.similarity});
  return found;
}

}  // namespace eidetic
