// One collection of the embedded backend: writes go to the catalog and, once committed, to the generation that answers
// searches. The generation is opened at first use, built anew when it is damaged or fails, and replaced in the
// background when another kind of index suits better or too many of its rows are dead.
//
// Thread-safe. Locks, taken in this order: build_mutex_ (one build at a time), write_mutex_ (one writer at a time; over
// commit and application, so that both happen in the same order), state_mutex_ (the pointer to the generation, and the
// settings).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "eidetic/backend.h"

#include "backend/generation.h"
#include "backend/jobs.h"
#include "catalog/catalog.h"

namespace eidetic {

struct CollectionOptions {
  std::filesystem::path folder;  // of this collection's era; generations are numbered folders in it
  IndexOptions index;
  std::uint64_t hnsw_from_items = 0;
  std::chrono::milliseconds snapshot_every{};
  bool fresh = false;  // of a space that is only made: what lies in the folder is of none
};

class Collection : public std::enable_shared_from_this<Collection> {
 public:
  // `catalog` and `jobs` must outlive this.
  Collection(CollectionRecord record, CollectionOptions options, Catalog& catalog, Jobs& jobs);

  [[nodiscard]] std::int64_t key() const noexcept { return record_.key; }
  [[nodiscard]] const CollectionRecord& record() const noexcept { return record_; }

  // As in Backend.
  [[nodiscard]] Result<std::vector<Result<void>>> upsert(std::span<const Item> items);
  [[nodiscard]] Result<std::vector<Result<void>>> update(std::span<const Item> items);
  [[nodiscard]] Result<std::uint64_t> erase(std::span<const std::string> ids);
  [[nodiscard]] Result<std::vector<Hit>> search(const VectorQuery& query) { return search(query, nullptr); }
  [[nodiscard]] std::vector<Result<std::vector<Hit>>> search(std::span<const VectorQuery> queries);
  [[nodiscard]] Result<ScrollPage> sorted(const SortedRequest& request);
  [[nodiscard]] Result<std::vector<Facet>> facets(const FacetRequest& request);
  [[nodiscard]] Result<std::uint64_t> count(const Filter& filter);
  [[nodiscard]] Result<IndexView> inspect();
  [[nodiscard]] Result<SearchWalk> walk(const VectorQuery& query);
  [[nodiscard]] Result<CollectionMap> map(const MapRequest& request);
  [[nodiscard]] Result<NearPairs> near_pairs(const NearRequest& request,
                                             const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                                             const std::stop_token& stop);
  [[nodiscard]] CollectionSpec spec() const;
  [[nodiscard]] Result<void> configure(const EditSettings& edit);
  [[nodiscard]] Result<void> reindex(std::string_view index);
  // Opens nothing: of a collection not used yet, index_kind is what will answer first and memory_bytes is 0.
  [[nodiscard]] Result<CollectionInfo> describe();

  // Does the build that is due, if any, or waits for the one that runs. A failure is logged; the old index stays.
  void build_now();
  // --- of a collection in its other space, and of one that gets or loses its place ---
  // Stores vectors of that space under keys in rising order, 0s passed over; how many were stored. As in the catalog.
  [[nodiscard]] Result<std::uint64_t> store_made(std::span<const ItemKey> keys, std::vector<Vector> vectors);
  // Opens it, takes in what is new, and builds the index that it wants.
  [[nodiscard]] Result<void> build_whole();
  // Takes in what is new and whatever `before` has learnt of the same items.
  [[nodiscard]] Result<void> catch_up_with(const Collection& before);
  void adopt(std::string_view settings, const Collection& before);
  // Nothing is built or written any more; whoever still reads it may go on.
  void retire();
  // Its files go, too; every later call is a not_found.
  void discard();

  // Writes snapshots of what is open and newer than its files.
  [[nodiscard]] Result<void> save();
  // Takes it out of the catalog and deletes its files; every later call is a not_found.
  [[nodiscard]] Result<void> drop();

 private:
  using State = std::shared_ptr<Generation>;

  [[nodiscard]] State state() const;
  void set_state(State next);
  // Opens, if need be, with write_mutex_ held.
  [[nodiscard]] Result<State> open();
  [[nodiscard]] Result<State> ready();
  // The same, with columns of these fields.
  [[nodiscard]] Result<State> open_with(std::span<const FieldName> fields);
  [[nodiscard]] Result<State> ready_with(std::span<const FieldName> fields);
  // sorted() in an order that chance chooses.
  [[nodiscard]] Result<ScrollPage> shuffled(const SortedRequest& request, std::uint64_t seed);
  [[nodiscard]] Result<ScrollPage> page_of(std::span<const ItemKey> keys, std::string next);
  [[nodiscard]] Result<State> open_saved(const CollectionRecord& now, std::span<const std::uint64_t> generations);
  void apply(const Change& change, std::span<const Item> items);

  struct Found {
    std::vector<Hit> hits;
    bool complete = true;  // false: a write came between, and items may lack
  };
  // Which generation has answered, and what it did.
  struct Told {
    State generation;
    SearchTrace trace;
  };
  // `told` may be null.
  [[nodiscard]] Result<std::vector<Hit>> search(const VectorQuery& query, Told* told);
  [[nodiscard]] Result<void> check(const VectorQuery& query) const;
  [[nodiscard]] Result<Found> search_in(const State& generation, const VectorQuery& query, Told* told);
  // Those of `queries` at `places`, which differ in their vectors only and exclude nothing. A result that is left empty
  // is to be searched for by itself.
  void search_together(const Generation& generation, std::span<const VectorQuery> queries,
                       std::span<const std::size_t> places, std::span<std::optional<std::vector<Hit>>> results);
  [[nodiscard]] Result<Found> fill(const Generation& generation, std::span<const Neighbor> neighbors,
                                   const VectorQuery& query);

  [[nodiscard]] std::string index_setting() const;
  [[nodiscard]] std::string note(const IndexStats& stats, std::uint64_t items) const;
  [[nodiscard]] std::string target(std::uint64_t items, bool is_graph) const;
  [[nodiscard]] std::string first_factory(std::uint64_t items) const;
  [[nodiscard]] std::optional<std::string> wanted_build(const Generation& generation) const;
  [[nodiscard]] Result<void> build(const std::string& factory, const std::filesystem::path& folder);
  void post_due_work();
  void set_building(std::string factory);
  [[nodiscard]] std::string build_error() const;
  void set_build_error(std::string error);

  const CollectionRecord record_;  // as of construction, settings included
  CollectionOptions options_;      // as of construction, too
  Catalog& catalog_;
  Jobs& jobs_;

  std::mutex build_mutex_;
  std::mutex write_mutex_;
  std::uint64_t next_generation_ = 1;
  bool looked_at_disk_ = false;  // afterwards only what this process has built counts
  bool dropped_ = false;
  bool retired_ = false;
  bool build_posted_ = false;
  bool rebuild_asked_ = false;
  std::chrono::steady_clock::time_point last_save_ = std::chrono::steady_clock::now();

  mutable std::shared_mutex state_mutex_;
  State state_;  // null: not opened yet, or given up after a failure
  std::string building_;
  std::string build_error_;  // of the last build; it is not tried again before the next start, unless asked for
  std::string settings_;     // as of now
  std::string index_;        // as of now
};

}  // namespace eidetic
