#include "engine/embedders.h"

#include <algorithm>

#include "blobs/listing.h"
#include "embed/models.h"

namespace eidetic {
namespace {

// More threads on one picture soon wait for each other more than they work.
constexpr unsigned kThreadsAQuery = 4;

}  // namespace

Result<std::shared_ptr<const Embedder>> Embedders::get(const std::string& model, Metric metric,
                                                       EmbedderOptions::Arithmetic arithmetic, Use use) {
  EIDETIC_TRY(const auto bundle, find_bundle(model, directories_));
  const std::tuple key{bundle.native(), metric, arithmetic, use};
  std::shared_ptr<Slot> slot;
  {
    const std::scoped_lock lock(mutex_);
    auto& known = slots_[key];
    if (known == nullptr) known = std::make_shared<Slot>();
    slot = known;
  }
  const std::scoped_lock lock(slot->loading);
  if (!slot->embedder) {
    EmbedderOptions options;
    options.arithmetic = arithmetic;
    options.threads = threads_;
    if (use == Use::queries) options.threads_each = kThreadsAQuery;
    options.metric = metric;
    options.cache_dir = cache_dir_;
    EIDETIC_TRY(slot->embedder, load_embedder(bundle, options));
    // "automatic" is one of the two: who asks for that one by its name gets the same.
    const bool bf16 = slot->embedder->space().precision == Precision::bf16;
    const auto exact = bf16 ? EmbedderOptions::Arithmetic::bf16 : EmbedderOptions::Arithmetic::f32;
    const std::scoped_lock map_lock(mutex_);
    slots_.try_emplace({bundle.native(), metric, exact, use}, slot);
  }
  return slot->embedder;
}

Result<std::string> Embedders::lasting_name(const std::string& model) const {
  EIDETIC_TRY(const auto bundle, find_bundle(model, directories_));
  const bool by_name = std::ranges::any_of(directories_, [&](const auto& folder) { return folder / model == bundle; });
  return by_name ? model : absolute_path(bundle).native();
}

}  // namespace eidetic
