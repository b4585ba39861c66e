#include "backend/embedded.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "backend/embedded_backend.h"
#include "base/log.h"
#include "base/text.h"
#include "catalog/check.h"

namespace eidetic {
namespace {

constexpr std::string_view kFormat = "eidetic data folder 1\n";
constexpr std::string_view kFormatStart = "eidetic data folder ";
constexpr std::uint32_t kMaxScroll = 10'000;
constexpr std::uint32_t kPurgeRows = 2000;

}  // namespace

Result<std::string> checked_index(std::string_view index, const Space& space) {
  if (index == "auto") return std::string(index);
  return check_factory(index, space.dimensions);
}

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
    folders.push_back(folder_of(record).filename());
    auto name = record.spec.name;
    const bool is_parts = name.starts_with(kPartsPrefix);
    if (is_parts) name.erase(0, kPartsPrefix.size());
    EIDETIC_TRY(const auto other, catalog_->other_space(record.key));
    if (other) (is_parts ? other_parts_ : others_).emplace(name, make_other(record, other->space));
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

EmbeddedBackend::Handle EmbeddedBackend::make_handle(CollectionRecord record, bool fresh) {
  CollectionOptions options{.folder = folder_of(record),
                            .index = {.pool = options_.pool},
                            .hnsw_from_items = options_.hnsw_from_items,
                            .snapshot_every = options_.snapshot_every,
                            .fresh = fresh};
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
  std::filesystem::remove_all(folder_of(record), ignored);
  auto handle = make_handle(std::move(record));
  const std::unique_lock lock(map_mutex_);
  collections_.emplace(spec.name, std::move(handle));
  return {};
}

Result<void> EmbeddedBackend::drop(std::string_view collection) {
  const std::scoped_lock naming(naming_);
  EIDETIC_TRY(const Handle handle, find(collection));
  EIDETIC_CHECK(handle->drop());
  forget_others(collection);
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
  EIDETIC_TRY(const Handle handle, find_readable(collection));
  EIDETIC_TRY(auto info, handle->describe());
  info.spec.name = collection;
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
  EIDETIC_TRY(const Handle handle, find_readable(collection));
  CollectionSpec spec = handle->spec();
  spec.name = collection;
  return spec;
}

Result<void> EmbeddedBackend::configure(std::string_view collection, const EditSettings& edit) {
  EIDETIC_TRY(const Held held, hold(collection));
  return held.handle->configure(edit);
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
  EIDETIC_TRY(const Held held, hold(collection));
  std::string checked;
  if (!index.empty()) {
    EIDETIC_TRY(checked, checked_index(index, held.handle->record().spec.space));
    EIDETIC_TRY(const auto other, catalog_->other_space(held.handle->key()));
    if (other) EIDETIC_CHECK(checked_index(index, other->space));
  }
  if (const Handle parts = parts_of(collection)) EIDETIC_CHECK(parts->reindex(checked));
  return held.handle->reindex(checked);
}

Result<std::vector<Result<void>>> EmbeddedBackend::upsert(std::string_view collection, std::span<const Item> items) {
  EIDETIC_TRY(const Held held, hold(collection));
  const bool has_parts = std::ranges::any_of(items, [](const Item& item) { return !item.parts.empty(); });
  return has_parts || parts_of(collection) ? upsert_with_parts(*held.handle, items) : held.handle->upsert(items);
}

Result<std::vector<Result<void>>> EmbeddedBackend::update(std::string_view collection, std::span<const Item> items) {
  EIDETIC_TRY(const Held held, hold(collection));
  return parts_of(collection) ? update_with_parts(*held.handle, items) : held.handle->update(items);
}

Result<std::uint64_t> EmbeddedBackend::erase(std::string_view collection, std::span<const std::string> ids) {
  EIDETIC_TRY(const Held held, hold(collection));
  return parts_of(collection) ? erase_with_parts(*held.handle, ids) : held.handle->erase(ids);
}

Result<std::vector<std::optional<Item>>> EmbeddedBackend::get(std::string_view collection,
                                                              std::span<const std::string> ids, bool with_vectors) {
  EIDETIC_TRY(const Handle handle, find_readable(collection));
  return catalog_->get(handle->record(), ids, with_vectors);
}

Result<ScrollPage> EmbeddedBackend::scroll(std::string_view collection, std::string_view cursor, std::uint32_t limit,
                                           bool with_vectors) {
  EIDETIC_TRY(const Handle handle, find_readable(collection));
  if (limit < 1 || limit > kMaxScroll) {
    return fail(ErrorCode::invalid_argument, fmt::format("limit is {}; 1 to {} are possible", limit, kMaxScroll));
  }
  return catalog_->scroll(handle->record(), cursor, limit, with_vectors);
}

Result<ScrollPage> EmbeddedBackend::sorted(std::string_view collection, const SortedRequest& request) {
  EIDETIC_TRY(const Handle handle, find_readable(collection));
  return handle->sorted(request);
}

Result<std::vector<Facet>> EmbeddedBackend::facets(std::string_view collection, const FacetRequest& request) {
  EIDETIC_TRY(const Handle handle, find_readable(collection));
  return handle->facets(request);
}

Result<std::uint64_t> EmbeddedBackend::count(std::string_view collection, const Filter& filter) {
  EIDETIC_TRY(const Handle handle, find_readable(collection));
  return handle->count(filter);
}

Result<std::vector<Hit>> EmbeddedBackend::search(std::string_view collection, const VectorQuery& query) {
  EIDETIC_TRY(const Handle handle, find_readable(collection));
  const Handle parts = query.parts ? parts_of(collection) : nullptr;
  return parts ? search_by_parts(*handle, *parts, query) : handle->search(query);
}

Result<std::vector<Result<std::vector<Hit>>>> EmbeddedBackend::search(std::string_view collection,
                                                                      std::span<const VectorQuery> queries) {
  EIDETIC_TRY(const Handle handle, find_readable(collection));
  const Handle parts = parts_of(collection);
  if (!parts || std::ranges::none_of(queries, &VectorQuery::parts)) return handle->search(queries);
  std::vector<Result<std::vector<Hit>>> results;
  results.reserve(queries.size());
  for (const auto& query : queries) {
    results.push_back(query.parts ? search_by_parts(*handle, *parts, query) : handle->search(query));
  }
  return results;
}

Result<IndexView> EmbeddedBackend::inspect(std::string_view collection) {
  EIDETIC_TRY(const Handle handle, find_readable(collection));
  return handle->inspect();
}

Result<SearchWalk> EmbeddedBackend::walk(std::string_view collection, const VectorQuery& query) {
  EIDETIC_TRY(const Handle handle, find_readable(collection));
  if (query.parts) {
    return fail(ErrorCode::invalid_argument, "a walk is that of one search, and one by parts is two: leave them out");
  }
  return handle->walk(query);
}

Result<CollectionMap> EmbeddedBackend::map(std::string_view collection, const MapRequest& request) {
  EIDETIC_TRY(const Handle handle, find_readable(collection));
  return handle->map(request);
}

Result<NearPairs> EmbeddedBackend::near_pairs(std::string_view collection, const NearRequest& request,
                                              const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                                              std::stop_token stop) {
  EIDETIC_TRY(const Handle handle, find_readable(collection));
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

namespace {

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
