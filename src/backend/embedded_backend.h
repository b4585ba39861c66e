// The embedded backend as a class. The verbs stand in embedded.cpp, those on parts in embedded_parts.cpp.
//
// The parts of a collection's items are the items of a second collection beside it (backend/parts.h), which has the
// same name with kPartsPrefix before it, comes with the first item that has parts, and goes with the collection.
//
// A collection in its other space is a second Collection over the same row of the catalog, of the next era, which takes
// the place of the first at a switch (embedded_spaces.cpp); its parts likewise.
//
// Locks, taken in this order: naming_, switching_, parting_, map_mutex_.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "backend/collection.h"
#include "backend/embedded.h"
#include "backend/jobs.h"
#include "base/file.h"
#include "catalog/catalog.h"

namespace eidetic {

// As a collection keeps it: "auto", or a factory string spelt in the one way.
[[nodiscard]] Result<std::string> checked_index(std::string_view index, const Space& space);

class EmbeddedBackend final : public Backend {
 public:
  EmbeddedBackend(const EmbeddedOptions& options, FileLock lock, std::unique_ptr<Catalog> catalog);
  EmbeddedBackend(const EmbeddedBackend&) = delete;
  EmbeddedBackend& operator=(const EmbeddedBackend&) = delete;
  ~EmbeddedBackend() override;

  // Learns of the collections that are there and clears away what an interrupted drop has left.
  [[nodiscard]] Result<void> start();

  Result<void> create(const CollectionSpec& spec) override;
  Result<void> drop(std::string_view collection) override;
  Result<std::vector<CollectionInfo>> list() override;
  Result<CollectionInfo> describe(std::string_view collection) override;
  Result<CollectionSpec> spec(std::string_view collection) override;
  Result<void> configure(std::string_view collection, const EditSettings& edit) override;
  Result<void> attach(std::string_view collection, std::string_view name, std::span<const std::byte> content) override;
  Result<std::optional<std::vector<std::byte>>> attachment(std::string_view collection, std::string_view name) override;
  Result<std::vector<std::string>> attachments(std::string_view collection) override;
  Result<void> reindex(std::string_view collection, std::string_view index) override;
  Result<std::vector<Result<void>>> upsert(std::string_view collection, std::span<const Item> items) override;
  Result<std::vector<Result<void>>> update(std::string_view collection, std::span<const Item> items) override;
  Result<std::vector<Result<void>>> store_parts(std::string_view collection, std::span<const Item> items) override;
  Result<std::vector<std::vector<Vector>>> parts(std::string_view collection,
                                                 std::span<const std::string> ids) override;
  Result<void> drop_parts(std::string_view collection) override;
  Result<std::uint64_t> erase(std::string_view collection, std::span<const std::string> ids) override;
  Result<std::vector<std::optional<Item>>> get(std::string_view collection, std::span<const std::string> ids,
                                               bool with_vectors) override;
  Result<ScrollPage> scroll(std::string_view collection, std::string_view cursor, std::uint32_t limit,
                            bool with_vectors) override;
  Result<ScrollPage> sorted(std::string_view collection, const SortedRequest& request) override;
  Result<std::vector<Facet>> facets(std::string_view collection, const FacetRequest& request) override;
  Result<std::uint64_t> count(std::string_view collection, const Filter& filter) override;
  Result<std::vector<Hit>> search(std::string_view collection, const VectorQuery& query) override;
  Result<std::vector<Result<std::vector<Hit>>>> search(std::string_view collection,
                                                       std::span<const VectorQuery> queries) override;
  Result<IndexView> inspect(std::string_view collection) override;
  Result<SearchWalk> walk(std::string_view collection, const VectorQuery& query) override;
  Result<CollectionMap> map(std::string_view collection, const MapRequest& request) override;
  Result<NearPairs> near_pairs(std::string_view collection, const NearRequest& request,
                               const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                               std::stop_token stop) override;
  Result<void> begin_space(std::string_view collection, const Space& space) override;
  Result<std::optional<OtherSpace>> other_space(std::string_view collection) override;
  Result<std::vector<Item>> pending(std::string_view collection, std::uint64_t after, std::uint32_t limit) override;
  Result<std::uint64_t> store_pending(std::string_view collection, std::span<const Item> items) override;
  Result<void> build_space(std::string_view collection) override;
  Result<std::uint64_t> switch_space(std::string_view collection, const EditSettings& edit, bool drop_pending) override;
  Result<void> drop_space(std::string_view collection) override;
  Result<void> flush() override;
  Result<void> backup(const std::filesystem::path& folder) override;

 private:
  using Handle = std::shared_ptr<Collection>;
  // A collection that keeps its space meanwhile.
  struct Held {
    std::shared_lock<std::shared_mutex> lock;
    Handle handle;
  };

  [[nodiscard]] std::filesystem::path folder_of(const CollectionRecord& record) const;
  [[nodiscard]] Handle make_handle(CollectionRecord record, bool fresh = false);
  [[nodiscard]] Result<Handle> find(std::string_view name);
  // By other_space_name too: for reading.
  [[nodiscard]] Result<Handle> find_readable(std::string_view name);
  // For writing.
  [[nodiscard]] Result<Held> hold(std::string_view name);
  // A collection in its other space; unavailable where it has none. Its parts are there, too, where it has parts.
  [[nodiscard]] Result<Handle> find_other(std::string_view name);
  [[nodiscard]] Handle make_other(CollectionRecord record, const Space& space);
  [[nodiscard]] Result<Handle> make_other_parts(std::string_view name, const Space& space);
  void forget_others(std::string_view name);
  [[nodiscard]] Result<void> store_pending_parts(const Collection& whole, Collection& parts, Collection& other,
                                                 std::span<const Item> items);
  // Null: no item has parts.
  [[nodiscard]] Handle parts_of(std::string_view name);
  [[nodiscard]] Result<Handle> make_parts(const CollectionSpec& spec);
  // Those of collections, and where asked for, of their parts too.
  [[nodiscard]] std::vector<Handle> all(bool with_parts);
  // The verbs where items have parts: of collections that have some, or get them.
  [[nodiscard]] Result<std::vector<Result<void>>> upsert_with_parts(Collection& whole, std::span<const Item> items);
  [[nodiscard]] Result<std::vector<Result<void>>> update_with_parts(Collection& whole, std::span<const Item> items);
  [[nodiscard]] Result<std::uint64_t> erase_with_parts(Collection& whole, std::span<const std::string> ids);
  [[nodiscard]] Result<std::vector<Hit>> search_by_parts(Collection& whole, Collection& parts,
                                                         const VectorQuery& query);
  // With parting_ held: replaces the parts of items, one result an item; the items are to be good, or stored.
  [[nodiscard]] Result<std::vector<Result<void>>> write_parts(Collection& parts, std::span<const Item> items);
  [[nodiscard]] Result<void> save_all();
  void post_purge();

  const EmbeddedOptions options_;
  const FileLock lock_;
  const std::unique_ptr<Catalog> catalog_;
  Jobs jobs_;

  std::mutex naming_;            // one create or drop at a time, of other spaces too
  std::shared_mutex switching_;  // shared: from finding a collection to having written to it
  std::mutex parting_;           // from writing items to writing their parts, in collections whose items have parts
  std::shared_mutex map_mutex_;
  std::map<std::string, Handle, std::less<>> collections_;
  std::map<std::string, Handle, std::less<>> parts_;                 // of the collections of these names
  std::map<std::string, Handle, std::less<>> others_, other_parts_;  // the same in their other spaces
};

}  // namespace eidetic
