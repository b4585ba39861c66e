// A Backend over a DocumentStore: what engines have in common. The verbs stand in cluster_*.cpp.
//
// Several processes work on the same collections. What they have to agree on is one note a collection (descriptor.h),
// which they change by compare-and-set and remember for a second. Whoever stores vectors reads it before and after:
// what was stored while the collection changed its space is not acknowledged.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "eidetic/backend.h"

#include "cluster/descriptor.h"
#include "cluster/document_store.h"

namespace eidetic {

class ClusterBackend final : public Backend {
 public:
  explicit ClusterBackend(std::unique_ptr<DocumentStore> store);
  ClusterBackend(const ClusterBackend&) = delete;
  ClusterBackend& operator=(const ClusterBackend&) = delete;
  ~ClusterBackend() override;

  [[nodiscard]] Result<void> create(const CollectionSpec& spec) override;
  [[nodiscard]] Result<void> drop(std::string_view collection) override;
  [[nodiscard]] Result<std::vector<CollectionInfo>> list() override;
  [[nodiscard]] Result<CollectionInfo> describe(std::string_view collection) override;
  [[nodiscard]] Result<CollectionSpec> spec(std::string_view collection) override;
  [[nodiscard]] Result<void> configure(std::string_view collection, const EditSettings& edit) override;
  [[nodiscard]] Result<void> attach(std::string_view collection, std::string_view name,
                                    std::span<const std::byte> content) override;
  [[nodiscard]] Result<std::optional<std::vector<std::byte>>> attachment(std::string_view collection,
                                                                         std::string_view name) override;
  [[nodiscard]] Result<std::vector<std::string>> attachments(std::string_view collection) override;
  [[nodiscard]] Result<void> reindex(std::string_view collection, std::string_view index) override;

  [[nodiscard]] Result<std::vector<Result<void>>> upsert(std::string_view collection,
                                                         std::span<const Item> items) override;
  [[nodiscard]] Result<std::vector<Result<void>>> update(std::string_view collection,
                                                         std::span<const Item> items) override;
  [[nodiscard]] Result<std::vector<Result<void>>> store_parts(std::string_view collection,
                                                              std::span<const Item> items) override;
  [[nodiscard]] Result<std::vector<std::vector<Vector>>> parts(std::string_view collection,
                                                               std::span<const std::string> ids) override;
  [[nodiscard]] Result<void> drop_parts(std::string_view collection) override;
  [[nodiscard]] Result<std::uint64_t> erase(std::string_view collection, std::span<const std::string> ids) override;

  [[nodiscard]] Result<std::vector<std::optional<Item>>> get(std::string_view collection,
                                                             std::span<const std::string> ids,
                                                             bool with_vectors) override;
  [[nodiscard]] Result<ScrollPage> scroll(std::string_view collection, std::string_view cursor, std::uint32_t limit,
                                          bool with_vectors) override;
  [[nodiscard]] Result<ScrollPage> sorted(std::string_view collection, const SortedRequest& request) override;
  [[nodiscard]] Result<std::vector<Facet>> facets(std::string_view collection, const FacetRequest& request) override;
  [[nodiscard]] Result<std::uint64_t> count(std::string_view collection, const Filter& filter) override;
  [[nodiscard]] Result<std::vector<Hit>> search(std::string_view collection, const VectorQuery& query) override;
  [[nodiscard]] Result<std::vector<Result<std::vector<Hit>>>> search(std::string_view collection,
                                                                     std::span<const VectorQuery> queries) override;
  [[nodiscard]] Result<NearPairs> near_pairs(std::string_view collection, const NearRequest& request,
                                             const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                                             std::stop_token stop) override;
  [[nodiscard]] Result<IndexView> inspect(std::string_view collection) override;
  [[nodiscard]] Result<SearchWalk> walk(std::string_view collection, const VectorQuery& query) override;
  [[nodiscard]] Result<CollectionMap> map(std::string_view collection, const MapRequest& request) override;

  [[nodiscard]] Result<void> begin_space(std::string_view collection, const Space& space) override;
  [[nodiscard]] Result<std::optional<OtherSpace>> other_space(std::string_view collection) override;
  [[nodiscard]] Result<std::vector<Item>> pending(std::string_view collection, std::uint64_t after,
                                                  std::uint32_t limit) override;
  [[nodiscard]] Result<std::uint64_t> store_pending(std::string_view collection, std::span<const Item> items) override;
  [[nodiscard]] Result<void> build_space(std::string_view collection) override;
  [[nodiscard]] Result<std::uint64_t> switch_space(std::string_view collection, const EditSettings& edit,
                                                   bool drop_pending) override;
  [[nodiscard]] Result<void> drop_space(std::string_view collection) override;

  [[nodiscard]] Result<void> flush() override;
  [[nodiscard]] Result<void> backup(const std::filesystem::path& folder) override;

 private:
  using Clock = std::chrono::steady_clock;
  // A collection as one of its spaces shows it.
  struct View {
    Descriptor descriptor;
    VectorField field;
    bool other = false;
  };

  // --- cluster_backend.cpp: what is known of collections ---
  // As of now; not_found naming the collection.
  [[nodiscard]] Result<Descriptor> load(std::string_view collection);
  // As of a second ago at most.
  [[nodiscard]] Result<Descriptor> known(std::string_view collection);
  [[nodiscard]] Result<View> view(std::string_view name);
  // Of one whose space nobody changes just now. unavailable: it was changed since the caller could know it.
  [[nodiscard]] Result<Descriptor> writable(std::string_view collection);
  // unavailable: its space was changed, or is being changed, since.
  [[nodiscard]] Result<void> still(const Descriptor& before);
  // Changes it as it is now, again where somebody else did so meanwhile.
  [[nodiscard]] Result<Descriptor> change(std::string_view collection,
                                          const std::function<Result<void>(Descriptor&)>& edit);
  void remember(const Descriptor& descriptor);
  // Waits until no process searches as a collection was before its last change.
  static void let_others_hear();
  void forget(std::string_view collection);
  // What `work` says of a collection, where its table is gone as of the collection: it may be another one by now.
  template <typename Work>
  auto in_view(std::string_view name, const Work& work) -> std::invoke_result_t<Work, const View&> {
    EIDETIC_TRY(const View first, view(name));
    auto made = work(first);
    if (made || made.error().code != ErrorCode::not_found) return made;
    forget(name);
    EIDETIC_TRY(const View now, view(name));
    return now.descriptor.table == first.descriptor.table ? std::move(made) : work(now);
  }
  [[nodiscard]] Result<void> drop_tables(const Descriptor& descriptor);
  // A table's name is noted before there is the table, so that none is forgotten.
  [[nodiscard]] Result<std::string> make_table(std::string_view collection, const VectorField& field);
  [[nodiscard]] Result<void> drop_table(const std::string& table);
  // Those that belong to no collection any more.
  void sweep_tables();

  // What this process has written, and what was there when it first looked, is found by what it reads.
  void wrote(const std::string& table);
  [[nodiscard]] Result<void> refresh(const std::string& table);
  [[nodiscard]] std::uint64_t next_version(std::size_t count);

  // --- cluster_parts.cpp ---
  [[nodiscard]] Result<Descriptor> with_parts(const Descriptor& descriptor, std::size_t most);
  [[nodiscard]] Result<std::vector<Result<void>>> write_parts(Descriptor& descriptor, std::span<const Item> items);
  [[nodiscard]] Result<std::vector<Hit>> search_by_parts(const View& view, const VectorQuery& query);
  [[nodiscard]] Result<void> store_pending_parts(const Descriptor& descriptor, std::span<const Item> items);

  // --- cluster_search.cpp ---
  [[nodiscard]] Result<std::vector<Hit>> search_one(const View& view, const VectorQuery& query);
  // Calls `visit` for every item; until it says false.
  [[nodiscard]] Result<void> for_each(const View& view, bool with_vectors,
                                      const std::function<Result<bool>(std::vector<Item> items)>& visit);

  // --- cluster_spaces.cpp ---
  [[nodiscard]] Result<std::uint64_t> switch_held(const Descriptor& held, const EditSettings& edit, bool drop_pending);
  // Nobody stores vectors from now on, for a while; who was at it is told that it does not count.
  [[nodiscard]] Result<Descriptor> hold_writers(std::string_view collection);
  [[nodiscard]] Result<void> let_writers_go(const Descriptor& held);
  // Gives every item its vector of one field in another too.
  [[nodiscard]] Result<void> fill_field(const std::string& table, const VectorField& from, const VectorField& to);

  struct Known {
    Descriptor descriptor;
    Clock::time_point as_of;
  };
  struct Freshness {
    std::mutex refreshing;
    std::atomic<std::uint64_t> written = 1, refreshed = 0;  // what was there before this process counts as one write
  };

  std::unique_ptr<DocumentStore> store_;
  std::mutex known_mutex_;
  std::map<std::string, Known, std::less<>> known_;
  std::mutex freshness_mutex_;
  std::map<std::string, std::shared_ptr<Freshness>> freshness_;
  std::mutex version_mutex_;
  std::uint64_t last_version_ = 0;
};

}  // namespace eidetic
