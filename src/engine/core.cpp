#include "engine/core.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/text.h"
#include "blobs/listing.h"
#include "blobs/uri.h"
#include "embed/models.h"
#include "engine/duplicates.h"
#include "engine/evaluate.h"
#include "engine/ingest.h"
#include "engine/pictures.h"
#include "engine/query.h"
#include "engine/settings.h"
#include "engine/transfer.h"
#include "image/encode.h"
#include "learn/labels.h"

namespace eidetic {
namespace {

Result<void> check_text(std::string_view field, std::string_view text) {
  if (text.size() <= kMaxCollectionText && is_utf8(text)) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("{} has {} bytes; UTF-8 of at most {} is possible", field, text.size(), kMaxCollectionText));
}

Result<EncodedPicture> as_jpeg(const Result<Image>& image) {
  if (!image) return std::unexpected(image.error());
  EncodedPicture picture{.bytes = {}, .media_type = "image/jpeg", .content_hash = {}};
  EIDETIC_TRY(picture.bytes, encode_jpeg(*image));
  picture.content_hash = sha256_hex(picture.bytes);
  return picture;
}

}  // namespace

Core::Core(CoreParts parts)
    : parts_(std::move(parts)),
      model_folders_(model_directories(parts_.options)),
      embedders_(model_folders_, parts_.pool->size(), parts_.options.data_dir / "cache") {
  const bool runs = parts_.options.run_jobs;
  runner_ = std::make_unique<JobRunner>(*parts_.jobs, runs ? std::max(1U, parts_.options.parallel_jobs) : 0,
                                        [this](const JobRecord& job, JobTeller& teller, const std::stop_token& stop) {
                                          return run_job(job, teller, stop);
                                        });
  if (!runs) return;
  sweeper_ = std::make_unique<PictureSweeper>(*parts_.backend, *parts_.jobs, *parts_.pictures, sweep_held_);
  follow_watched_folders();
  grace_ = std::make_unique<GraceKeeper>([this] { return sweep_migrations(); });
}

Core::~Core() {
  grace_.reset();
  watcher_.reset();
  sweeper_.reset();
  runner_.reset();
}

Result<CollectionInfo> Core::create(std::string_view name, const CreateOptions& options) {
  EIDETIC_TRY(const auto regions, parse_regions(options.regions));
  EIDETIC_CHECK(check_text("description", options.description));
  EIDETIC_CHECK(check_text("source", options.source));
  CollectionSettings settings{.model = "", .description = options.description, .source = options.source};
  if (options.dimensions > 0) {
    if (!regions.empty()) return no_regions_of_vectors(name, ErrorCode::invalid_argument);
    const Space bare{.model = "", .hash = "", .dimensions = options.dimensions, .metric = options.metric};
    EIDETIC_CHECK(
        parts_.backend->create_in(options.backend, {std::string(name), bare, options.index, to_json(settings)}));
    return describe(name);
  }
  EIDETIC_CHECK(check_model_reach(options.model));
  EIDETIC_TRY(const auto bundle, local_model(options.model));
  EIDETIC_TRY(const auto model, embedder(bundle, options.metric));
  CollectionSpec spec{.name = std::string(name), .space = model->space(), .index = options.index};
  EIDETIC_TRY(settings.model, embedders_.lasting_name(bundle));
  if (!regions.empty()) settings.regions = options.regions;
  spec.settings = to_json(settings);
  EIDETIC_CHECK(parts_.backend->create_in(options.backend, spec));
  return describe(name);
}

Result<void> Core::drop(std::string_view name) {
  EIDETIC_CHECK(parts_.backend->drop(name));
  if (watcher_ != nullptr) watcher_->set(std::string(name), {});
  return {};
}

Result<std::vector<CollectionInfo>> Core::collections() {
  EIDETIC_TRY(auto all, parts_.backend->list());
  for (CollectionInfo& info : all) EIDETIC_CHECK(tell_settings(info));
  return all;
}

Result<CollectionInfo> Core::describe(std::string_view name) {
  EIDETIC_TRY(CollectionInfo info, parts_.backend->describe(name));
  EIDETIC_CHECK(tell_settings(info));
  return info;
}

Result<CollectionInfo> Core::change(std::string_view name, const CollectionChange& change) {
  const std::scoped_lock lock(settings_);
  EIDETIC_TRY(const auto spec, parts_.backend->spec(name));
  if (change.search) {
    const auto& [ef, nprobe, rescore] = *change.search;
    if (ef > kMaxEf || nprobe > kMaxNprobe || rescore > kMaxEf) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("search: ef and rescore go up to {}, nprobe up to {}", kMaxEf, kMaxNprobe));
    }
  }
  for (const auto& [field, text] : {std::pair("description", &change.description), {"source", &change.source}}) {
    if (*text) EIDETIC_CHECK(check_text(field, **text));
  }
  if (change.search || change.description || change.source) {
    EIDETIC_CHECK(edit_settings(name, [&](const CollectionSpec&, CollectionSettings& settings) -> Result<void> {
      settings.search = change.search.value_or(settings.search);
      settings.description = change.description.value_or(std::move(settings.description));
      settings.source = change.source.value_or(std::move(settings.source));
      return {};
    }));
  }
  if (change.rebuild || (change.index && *change.index != spec.index)) {
    EIDETIC_CHECK(parts_.backend->reindex(name, change.index.value_or("")));
  }
  return describe(name);
}

Result<void> Core::edit_settings(
    std::string_view name, const std::function<Result<void>(const CollectionSpec& now, CollectionSettings&)>& edit) {
  CollectionSettings before, after;
  EIDETIC_CHECK(parts_.backend->configure(name, [&](const CollectionSpec& now) -> Result<std::string> {
    EIDETIC_TRY(before, parse_settings(now.settings, name));
    after = before;
    EIDETIC_CHECK(edit(now, after));
    return to_json(after);
  }));
  return drop_attachments(name, before, after);
}

// Only these: another server may just have attached what its settings are about to name.
Result<void> Core::drop_attachments(std::string_view name, const CollectionSettings& before,
                                    const CollectionSettings& after) {
  const auto named = all_attachments_of(after);
  for (const auto& one : all_attachments_of(before)) {
    if (!named.contains(one)) EIDETIC_CHECK(parts_.backend->attach(name, one, {}));
  }
  return {};
}

Result<IndexReport> Core::index(std::string_view name, const IndexRequest& request,
                                const std::function<void(const IndexProgress&)>& progress, std::stop_token stop) {
  EIDETIC_CHECK(check_reach(request));
  return into_one_space(name, [&](const CollectionSpec& collection) -> Result<IndexReport> {
    EIDETIC_TRY(const auto model, embedder_of(collection, request.model, Embedders::Use::collections));
    return ingest({*parts_.backend, *parts_.blobs, *parts_.s3, *model, parts_.options.decode, &writing_,
                   [&] { return item_classes(name); }, [&] { return regions(name); }, copy_parts(request.on_duplicate),
                   collection.era},
                  name, request, progress, stop);
  });
}

Result<std::uint64_t> Core::erase(std::string_view name, std::span<const std::string> ids) {
  return parts_.backend->erase(name, ids);
}

QueryParts Core::query_parts(const CollectionSpec& collection) {
  return {*parts_.backend,
          *parts_.blobs,
          parts_.options.decode,
          *parts_.pool,
          *parts_.features,
          copy_parts(),
          learnt_,
          [this, &collection](const auto& model) { return embedder_of(collection, model, Embedders::Use::queries); }};
}

Result<SearchResult> Core::search(std::string_view name, const Query& query) {
  return in_one_space(name, [&](const CollectionSpec& collection) -> Result<SearchResult> {
    EIDETIC_TRY(const auto depth, search_depth(collection.settings, name));
    return eidetic::search(query_parts(collection), collection, query, depth);
  });
}

Result<std::vector<Result<SearchResult>>> Core::search(std::string_view name, std::span<const Query> queries) {
  return in_one_space(name, [&](const CollectionSpec& collection) -> Result<std::vector<Result<SearchResult>>> {
    EIDETIC_TRY(const auto depth, search_depth(collection.settings, name));
    return eidetic::search(query_parts(collection), collection, queries, depth);
  });
}

CopyParts Core::copy_parts() const { return {*parts_.blobs, *parts_.hashes, *parts_.pool, parts_.options.decode}; }

std::optional<CopyParts> Core::copy_parts(OnDuplicate what) const {
  return what == OnDuplicate::store ? std::nullopt : std::optional(copy_parts());
}

Result<DuplicatesReport> Core::duplicates(std::string_view name, const DuplicatesRequest& request,
                                          const std::function<void(const DuplicatesProgress&)>& progress,
                                          std::stop_token stop) {
  return in_one_space(name, [&](const CollectionSpec&) {
    return find_duplicates(*parts_.backend, name, copy_parts(), request, progress, stop);
  });
}

Result<IndexView> Core::inspect(std::string_view name) { return parts_.backend->inspect(name); }

Result<EncodedPicture> Core::contact_sheet(const Query& query) {
  return as_jpeg(eidetic::contact_sheet(*parts_.blobs, parts_.options.decode, query));
}

Result<EncodedPicture> Core::alignment(std::string_view name, const Query& query, const std::string& id) {
  EIDETIC_TRY(const auto collection, parts_.backend->spec(name));
  EIDETIC_TRY(const auto hit, item(name, id));
  return as_jpeg(eidetic::alignment(query_parts(collection), collection, query, hit));
}

Result<SearchWalk> Core::walk(std::string_view name, const Query& query) {
  return in_one_space(name, [&](const CollectionSpec& collection) -> Result<SearchWalk> {
    EIDETIC_TRY(const auto depth, search_depth(collection.settings, name));
    return eidetic::walk(query_parts(collection), collection, query, depth);
  });
}

Result<CollectionMap> Core::map(std::string_view name, const MapRequest& request) {
  EIDETIC_TRY(auto map, parts_.backend->map(name, request));
  if (!request.label.empty()) EIDETIC_CHECK(label_points(*parts_.backend, name, request.label, map.points));
  return map;
}

Result<std::vector<Result<Vector>>> Core::embed(std::span<const std::string> uris, const std::string& model) {
  EIDETIC_CHECK(check_model_reach(model));
  EIDETIC_TRY(const auto loaded, embedder(model, Metric::cosine));
  const PictureEmbedder pictures(*parts_.blobs, parts_.options.decode, *loaded);
  std::vector<Result<Vector>> vectors(uris.size());
  parts_.pool->parallel_for(uris.size(), [&](std::size_t i) {
    const auto one = [&]() -> Result<Vector> {
      StageTimes unused;
      const std::string uri = uri_of(uris[i]);
      EIDETIC_TRY(const auto bytes, pictures.read(uri, unused));
      return pictures.embed(bytes, display_name(uri), {}, unused);
    };
    vectors[i] = one();
  });
  return vectors;
}

Result<Vector> Core::embed(Bytes picture, const std::string& model) {
  EIDETIC_CHECK(check_model_reach(model));
  EIDETIC_TRY(const auto bundle, local_model(model));
  EIDETIC_TRY(const auto loaded,
              embedders_.get(bundle, Metric::cosine, parts_.options.arithmetic, Embedders::Use::queries));
  StageTimes unused;
  return PictureEmbedder(*parts_.blobs, parts_.options.decode, *loaded).embed(picture, "the given picture", {}, unused);
}

Result<EvalReport> Core::evaluate(std::string_view name, std::string_view label,
                                  std::span<const std::uint32_t> recall_k) {
  return in_one_space(name, [&](const CollectionSpec&) -> Result<EvalReport> {
    EIDETIC_TRY(const auto collection, describe(name));
    return eidetic::evaluate(*parts_.backend, collection, label, recall_k, *parts_.pool);
  });
}

Result<std::uint64_t> Core::export_collection(std::string_view name, const std::filesystem::path& file) {
  EIDETIC_TRY(const auto collection, describe(name));
  return eidetic::export_collection(*parts_.backend, collection, file);
}

Result<CollectionInfo> Core::import_collection(const std::filesystem::path& file, std::optional<std::string> name) {
  EIDETIC_TRY(const auto imported, eidetic::import_collection(*parts_.backend, file, name));
  return describe(imported.spec.name);
}

Result<std::shared_ptr<const Embedder>> Core::embedder(const std::string& model, Metric metric) {
  EIDETIC_TRY(const auto bundle, local_model(model));
  return embedders_.get(bundle, metric, parts_.options.arithmetic, Embedders::Use::collections);
}

Result<std::shared_ptr<const Embedder>> Core::embedder_of(const CollectionSpec& collection, const std::string& asked,
                                                          Embedders::Use use) {
  const auto& [name, space, index, json, era] = collection;
  if (!asked.empty()) EIDETIC_CHECK(check_model_reach(asked));
  EIDETIC_TRY(const auto settings, parse_settings(json, name));
  if (settings.model.empty()) {
    return fail(ErrorCode::unsupported,
                fmt::format("collection '{}' holds bare vectors and has no model for pictures or "
                            "words; give vectors, or the ids of items",
                            name));
  }
  EIDETIC_TRY(const auto model, local_model(asked.empty() ? settings.model : asked));
  EIDETIC_TRY(auto embedder, embedders_.get(model, space.metric, arithmetic_of(space), use));
  if (!embedder->space().matches(space)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("collection '{}' holds vectors of the model {}, but '{}' is {}: their vectors cannot be "
                            "compared; {}",
                            name, space.describe(), model, embedder->space().describe(),
                            asked.empty() ? "bring that model back, or index into a new collection"
                                          : "leave the model out, or make a new collection with it"));
  }
  return embedder;
}

Result<void> Core::check_model_reach(const std::string& model) const {
  if (!parts_.roots.limited()) return {};
  if (is_s3_uri(model)) {
    return fail(ErrorCode::unsupported,
                fmt::format("'{}': a server takes a model from S3 where it is pulled: models pull", model));
  }
  if (is_bundle_name(model)) {
    EIDETIC_TRY(const auto found, find_bundle(model, model_folders_));
    if (std::ranges::find(model_folders_, found.parent_path()) != model_folders_.end()) return {};
  }
  EIDETIC_CHECK(parts_.roots.resolve(model));
  return {};
}

Result<void> Core::check_reach(const IndexRequest& request) const {
  for (const auto& path : request.paths) {
    if (is_s3_uri(path)) {
      EIDETIC_TRY(const auto place, parse_s3_uri(path));
      EIDETIC_CHECK(parts_.s3_roots.check(place));
    }
    if (const auto file = file_of_uri(path)) EIDETIC_CHECK(parts_.roots.resolve(*file));
  }
  const auto& metadata = request.metadata_file;
  if (!metadata.empty() && !is_s3_uri(metadata.native())) EIDETIC_CHECK(parts_.roots.resolve(metadata));
  return {};
}

}  // namespace eidetic
