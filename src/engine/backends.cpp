#include "engine/backends.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/log.h"
#include "cluster/cluster.h"
#include "engine/backends_file.h"

namespace eidetic {
Backends::Backends(std::vector<Place> places)
    : places_(std::move(places)), preferred_(&places_.front()), answered_(places_.size()), seen_(places_.size()) {}

void Backends::answers(std::size_t place) {
  if (answered_[place].exchange(true) || !places_[place].on_answer) return;
  if (const auto done = places_[place].on_answer(); !done) {
    answered_[place] = false;
    log(LogLevel::warning, "{}", done.error().message);
  }
}

std::vector<BackendPlace> Backends::places() const {
  std::vector<BackendPlace> told;
  for (const auto& place : places_) told.push_back({.name = place.name, .preferred = &place == preferred_});
  return told;
}

Result<Backends::Found> Backends::find(std::string_view collection) {
  if (const auto at = collection.find('@'); at != std::string_view::npos) {
    const auto url = collection.substr(at + 1);
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (places_[i].name != url) continue;
      return Found{.backend = places_[i].backend.get(), .place = i, .name = std::string(collection.substr(0, at))};
    }
    return fail(ErrorCode::not_found, fmt::format("no collection '{}': '{}' is none of the backends", collection, url));
  }
  Found found{.backend = places_.front().backend.get(), .place = 0, .name = std::string(collection)};
  if (places_.size() == 1) return found;
  auto first = found.backend->spec(collection);
  if (first) return found;
  std::optional<Error> unknown;
  for (std::size_t i = 1; i < places_.size(); ++i) {
    const auto spec = places_[i].backend->spec(collection);
    if (spec || spec.error().code == ErrorCode::not_found) answers(i);
    if (spec) return Found{.backend = places_[i].backend.get(), .place = i, .name = std::string(collection)};
    if (spec.error().code != ErrorCode::not_found && !unknown) unknown = spec.error();
  }
  return std::unexpected(unknown ? *std::move(unknown) : std::move(first).error());
}

Result<const Backends::Place*> Backends::place(std::string_view name) const {
  if (name.empty()) return preferred_;
  const auto address = name == kEmbeddedBackend ? Result<ClusterAddress>() : parse_cluster_url(name);
  if (!address) return std::unexpected(address.error());
  std::vector<std::string> names;
  for (const auto& place : places_) {
    if (place.name == (name == kEmbeddedBackend ? kEmbeddedBackend : std::string_view(address->name))) return &place;
    names.push_back(fmt::format("'{}'", place.name));
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is no backend that is known here; these are: {}", name, fmt::join(names, ", ")));
}

Result<std::string> Backends::place_of(std::string_view collection) {
  EIDETIC_TRY(const Found at, find(collection));
  return places_[at.place].name;
}

Result<void> Backends::create_in(std::string_view place, const CollectionSpec& spec) {
  EIDETIC_TRY(const Place* const wanted, this->place(place));
  for (const auto& other : places_) {
    if (&other == wanted || !other.backend->spec(spec.name)) continue;
    return fail(ErrorCode::already_exists,
                fmt::format("there is a collection '{}' already, {}", spec.name,
                            other.name == kEmbeddedBackend ? "in the data folder" : "in " + other.name));
  }
  auto created = wanted->backend->create(spec);
  if (created) answers(static_cast<std::size_t>(wanted - places_.data()));
  return created;
}

Result<void> Backends::create(const CollectionSpec& spec) { return create_in("", spec); }

Result<std::vector<CollectionInfo>> Backends::list() { return list(false); }

Result<std::vector<CollectionInfo>> Backends::list_all() {
  if (missing_.empty()) return list(true);
  return fail(ErrorCode::unreachable,
              fmt::format("{} may have collections too, and is not opened now", fmt::join(missing_, ", ")));
}

Result<std::vector<CollectionInfo>> Backends::list(bool whole) {
  std::vector<CollectionInfo> all;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    auto listed = places_[i].backend->list();
    if (listed) answers(i);
    const std::scoped_lock lock(seen_mutex_);
    if (listed) {
      for (auto& info : *listed) info.backend = places_[i].name;
      seen_[i] = *std::move(listed);
    } else if (i == 0 || whole) {
      return std::unexpected(std::move(listed).error());
    } else {
      log(LogLevel::warning, "{}", listed.error().message);
      for (auto& info : seen_[i]) info.index_note = listed.error().message;
    }
    for (CollectionInfo info : seen_[i]) {
      const bool hidden =
          std::ranges::any_of(all, [&](const CollectionInfo& other) { return other.spec.name == info.spec.name; });
      if (hidden) info.spec.name += fmt::format("@{}", places_[i].name);
      all.push_back(std::move(info));
    }
  }
  std::ranges::sort(all, {}, [](const CollectionInfo& info) -> const std::string& { return info.spec.name; });
  return all;
}

Result<CollectionInfo> Backends::describe(std::string_view collection) {
  EIDETIC_TRY(const Found at, find(collection));
  EIDETIC_TRY(auto info, at.backend->describe(at.name));
  info.spec.name = collection;
  info.backend = places_[at.place].name;
  return info;
}

Result<CollectionSpec> Backends::spec(std::string_view collection) {
  EIDETIC_TRY(const Found at, find(collection));
  auto spec = at.backend->spec(at.name);
  if (spec || spec.error().code == ErrorCode::not_found) answers(at.place);
  EIDETIC_CHECK(spec);
  spec->name = collection;
  return spec;
}

Result<void> Backends::flush() {
  for (const auto& place : places_) EIDETIC_CHECK(place.backend->flush());
  return {};
}

Result<void> Backends::backup(const std::filesystem::path& folder) { return places_.front().backend->backup(folder); }

// --- the rest is whose collection it is ---

Result<void> Backends::drop(std::string_view collection) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->drop(at.name);
}
Result<void> Backends::configure(std::string_view collection, const EditSettings& edit) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->configure(at.name, edit);
}
Result<void> Backends::attach(std::string_view collection, std::string_view name, std::span<const std::byte> content) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->attach(at.name, name, content);
}
Result<std::optional<std::vector<std::byte>>> Backends::attachment(std::string_view collection, std::string_view name) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->attachment(at.name, name);
}
Result<std::vector<std::string>> Backends::attachments(std::string_view collection) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->attachments(at.name);
}
Result<void> Backends::reindex(std::string_view collection, std::string_view index) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->reindex(at.name, index);
}
Result<std::vector<Result<void>>> Backends::upsert(std::string_view collection, std::span<const Item> items) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->upsert(at.name, items);
}
Result<std::vector<Result<void>>> Backends::update(std::string_view collection, std::span<const Item> items) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->update(at.name, items);
}
Result<std::vector<Result<void>>> Backends::store_parts(std::string_view collection, std::span<const Item> items) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->store_parts(at.name, items);
}
Result<std::vector<std::vector<Vector>>> Backends::parts(std::string_view collection,
                                                         std::span<const std::string> ids) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->parts(at.name, ids);
}
Result<void> Backends::drop_parts(std::string_view collection) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->drop_parts(at.name);
}
Result<std::uint64_t> Backends::erase(std::string_view collection, std::span<const std::string> ids) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->erase(at.name, ids);
}
Result<std::vector<std::optional<Item>>> Backends::get(std::string_view collection, std::span<const std::string> ids,
                                                       bool with_vectors) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->get(at.name, ids, with_vectors);
}
Result<ScrollPage> Backends::scroll(std::string_view collection, std::string_view cursor, std::uint32_t limit,
                                    bool with_vectors) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->scroll(at.name, cursor, limit, with_vectors);
}
Result<ScrollPage> Backends::sorted(std::string_view collection, const SortedRequest& request) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->sorted(at.name, request);
}
Result<std::vector<Facet>> Backends::facets(std::string_view collection, const FacetRequest& request) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->facets(at.name, request);
}
Result<std::uint64_t> Backends::count(std::string_view collection, const Filter& filter) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->count(at.name, filter);
}
Result<std::vector<Hit>> Backends::search(std::string_view collection, const VectorQuery& query) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->search(at.name, query);
}
Result<std::vector<Result<std::vector<Hit>>>> Backends::search(std::string_view collection,
                                                               std::span<const VectorQuery> queries) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->search(at.name, queries);
}
Result<NearPairs> Backends::near_pairs(std::string_view collection, const NearRequest& request,
                                       const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                                       std::stop_token stop) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->near_pairs(at.name, request, progress, std::move(stop));
}
Result<IndexView> Backends::inspect(std::string_view collection) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->inspect(at.name);
}
Result<SearchWalk> Backends::walk(std::string_view collection, const VectorQuery& query) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->walk(at.name, query);
}
Result<CollectionMap> Backends::map(std::string_view collection, const MapRequest& request) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->map(at.name, request);
}
Result<void> Backends::begin_space(std::string_view collection, const Space& space) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->begin_space(at.name, space);
}
Result<std::optional<OtherSpace>> Backends::other_space(std::string_view collection) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->other_space(at.name);
}
Result<std::vector<Item>> Backends::pending(std::string_view collection, std::uint64_t after, std::uint32_t limit) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->pending(at.name, after, limit);
}
Result<std::uint64_t> Backends::store_pending(std::string_view collection, std::span<const Item> items) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->store_pending(at.name, items);
}
Result<void> Backends::build_space(std::string_view collection) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->build_space(at.name);
}
Result<std::uint64_t> Backends::switch_space(std::string_view collection, const EditSettings& edit, bool drop_pending) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->switch_space(at.name, edit, drop_pending);
}
Result<void> Backends::drop_space(std::string_view collection) {
  EIDETIC_TRY(const Found at, find(collection));
  return at.backend->drop_space(at.name);
}
Result<std::unique_ptr<Backends>> open_backends(const EngineOptions& options, std::unique_ptr<Backend> embedded) {
  const BackendsFile file(options.data_dir);
  std::vector<ClusterOptions> clusters = options.clusters;
  if (options.remember_clusters) {
    EIDETIC_TRY(auto before, file.read());
    for (auto& cluster : before) {
      cluster.api_key = options.cluster_api_key;
      if (cluster.url.contains('@')) cluster.password = options.cluster_password;
      clusters.push_back(std::move(cluster));
    }
  }
  std::vector<Backends::Place> places;
  places.push_back({.name = std::string(kEmbeddedBackend), .backend = std::move(embedded)});
  for (const auto& cluster : clusters) {
    EIDETIC_TRY(const auto address, parse_cluster_url(cluster.url));
    if (std::ranges::find(places, address.name, &Backends::Place::name) != places.end()) continue;
    Backends::Place place{.name = address.name};
    EIDETIC_TRY(place.backend, open_cluster_backend(cluster));
    place.on_answer = [file, cluster, name = address.name, remembers = options.remember_clusters]() -> Result<void> {
      EIDETIC_CHECK(file.note(name));
      return remembers ? file.add(cluster) : Result<void>();
    };
    places.push_back(std::move(place));
  }
  EIDETIC_TRY(auto missing, file.noted());
  std::erase_if(missing, [&](const auto& name) {
    return std::ranges::find(places, name, &Backends::Place::name) != places.end();
  });
  auto backends = std::make_unique<Backends>(std::move(places));
  EIDETIC_TRY(const auto* const preferred, backends->place(options.backend));
  backends->prefer(*preferred);
  backends->miss(std::move(missing));
  return backends;
}

}  // namespace eidetic
