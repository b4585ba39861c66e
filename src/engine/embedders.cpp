#include "engine/embedders.h"

#include <algorithm>

#include "embed/models.h"
#include "blobs/listing.h"

namespace eidetic {
namespace {

// More threads on one picture soon wait for each other more than they work.
constexpr unsigned kThreadsAQuery = 4;

}  // namespace

Result<std::shared_ptr<const Embedder>> Embedders::get(const std::string& model, Metric metric,
                                                       EmbedderOptions::Arithmetic arithmetic, Use use) {
  EIDETIC_TRY(const auto bundle, find_bundle(model, directories_));
  const std::tuple key{bundle.native(), metric, arithmetic, use};
  const std::scoped_lock lock(mutex_);
  auto& loaded = loaded_[key];
  if (!loaded) {
    EmbedderOptions options;
    options.arithmetic = arithmetic;
    options.threads = threads_;
    if (use == Use::queries) options.threads_each = kThreadsAQuery;
    options.metric = metric;
    options.cache_dir = cache_dir_;
    EIDETIC_TRY(loaded, load_embedder(bundle, options));
  }
  return loaded;
}

Result<std::string> Embedders::lasting_name(const std::string& model) const {
  EIDETIC_TRY(const auto bundle, find_bundle(model, directories_));
  const bool by_name = std::ranges::any_of(directories_, [&](const auto& folder) { return folder / model == bundle; });
  return by_name ? model : absolute_path(bundle).native();
}

}  // namespace eidetic
