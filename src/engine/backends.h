// The collections of the data folder and of search engines elsewhere, as those of one backend.
//
// A collection is looked for in the data folder first, then in the engines in their order. One that another of the same
// name hides is reached as NAME@URL. An engine that does not answer hides nothing of the others; what only it may have
// is unreachable.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/backend.h"
#include "eidetic/cluster.h"
#include "eidetic/engine.h"

namespace eidetic {

class Backends final : public Backend {
 public:
  struct Place {
    std::string name;  // kEmbeddedBackend, or an engine's URL as parse_cluster_url has it
    std::unique_ptr<Backend> backend = nullptr;
    std::function<Result<void>()> on_answer = {};  // done once, when it has first answered
  };
  // The first is the embedded one, where collections are made that do not say it.
  explicit Backends(std::vector<Place> places);
  // One of the places: they are made there.
  void prefer(const Place& place) { preferred_ = &place; }

  // In the place of that name, "" for the preferred one. invalid_argument naming those there are; already_exists where
  // any place has the name.
  [[nodiscard]] Result<void> create_in(std::string_view place, const CollectionSpec& spec);
  // The place of that name, as create_in.
  [[nodiscard]] Result<const Place*> place(std::string_view name) const;
  [[nodiscard]] std::vector<BackendPlace> places() const;
  // Of what the collection is kept in.
  [[nodiscard]] Result<std::string> place_of(std::string_view collection);

  [[nodiscard]] Result<void> create(const CollectionSpec& spec) override;
  [[nodiscard]] Result<void> drop(std::string_view collection) override;
  // An engine that does not answer is warned of; of its collections those are listed that it had before.
  [[nodiscard]] Result<std::vector<CollectionInfo>> list() override;
  // The same, and an error where that would be any but all that there are.
  [[nodiscard]] Result<std::vector<CollectionInfo>> list_all();
  // Places that are not opened and may have collections.
  void miss(std::vector<std::string> places) { missing_ = std::move(places); }
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
  // Of the data folder.
  [[nodiscard]] Result<void> backup(const std::filesystem::path& folder) override;

 private:
  struct Found {
    Backend* backend = nullptr;
    std::size_t place = 0;
    std::string name;  // there
  };
  [[nodiscard]] Result<Found> find(std::string_view collection);
  void answers(std::size_t place);
  [[nodiscard]] Result<std::vector<CollectionInfo>> list(bool all);

  std::vector<Place> places_;
  const Place* preferred_;
  std::vector<std::string> missing_;
  std::vector<std::atomic<bool>> answered_;
  std::mutex seen_mutex_;
  std::vector<std::vector<CollectionInfo>> seen_;  // of each place, when it was last listed
};

// The embedded backend of the options' data folder, the engines of the options and those that the folder remembers.
// invalid_argument: a bad URL, or a `backend` that is none of them.
[[nodiscard]] Result<std::unique_ptr<Backends>> open_backends(const EngineOptions& options,
                                                              std::unique_ptr<Backend> embedded);

}  // namespace eidetic
