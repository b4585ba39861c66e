#include "backend/embedded.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include "backend/collection.h"
#include "backend/jobs.h"
#include "backend/parts.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "catalog/catalog.h"
#include "catalog/check.h"

namespace eidetic {
namespace {

constexpr std::string_view kFormat = "eidetic data folder 1\n";
constexpr std::string_view kFormatStart = "eidetic data folder ";
constexpr std::uint32_t kMaxScroll = 10'000;
constexpr std::uint32_t kPurgeRows = 2000;

// As the collection keeps it: "auto", or a factory string spelt in the one way.
Result<std::string> checked_index(std::string_view index, const Space& space) {
  if (index == "auto") return std::string(index);
  return check_factory(index, space.dimensions);
}

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
  Result<void> configure(std::string_view collection, std::string_view settings) override;
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
  Result<void> flush() override;
  Result<void> backup(const std::filesystem::path& folder) override;

 private:
  using Handle = std::shared_ptr<Collection>;

  [[nodiscard]] std::filesystem::path folder_of(std::int64_t collection) const {
    return options_.data_dir / "collections" / std::to_string(collection);
  }
  [[nodiscard]] Handle make_handle(CollectionRecord record);
  [[nodiscard]] Result<Handle> find(std::string_view name);
  // Null: no item has parts.
  [[nodiscard]] Handle parts_of(std::string_view name);
  [[nodiscard]] Result<Handle> make_parts(const CollectionSpec& spec);
  // Those of collections, and where asked for, of their parts too.
  [[nodiscard]] std::vector<Handle> all(bool with_parts);
  // With parting_ held: replaces the parts of items, one result an item; the items are to be good, or stored.
  [[nodiscard]] Result<std::vector<Result<void>>> write_parts(Collection& parts, std::span<const Item> items);
  [[nodiscard]] Result<std::vector<Hit>> search_parts(Collection& items, Collection& parts, const VectorQuery& query);
  [[nodiscard]] Result<void> save_all();
  void post_purge();

  const EmbeddedOptions options_;
  const FileLock lock_;
  const std::unique_ptr<Catalog> catalog_;
  Jobs jobs_;

  std::mutex naming_;   // one create or drop at a time
  std::mutex parting_;  // from writing items to writing their parts, in collections whose items have parts
  std::shared_mutex map_mutex_;
  std::map<std::string, Handle, std::less<>> collections_;
  std::map<std::string, Handle, std::less<>> parts_;  // of the collections of these names
};

EmbeddedBackend::EmbeddedBackend(const EmbeddedOptions& options, FileLock lock, std::unique_ptr<Catalog> catalog)
    : options_(options), lock_(std::move(lock)), catalog_(std::move(catalog)), jobs_(*options.pool) {}

EmbeddedBackend::~EmbeddedBackend() {
  jobs_.close();
  // Nothing is lost with a snapshot: the next start takes longer.
  if (const auto saved = save_all(); !saved) log(LogLevel::info, "no snapshot: {}", saved.error().message);
}

Result<void> EmbeddedBackend::start() {
  EIDETIC_TRY(auto records, catalog_->collections());
  std::vector<std::string> folders;
  for (auto& record : records) {
    folders.push_back(std::to_string(record.key));
    auto name = record.spec.name;
    const bool is_parts = name.starts_with(kPartsPrefix);
    if (is_parts) name.erase(0, kPartsPrefix.size());
    (is_parts ? parts_ : collections_).emplace(std::move(name), make_handle(std::move(record)));
  }
  for (auto entry = parts_.begin(); entry != parts_.end();) {
    if (collections_.contains(entry->first)) {
      ++entry;
      continue;
    }
    EIDETIC_CHECK(entry->second->drop());
    entry = parts_.erase(entry);
  }
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(options_.data_dir / "collections", error)) {
    if (std::ranges::find(folders, entry.path().filename().native()) != folders.end()) continue;
    std::filesystem::remove_all(entry.path(), error);
  }
  post_purge();
  return {};
}

EmbeddedBackend::Handle EmbeddedBackend::make_handle(CollectionRecord record) {
  CollectionOptions options{.folder = folder_of(record.key),
                            .index = {.pool = options_.pool},
                            .hnsw_from_items = options_.hnsw_from_items,
                            .snapshot_every = options_.snapshot_every};
  return std::make_shared<Collection>(std::move(record), std::move(options), *catalog_, jobs_);
}

Result<EmbeddedBackend::Handle> EmbeddedBackend::find(std::string_view name) {
  const std::shared_lock lock(map_mutex_);
  if (const auto found = collections_.find(name); found != collections_.end()) return found->second;
  std::vector<std::string> names;
  names.reserve(collections_.size());
  for (const auto& [known, handle] : collections_) names.push_back(known);
  return fail(ErrorCode::not_found, fmt::format("no collection '{}'{}", name, did_you_mean(name, names)));
}

EmbeddedBackend::Handle EmbeddedBackend::parts_of(std::string_view name) {
  const std::shared_lock lock(map_mutex_);
  const auto found = parts_.find(name);
  return found != parts_.end() ? found->second : nullptr;
}

std::vector<EmbeddedBackend::Handle> EmbeddedBackend::all(bool with_parts) {
  const std::shared_lock lock(map_mutex_);
  std::vector<Handle> handles;
  handles.reserve(collections_.size() + parts_.size());
  for (const auto& [name, handle] : collections_) handles.push_back(handle);
  if (!with_parts) return handles;
  for (const auto& [name, handle] : parts_) handles.push_back(handle);
  return handles;
}

Result<void> EmbeddedBackend::create(const CollectionSpec& asked) {
  EIDETIC_CHECK(check_collection_name(asked.name));
  CollectionSpec spec = asked;
  EIDETIC_TRY(spec.index, checked_index(asked.index, asked.space));
  const std::scoped_lock naming(naming_);
  EIDETIC_TRY(CollectionRecord record, catalog_->create(spec));
  std::error_code ignored;
  std::filesystem::remove_all(folder_of(record.key), ignored);
  auto handle = make_handle(std::move(record));
  const std::unique_lock lock(map_mutex_);
  collections_.emplace(spec.name, std::move(handle));
  return {};
}

Result<void> EmbeddedBackend::drop(std::string_view collection) {
  const std::scoped_lock naming(naming_);
  EIDETIC_TRY(const Handle handle, find(collection));
  EIDETIC_CHECK(handle->drop());
  {
    const std::unique_lock lock(map_mutex_);
    collections_.erase(collections_.find(collection));
  }
  // Parts of no collection are cleared away at the next start at the latest.
  const std::scoped_lock parting(parting_);
  const Handle parts = parts_of(collection);
  if (parts) EIDETIC_CHECK(parts->drop());
  {
    const std::unique_lock lock(map_mutex_);
    if (parts) parts_.erase(parts_.find(collection));
  }
  post_purge();
  return {};
}

void EmbeddedBackend::post_purge() {
  jobs_.post([this] {
    // A portion a job: other work of the pool gets its turn between them.
    const auto more = catalog_->purge(kPurgeRows);
    if (!more) log(LogLevel::warning, "cannot clear away dropped collections: {}", more.error().message);
    if (more.value_or(false)) post_purge();
  });
}

Result<std::vector<CollectionInfo>> EmbeddedBackend::list() {
  std::vector<CollectionInfo> infos;
  for (const Handle& handle : all(false)) {
    auto info = describe(handle->spec().name);
    if (info) {
      infos.push_back(*std::move(info));
    } else if (info.error().code != ErrorCode::not_found) {  // else dropped meanwhile
      return std::unexpected(std::move(info).error());
    }
  }
  return infos;
}

Result<CollectionInfo> EmbeddedBackend::describe(std::string_view collection) {
  EIDETIC_TRY(const Handle handle, find(collection));
  EIDETIC_TRY(auto info, handle->describe());
  if (const Handle parts = parts_of(collection)) {
    EIDETIC_TRY(const auto more, parts->describe());
    info.parts = more.items;
    info.memory_bytes += more.memory_bytes;
    info.disk_bytes += more.disk_bytes;
    if (info.index_building.empty()) info.index_building = more.index_building;
  }
  return info;
}

Result<CollectionSpec> EmbeddedBackend::spec(std::string_view collection) {
  EIDETIC_TRY(const Handle handle, find(collection));
  return handle->spec();
}

Result<void> EmbeddedBackend::configure(std::string_view collection, std::string_view settings) {
  EIDETIC_TRY(const Handle handle, find(collection));
  return handle->configure(settings);
}

Result<void> EmbeddedBackend::attach(std::string_view collection, std::string_view name,
                                     std::span<const std::byte> content) {
  EIDETIC_TRY(const Handle handle, find(collection));
  return catalog_->attach(handle->key(), name, content);
}

Result<std::optional<std::vector<std::byte>>> EmbeddedBackend::attachment(std::string_view collection,
                                                                          std::string_view name) {
  EIDETIC_TRY(const Handle handle, find(collection));
  return catalog_->attachment(handle->key(), name);
}

Result<std::vector<std::string>> EmbeddedBackend::attachments(std::string_view collection) {
  EIDETIC_TRY(const Handle handle, find(collection));
  return catalog_->attachments(handle->key());
}

Result<void> EmbeddedBackend::reindex(std::string_view collection, std::string_view index) {
  EIDETIC_TRY(const Handle handle, find(collection));
  std::string checked;
  if (!index.empty()) {
    EIDETIC_TRY(checked, checked_index(index, handle->spec().space));
  }
  if (const Handle parts = parts_of(collection)) EIDETIC_CHECK(parts->reindex(checked));
  return handle->reindex(checked);
}

Result<std::vector<Result<void>>> EmbeddedBackend::upsert(std::string_view collection, std::span<const Item> items) {
  EIDETIC_TRY(const Handle handle, find(collection));
  Handle parts = parts_of(collection);
  const bool has_parts = std::ranges::any_of(items, [](const Item& item) { return !item.parts.empty(); });
  if (!parts && !has_parts) return handle->upsert(items);

  const std::scoped_lock parting(parting_);
  EIDETIC_TRY(parts, make_parts(handle->spec()));
  // Parts first: an item that is stored has all of them. Parts of an item that then is not are never met.
  std::vector<Item> good;
  std::vector<std::size_t> places;
  std::vector<Result<void>> results(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    results[i] = check_facts(items[i]);
    if (results[i]) results[i] = check_vector(items[i].vector, handle->spec().space);
    if (!results[i]) continue;
    good.push_back(items[i]);
    places.push_back(i);
  }
  EIDETIC_TRY(const auto written, write_parts(*parts, good));
  std::vector<Item> whole;
  std::vector<std::size_t> whole_places;
  for (std::size_t i = 0; i < good.size(); ++i) {
    results[places[i]] = written[i];
    if (!written[i]) continue;
    whole.push_back(std::move(good[i]));
    whole_places.push_back(places[i]);
  }
  EIDETIC_TRY(auto stored, handle->upsert(whole));
  for (std::size_t i = 0; i < stored.size(); ++i) results[whole_places[i]] = std::move(stored[i]);
  return results;
}

Result<std::vector<Result<void>>> EmbeddedBackend::update(std::string_view collection, std::span<const Item> items) {
  EIDETIC_TRY(const Handle handle, find(collection));
  if (!parts_of(collection)) return handle->update(items);
  const std::scoped_lock parting(parting_);
  EIDETIC_TRY(auto results, handle->update(items));
  const Handle parts = parts_of(collection);
  if (!parts) return results;
  EIDETIC_TRY(const auto most, most_parts(parts->spec()));
  const std::vector<Vector> unchanged(most);
  std::vector<Item> rows;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (results[i]) std::ranges::move(part_items(items[i], unchanged), std::back_inserter(rows));
  }
  // Not every item has as many.
  EIDETIC_CHECK(parts->update(rows));
  return results;
}

Result<std::vector<Result<void>>> EmbeddedBackend::store_parts(std::string_view collection,
                                                               std::span<const Item> items) {
  EIDETIC_TRY(const Handle handle, find(collection));
  const std::scoped_lock parting(parting_);
  EIDETIC_TRY(const Handle parts, make_parts(handle->spec()));
  std::vector<std::string> ids;
  for (const Item& item : items) ids.push_back(item.id);
  EIDETIC_TRY(auto stored, catalog_->get(handle->key(), ids, false));
  std::vector<Item> there;
  std::vector<std::size_t> places;
  std::vector<Result<void>> results(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!stored[i]) {
      results[i] = fail(ErrorCode::not_found, fmt::format("no item '{}' in collection '{}'", items[i].id, collection));
      continue;
    }
    stored[i]->parts = items[i].parts;
    there.push_back(*std::move(stored[i]));
    places.push_back(i);
  }
  EIDETIC_TRY(auto written, write_parts(*parts, there));
  for (std::size_t i = 0; i < written.size(); ++i) results[places[i]] = std::move(written[i]);
  return results;
}

Result<std::vector<std::vector<Vector>>> EmbeddedBackend::parts(std::string_view collection,
                                                                std::span<const std::string> ids) {
  EIDETIC_TRY(const Handle handle, find(collection));
  std::vector<std::vector<Vector>> all(ids.size());
  const Handle parts = parts_of(collection);
  if (!parts) return all;
  EIDETIC_TRY(const auto most, most_parts(parts->spec()));
  EIDETIC_TRY(const auto stored, catalog_->get(handle->key(), ids, false));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!stored[i]) continue;
    EIDETIC_TRY(auto rows, catalog_->get(parts->key(), part_ids(ids[i], 0, most), true));
    for (auto& row : rows) {
      if (!row) break;
      all[i].push_back(std::move(row->vector));
    }
  }
  return all;
}

Result<void> EmbeddedBackend::drop_parts(std::string_view collection) {
  EIDETIC_CHECK(find(collection));
  const std::scoped_lock parting(parting_);
  const Handle parts = parts_of(collection);
  if (!parts) return {};
  EIDETIC_CHECK(parts->drop());
  {
    const std::unique_lock lock(map_mutex_);
    parts_.erase(parts_.find(collection));
  }
  post_purge();
  return {};
}

Result<EmbeddedBackend::Handle> EmbeddedBackend::make_parts(const CollectionSpec& spec) {
  EIDETIC_CHECK(find(spec.name));
  if (auto there = parts_of(spec.name)) return there;
  CollectionSpec parts = spec;
  parts.name.insert(0, kPartsPrefix);
  parts.settings = parts_settings(0);
  EIDETIC_TRY(CollectionRecord record, catalog_->create(parts));
  std::error_code ignored;
  std::filesystem::remove_all(folder_of(record.key), ignored);
  auto handle = make_handle(std::move(record));
  const std::unique_lock lock(map_mutex_);
  parts_.emplace(spec.name, handle);
  return handle;
}

Result<std::vector<Result<void>>> EmbeddedBackend::write_parts(Collection& parts, std::span<const Item> items) {
  const CollectionSpec spec = parts.spec();
  EIDETIC_TRY(const auto before, most_parts(spec));
  std::vector<Result<void>> results(items.size());
  std::map<std::string_view, std::size_t> last;  // an id that comes twice is what it is the second time
  auto most = before;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto& [id, uri, hash, size, modified, metadata, vector, vectors] = items[i];
    if (vectors.size() > kMaxParts) {
      results[i] = fail(ErrorCode::invalid_argument,
                        fmt::format("item '{}' has {} parts; at most {} are possible", id, vectors.size(), kMaxParts));
    }
    for (std::size_t part = 0; part < vectors.size() && results[i]; ++part) {
      const auto checked = check_vector(vectors[part], spec.space);
      if (checked) continue;
      results[i] =
          fail(checked.error().code, fmt::format("part {} of item '{}': {}", part, id, checked.error().message));
    }
    if (!results[i]) continue;
    most = std::max(most, vectors.size());
    last[id] = i;
  }
  // How many there may be is known before there are as many.
  if (most > before) EIDETIC_CHECK(parts.configure(parts_settings(most)));
  std::vector<Item> rows;
  std::vector<std::string> gone;
  for (const auto& [id, i] : last) {
    std::ranges::move(part_items(items[i], items[i].parts), std::back_inserter(rows));
    std::ranges::move(part_ids(id, items[i].parts.size(), before), std::back_inserter(gone));
  }
  EIDETIC_TRY(const auto stored, parts.upsert(rows));
  for (const auto& result : stored) EIDETIC_CHECK(result);
  if (!gone.empty()) EIDETIC_CHECK(parts.erase(gone));
  return results;
}

Result<std::uint64_t> EmbeddedBackend::erase(std::string_view collection, std::span<const std::string> ids) {
  EIDETIC_TRY(const Handle handle, find(collection));
  if (!parts_of(collection)) return handle->erase(ids);
  const std::scoped_lock parting(parting_);
  EIDETIC_TRY(const auto erased, handle->erase(ids));
  const Handle parts = parts_of(collection);
  if (!parts) return erased;
  EIDETIC_TRY(const auto most, most_parts(parts->spec()));
  std::vector<std::string> gone;
  for (const auto& id : ids) std::ranges::move(part_ids(id, 0, most), std::back_inserter(gone));
  EIDETIC_CHECK(parts->erase(gone));
  return erased;
}

Result<std::vector<std::optional<Item>>> EmbeddedBackend::get(std::string_view collection,
                                                              std::span<const std::string> ids, bool with_vectors) {
  EIDETIC_TRY(const Handle handle, find(collection));
  return catalog_->get(handle->key(), ids, with_vectors);
}

Result<ScrollPage> EmbeddedBackend::scroll(std::string_view collection, std::string_view cursor, std::uint32_t limit,
                                           bool with_vectors) {
  EIDETIC_TRY(const Handle handle, find(collection));
  if (limit < 1 || limit > kMaxScroll) {
    return fail(ErrorCode::invalid_argument, fmt::format("limit is {}; 1 to {} are possible", limit, kMaxScroll));
  }
  return catalog_->scroll(handle->key(), cursor, limit, with_vectors);
}

Result<ScrollPage> EmbeddedBackend::sorted(std::string_view collection, const SortedRequest& request) {
  EIDETIC_TRY(const Handle handle, find(collection));
  return handle->sorted(request);
}

Result<std::vector<Facet>> EmbeddedBackend::facets(std::string_view collection, const FacetRequest& request) {
  EIDETIC_TRY(const Handle handle, find(collection));
  return handle->facets(request);
}

Result<std::uint64_t> EmbeddedBackend::count(std::string_view collection, const Filter& filter) {
  EIDETIC_TRY(const Handle handle, find(collection));
  return handle->count(filter);
}

Result<std::vector<Hit>> EmbeddedBackend::search(std::string_view collection, const VectorQuery& query) {
  EIDETIC_TRY(const Handle handle, find(collection));
  const Handle parts = query.parts ? parts_of(collection) : nullptr;
  return parts ? search_parts(*handle, *parts, query) : handle->search(query);
}

Result<std::vector<Hit>> EmbeddedBackend::search_parts(Collection& items, Collection& parts, const VectorQuery& query) {
  EIDETIC_TRY(auto whole, items.search(query));
  EIDETIC_TRY(const auto most, most_parts(parts.spec()));
  VectorQuery nearest = query;
  nearest.filter = filter_of_parts(query.filter);
  nearest.exclude_ids.clear();
  for (const auto& id : query.exclude_ids) {
    std::ranges::move(part_ids(id, 0, most), std::back_inserter(nearest.exclude_ids));
  }
  // Of one item several parts are near, and none is known beforehand.
  constexpr std::uint32_t kMore = 4;
  std::vector<NearestPart> found;
  for (nearest.k = query.k;;) {
    nearest.k = std::min(nearest.k * kMore, kMaxK);
    EIDETIC_TRY(const auto hits, parts.search(nearest));
    EIDETIC_TRY(found, nearest_parts(hits));
    if (found.size() >= query.k || hits.size() < nearest.k || nearest.k == kMaxK) break;
  }
  std::vector<std::string> ids;
  for (const auto& part : found) ids.push_back(part.id);
  EIDETIC_TRY(auto there, catalog_->get(items.key(), ids, false));
  for (auto& item : there) {
    if (item && !query.filter.matches(*item)) item.reset();
  }
  return join_parts(std::move(whole), found, there, query.k);
}

Result<std::vector<Result<std::vector<Hit>>>> EmbeddedBackend::search(std::string_view collection,
                                                                      std::span<const VectorQuery> queries) {
  EIDETIC_TRY(const Handle handle, find(collection));
  const Handle parts = parts_of(collection);
  if (!parts || std::ranges::none_of(queries, &VectorQuery::parts)) return handle->search(queries);
  std::vector<Result<std::vector<Hit>>> results;
  results.reserve(queries.size());
  for (const auto& query : queries) {
    results.push_back(query.parts ? search_parts(*handle, *parts, query) : handle->search(query));
  }
  return results;
}

Result<IndexView> EmbeddedBackend::inspect(std::string_view collection) {
  EIDETIC_TRY(const Handle handle, find(collection));
  return handle->inspect();
}

Result<SearchWalk> EmbeddedBackend::walk(std::string_view collection, const VectorQuery& query) {
  EIDETIC_TRY(const Handle handle, find(collection));
  if (query.parts) {
    return fail(ErrorCode::invalid_argument, "a walk is that of one search, and one by parts is two: leave them out");
  }
  return handle->walk(query);
}

Result<CollectionMap> EmbeddedBackend::map(std::string_view collection, const MapRequest& request) {
  EIDETIC_TRY(const Handle handle, find(collection));
  return handle->map(request);
}

Result<NearPairs> EmbeddedBackend::near_pairs(std::string_view collection, const NearRequest& request,
                                              const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                                              std::stop_token stop) {
  EIDETIC_TRY(const Handle handle, find(collection));
  return handle->near_pairs(request, progress, stop);
}

Result<void> EmbeddedBackend::flush() {
  for (const Handle& handle : all(true)) handle->build_now();
  return save_all();
}

Result<void> EmbeddedBackend::backup(const std::filesystem::path& folder) {
  EIDETIC_CHECK(catalog_->backup_to(folder / "catalog.db"));
  return write_file_atomically(folder / "FORMAT", kFormat);
}

Result<void> EmbeddedBackend::save_all() {
  Result<void> result;
  for (const Handle& handle : all(true)) {
    auto saved = handle->save();
    if (!saved && saved.error().code != ErrorCode::not_found) result = std::move(saved);
  }
  return result;
}

Result<void> check_format(const std::filesystem::path& file) {
  const auto found = read_text(file, 1024);
  if (!found && found.error().code == ErrorCode::not_found) return write_file_atomically(file, kFormat);
  if (!found) return std::unexpected(found.error());
  if (*found == kFormat) return {};
  if (found->starts_with(kFormatStart)) {
    return fail(
        ErrorCode::unsupported,
        fmt::format("'{}' was written by a newer Eidetic (it says '{}'; this one knows '{}'): update Eidetic, or "
                    "choose another data folder",
                    file.parent_path().native(), trim(*found), trim(kFormat)));
  }
  return fail(ErrorCode::corrupt, fmt::format("'{}' is no format note of Eidetic: is '{}' really its data folder?",
                                              file.native(), file.parent_path().native()));
}

}  // namespace

Result<std::unique_ptr<Backend>> open_embedded_backend(const EmbeddedOptions& options) {
  if (options.pool == nullptr) return fail(ErrorCode::invalid_argument, "the embedded backend needs a thread pool");
  EIDETIC_CHECK(make_directories(options.data_dir));
  EIDETIC_TRY(FileLock lock, FileLock::acquire(options.data_dir / "LOCK"));
  EIDETIC_CHECK(check_format(options.data_dir / "FORMAT"));
  EIDETIC_TRY(auto catalog, Catalog::open(options.data_dir / "catalog.db"));
  auto backend = std::make_unique<EmbeddedBackend>(options, std::move(lock), std::move(catalog));
  EIDETIC_CHECK(backend->start());
  return backend;
}

}  // namespace eidetic
