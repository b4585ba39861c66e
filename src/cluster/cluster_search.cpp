// What ClusterBackend answers by vectors: the nearest items, pairs of them, maps.
#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <unordered_map>
#include <utility>

#include "backend/embedded.h"
#include "base/file.h"
#include "base/threads.h"
#include "catalog/check.h"
#include "cluster/cluster_backend.h"

namespace eidetic {
namespace {

constexpr std::uint32_t kPage = 1000;
constexpr std::size_t kSearchedTogether = 64;

Result<void> check(const VectorQuery& query, const Space& space) {
  if (query.k < 1 || query.k > kMaxK) {
    return fail(ErrorCode::invalid_argument, fmt::format("k is {}; 1 to {} are possible", query.k, kMaxK));
  }
  if (auto checked = check_vector(query.vector, space); !checked) {
    return fail(ErrorCode::invalid_argument, fmt::format("the query: {}", checked.error().message));
  }
  return {};
}

// A folder that goes with the object.
class ScratchFolder {
 public:
  static Result<ScratchFolder> make() {
    std::string path = (std::filesystem::temp_directory_path() / "eidetic-map-XXXXXX").native();
    if (::mkdtemp(path.data()) == nullptr) return system_error("cannot make", path, errno);
    return ScratchFolder(path);
  }
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit ScratchFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// Pairs of items as they are found, by the places of their ids in the order of the walk.
class PairCollector {
 public:
  void add(const std::string& a, const std::string& b, double similarity) {
    const auto x = place(a), y = place(b);
    pairs_.push_back({.a = std::min(x, y), .b = std::max(x, y), .similarity = static_cast<float>(similarity)});
  }
  // Each once, places by rising ids.
  [[nodiscard]] NearPairs finish(std::uint64_t items) {
    std::vector<std::uint32_t> order(ids_.size());
    for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, {}, [&](std::uint32_t i) -> const std::string& { return ids_[i]; });
    std::vector<std::uint32_t> place_of(ids_.size());
    NearPairs found{.ids = {}, .pairs = std::move(pairs_), .items = items};
    for (std::uint32_t i = 0; i < order.size(); ++i) {
      place_of[order[i]] = i;
      found.ids.push_back(std::move(ids_[order[i]]));
    }
    for (auto& pair : found.pairs) {
      const auto x = place_of[pair.a], y = place_of[pair.b];
      pair.a = std::min(x, y);
      pair.b = std::max(x, y);
    }
    std::ranges::sort(found.pairs,
                      [](const auto& x, const auto& y) { return std::pair(x.a, x.b) < std::pair(y.a, y.b); });
    const auto again =
        std::ranges::unique(found.pairs, [](const auto& x, const auto& y) { return x.a == y.a && x.b == y.b; });
    found.pairs.erase(again.begin(), again.end());
    return found;
  }

 private:
  std::uint32_t place(const std::string& id) {
    const auto [found, added] = places_.emplace(id, static_cast<std::uint32_t>(ids_.size()));
    if (added) ids_.push_back(id);
    return found->second;
  }
  std::unordered_map<std::string, std::uint32_t> places_;
  std::vector<std::string> ids_;
  std::vector<NearPairs::Pair> pairs_;
};

}  // namespace

Result<std::vector<Hit>> ClusterBackend::search_one(const View& view, const VectorQuery& query) {
  EIDETIC_CHECK(check(query, view.field.space));
  EIDETIC_CHECK(refresh(view.descriptor.table));
  if (query.parts && view.descriptor.parts) return search_by_parts(view, query);
  EIDETIC_TRY(auto found, store_->search(view.descriptor.table, view.field, std::span(&query, 1)));
  return std::move(found.front());
}

Result<std::vector<Hit>> ClusterBackend::search(std::string_view collection, const VectorQuery& query) {
  return in_view(collection, [&](const View& view) { return search_one(view, query); });
}

Result<std::vector<Result<std::vector<Hit>>>> ClusterBackend::search(std::string_view collection,
                                                                     std::span<const VectorQuery> queries) {
  return in_view(collection, [&](const View& view) -> Result<std::vector<Result<std::vector<Hit>>>> {
    std::vector<Result<std::vector<Hit>>> results(queries.size());
    std::vector<VectorQuery> together;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < queries.size(); ++i) {
      const auto sound = check(queries[i], view.field.space);
      if (!sound) {
        results[i] = std::unexpected(sound.error());
      } else if (queries[i].parts && view.descriptor.parts) {
        results[i] = search_one(view, queries[i]);
      } else {
        together.push_back(queries[i]);
        places.push_back(i);
      }
    }
    if (together.empty()) return results;
    EIDETIC_CHECK(refresh(view.descriptor.table));
    EIDETIC_TRY(auto found, store_->search(view.descriptor.table, view.field, together));
    for (std::size_t i = 0; i < found.size(); ++i) results[places[i]] = std::move(found[i]);
    return results;
  });
}

Result<void> ClusterBackend::for_each(const View& view, bool with_vectors,
                                      const std::function<Result<bool>(std::vector<Item> items)>& visit) {
  EIDETIC_CHECK(refresh(view.descriptor.table));
  std::string cursor;
  do {
    EIDETIC_TRY(auto page, store_->scroll(view.descriptor.table, cursor, kPage, with_vectors ? &view.field : nullptr));
    cursor = std::move(page.next);
    EIDETIC_TRY(const bool more, visit(std::move(page.items)));
    if (!more) return {};
  } while (!cursor.empty());
  return {};
}

Result<NearPairs> ClusterBackend::near_pairs(std::string_view collection, const NearRequest& request,
                                             const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                                             std::stop_token stop) {
  EIDETIC_TRY(const View view, this->view(collection));
  if (request.k < 1 || request.k > kMaxNearNeighbors) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("k is {}; 1 to {} are possible", request.k, kMaxNearNeighbors));
  }
  EIDETIC_TRY(const auto total, count(collection, request.filter));
  PairCollector pairs;
  std::uint64_t done = 0;
  const auto ask = [&](std::span<const Item> items) -> Result<void> {
    std::vector<VectorQuery> queries;
    for (const Item& item : items) {
      queries.push_back({.vector = item.vector,
                         .k = request.k + 1,
                         .exclude_ids = {},
                         .depth = request.depth,
                         .filter = request.filter});
    }
    EIDETIC_TRY(const auto found, store_->search(view.descriptor.table, view.field, queries));
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (!found[i]) return std::unexpected(found[i].error());
      std::uint32_t others = 0;
      for (const Hit& hit : *found[i]) {
        if (hit.id == items[i].id || others++ >= request.k || hit.similarity < request.min_similarity) continue;
        pairs.add(items[i].id, hit.id, hit.similarity);
      }
    }
    done += items.size();
    if (progress) progress(done, std::max(total, done));
    return {};
  };
  EIDETIC_CHECK(for_each(view, true, [&](std::vector<Item> items) -> Result<bool> {
    std::erase_if(items, [&](const Item& item) { return item.vector.empty() || !request.filter.matches(item); });
    for (std::size_t at = 0; at < items.size(); at += kSearchedTogether) {
      if (stop.stop_requested()) return fail(ErrorCode::unavailable, "stopped");
      EIDETIC_CHECK(ask(std::span(items).subspan(at, std::min(kSearchedTogether, items.size() - at))));
    }
    return true;
  }));
  return pairs.finish(done);
}

// --- how it works inside ---

Result<IndexView> ClusterBackend::inspect(std::string_view collection) {
  EIDETIC_CHECK(view(collection));
  return fail(ErrorCode::unsupported, fmt::format("{} does not show how its indexes are built", store_->describe()));
}

Result<SearchWalk> ClusterBackend::walk(std::string_view collection, const VectorQuery& /*query*/) {
  EIDETIC_CHECK(view(collection));
  return fail(ErrorCode::unsupported, fmt::format("{} does not show how it searches", store_->describe()));
}

// Drawn where it can be: in an embedded collection that holds the sample for as long as it takes.
Result<CollectionMap> ClusterBackend::map(std::string_view collection, const MapRequest& request) {
  EIDETIC_TRY(const View view, this->view(collection));
  EIDETIC_TRY(const auto info, describe(collection));
  EIDETIC_TRY(const auto scratch, ScratchFolder::make());
  ThreadPool pool(1);
  EIDETIC_TRY(const auto embedded, open_embedded_backend({.data_dir = scratch.path(), .pool = &pool}));
  constexpr std::string_view kName = "sample";
  EIDETIC_CHECK(embedded->create({.name = std::string(kName), .space = view.field.space, .index = "Flat"}));
  std::uint64_t held = 0;
  const auto hold = [&](std::vector<Item> items) -> Result<bool> {
    std::erase_if(items, [](const Item& item) { return item.vector.empty(); });
    if (items.size() > request.limit - held) items.resize(request.limit - held);
    EIDETIC_CHECK(embedded->upsert(kName, items));
    held += items.size();
    return held < request.limit;
  };
  if (info.items <= request.limit) {
    EIDETIC_CHECK(for_each(view, true, hold));
  } else {
    SortedRequest drawn{.field = fmt::format("@random:{}", request.seed), .limit = std::min(request.limit, kPage)};
    for (bool more = true; more;) {
      EIDETIC_TRY(const auto page, sorted(collection, drawn));
      std::vector<std::string> ids;
      for (const Item& item : page.items) ids.push_back(item.id);
      EIDETIC_TRY(auto rows, get(collection, ids, true));
      std::vector<Item> items;
      for (auto& row : rows) {
        if (row) items.push_back(*std::move(row));
      }
      EIDETIC_TRY(more, hold(std::move(items)));
      drawn.cursor = page.next;
      more = more && !drawn.cursor.empty();
    }
  }
  EIDETIC_TRY(auto map, embedded->map(kName, request));
  map.kind = info.index_kind;
  map.items = info.items;
  return map;
}

}  // namespace eidetic
