#include "engine/core.h"

#include <fmt/format.h>

#include <utility>

#include "engine/evaluate.h"
#include "engine/ingest.h"
#include "blobs/listing.h"
#include "engine/pictures.h"
#include "engine/query.h"
#include "engine/settings.h"
#include "engine/transfer.h"

namespace eidetic {
namespace {

EmbedderOptions::Arithmetic arithmetic_of(const Space& space) {
  return space.precision == Precision::bf16 ? EmbedderOptions::Arithmetic::bf16 : EmbedderOptions::Arithmetic::f32;
}

}  // namespace

Core::Core(CoreParts parts)
    : parts_(std::move(parts)),
      embedders_(model_directories(parts_.options), parts_.pool->size(), parts_.options.data_dir / "cache") {}

Result<CollectionInfo> Core::create(std::string_view name, const CreateOptions& options) {
  EIDETIC_TRY(const auto model, embedder(options.model, options.metric));
  CollectionSpec spec{.name = std::string(name), .space = model->space(), .index = options.index};
  EIDETIC_TRY(auto lasting_name, embedders_.lasting_name(options.model));
  spec.settings = to_json({.model = std::move(lasting_name)});
  EIDETIC_CHECK(parts_.backend->create(spec));
  return describe(name);
}

Result<void> Core::drop(std::string_view name) { return parts_.backend->drop(name); }

Result<std::vector<CollectionInfo>> Core::collections() { return parts_.backend->list(); }

Result<CollectionInfo> Core::describe(std::string_view name) { return parts_.backend->describe(name); }

Result<IndexReport> Core::index(std::string_view name, const IndexRequest& request,
                                const std::function<void(const IndexProgress&)>& progress, std::stop_token stop) {
  EIDETIC_TRY(const auto collection, describe(name));
  EIDETIC_TRY(const auto model, embedder_of(collection, request.model, Embedders::Use::collections));
  return ingest({*parts_.backend, *parts_.blobs, *model, parts_.options.decode}, name, request, progress, stop);
}

Result<std::uint64_t> Core::erase(std::string_view name, std::span<const std::string> ids) {
  return parts_.backend->erase(name, ids);
}

Result<SearchResult> Core::search(std::string_view name, const Query& query) {
  EIDETIC_TRY(const auto collection, describe(name));
  if (!query.model.empty()) EIDETIC_CHECK(embedder_of(collection, query.model, Embedders::Use::queries));
  const auto model = [&] { return embedder_of(collection, query.model, Embedders::Use::queries); };
  return eidetic::search({*parts_.backend, *parts_.blobs, parts_.options.decode, model}, collection, query);
}

Result<std::vector<Result<Vector>>> Core::embed(std::span<const std::string> uris, const std::string& model) {
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

Result<EvalReport> Core::evaluate(std::string_view name, std::string_view label,
                                  std::span<const std::uint32_t> recall_k) {
  EIDETIC_TRY(const auto collection, describe(name));
  return eidetic::evaluate(*parts_.backend, collection, label, recall_k, *parts_.pool);
}

Result<std::uint64_t> Core::export_collection(std::string_view name, const std::filesystem::path& file) {
  EIDETIC_TRY(const auto collection, describe(name));
  return eidetic::export_collection(*parts_.backend, collection, file);
}

Result<CollectionInfo> Core::import_collection(const std::filesystem::path& file, std::optional<std::string> name) {
  return eidetic::import_collection(*parts_.backend, file, name);
}

Result<std::shared_ptr<const Embedder>> Core::embedder(const std::string& model, Metric metric) {
  return embedders_.get(model, metric, parts_.options.arithmetic, Embedders::Use::collections);
}

Result<std::shared_ptr<const Embedder>> Core::embedder_of(const CollectionInfo& collection, const std::string& asked,
                                                          Embedders::Use use) {
  const auto& [name, space, index, json] = collection.spec;
  EIDETIC_TRY(const auto settings, parse_settings(json, name));
  const auto& model = asked.empty() ? settings.model : asked;
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

}  // namespace eidetic
