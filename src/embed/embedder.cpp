#include "eidetic/embedder.h"

#include <fmt/format.h>

#include <mutex>

#include "base/threads.h"
#include "embed/bundle.h"
#include "embed/image_tower.h"
#include "embed/models.h"
#include "embed/text_tower.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

class BundleEmbedder final : public Embedder {
 public:
  BundleEmbedder(ModelBundle bundle, Space space, std::vector<std::string> labels, ImageTower images)
      : bundle_(std::move(bundle)), space_(std::move(space)), labels_(std::move(labels)), images_(std::move(images)) {}

  const Space& space() const override { return space_; }
  unsigned parallelism() const override { return images_.parallelism(); }
  std::int32_t min_short_side() const override { return images_.preprocess().min_short_side(); }
  bool has_text() const override { return bundle_.text.has_value(); }
  const std::vector<std::string>& labels() const override { return labels_; }

  Result<Vector> embed_image(const Image& image, EmbedTimings* timings) const override {
    return images_.embed(image, timings);
  }

  Result<Vector> embed_text(std::string_view text) const override {
    EIDETIC_TRY(const TextTower* tower, text_tower());
    return tower->embed(text);
  }

  Result<TextTokens> tokenize(std::string_view text) const override {
    EIDETIC_TRY(const TextTower* tower, text_tower());
    return tower->tokenize(text);
  }

 private:
  // Loaded with the first text: most processes never see one.
  Result<const TextTower*> text_tower() const {
    if (!has_text()) {
      return fail(ErrorCode::unsupported,
                  fmt::format("the model '{}' embeds pictures only; searching by text needs one with a text tower",
                              bundle_.name));
    }
    const std::scoped_lock lock(text_mutex_);
    if (!text_) {
      EIDETIC_TRY(TextTower tower, TextTower::load(bundle_, images_.dimensions()));
      text_.emplace(std::move(tower));
    }
    return &*text_;
  }

  ModelBundle bundle_;
  Space space_;
  std::vector<std::string> labels_;
  ImageTower images_;
  mutable std::mutex text_mutex_;
  mutable std::optional<TextTower> text_;
};

// Text comes out in the pictures' space only as long as the bundle's own layer does.
void take_layer(ModelBundle& bundle, const std::optional<std::string>& layer) {
  bundle.layer = layer;
  bundle.pooling = Pooling::none;
  bundle.l2_normalize = false;
  bundle.text.reset();
}

Result<std::unique_ptr<Embedder>> load(ModelBundle bundle, const EmbedderOptions& options) {
  EIDETIC_TRY(const std::string digest, model_digest(bundle));
  EIDETIC_TRY(ImageTower images, ImageTower::load(bundle, options, digest));
  EIDETIC_TRY(auto labels, bundle.label_names());
  Space space{.model = bundle.name,
              .hash = space_hash(bundle, digest),
              .dimensions = static_cast<std::uint32_t>(images.dimensions()),
              .metric = options.metric,
              .precision = images.precision()};
  return std::make_unique<BundleEmbedder>(std::move(bundle), std::move(space), std::move(labels), std::move(images));
}

}  // namespace

Result<TextTokens> Embedder::tokenize(std::string_view /*text*/) const {
  return fail(ErrorCode::unsupported, fmt::format("the model '{}' does not tell its tokens", space().model));
}

std::vector<Result<Vector>> Embedder::embed_images(std::span<const Image> images) const {
  std::vector<Result<Vector>> vectors(images.size());
  const auto helpers = std::min<std::size_t>(parallelism(), images.size());
  const auto embed_one = [&](std::size_t i) { vectors[i] = embed_image(images[i]); };
  if (helpers <= 1) {
    for (std::size_t i = 0; i < images.size(); ++i) embed_one(i);
  } else {
    ThreadPool(static_cast<unsigned>(helpers - 1)).parallel_for(images.size(), embed_one);
  }
  return vectors;
}

Result<std::unique_ptr<Embedder>> load_embedder(const fs::path& path, const EmbedderOptions& options) {
  EIDETIC_TRY(ModelBundle bundle, open_bundle(path));
  if (options.layer) take_layer(bundle, options.layer);
  return load(std::move(bundle), options);
}

Result<std::unique_ptr<Embedder>> load_classifier(const fs::path& path, const EmbedderOptions& options) {
  EIDETIC_TRY(ModelBundle bundle, open_bundle(path));
  if (!bundle.labels) {
    return fail(ErrorCode::unsupported,
                fmt::format("the model '{}' classifies nothing: its model.json has no 'labels'", bundle.name));
  }
  take_layer(bundle, options.layer ? options.layer : bundle.labels->layer);
  EIDETIC_TRY(auto classifier, load(std::move(bundle), options));
  const std::size_t scores = classifier->space().dimensions;
  if (scores != classifier->labels().size()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the model '{}' gives {} scores for {} labels; name the layer of the class scores in "
                            "'labels' of its model.json",
                            classifier->space().model, scores, classifier->labels().size()));
  }
  return classifier;
}

}  // namespace eidetic
