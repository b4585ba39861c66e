// Turns pictures, and text where the model has a text tower, into vectors.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/image.h"
#include "eidetic/space.h"

namespace eidetic {

struct EmbedderOptions {
  // `automatic`: bf16 where the processor computes in it (AVX-512 BF16), f32 elsewhere.
  enum class Arithmetic { automatic, f32, bf16 };
  Arithmetic arithmetic = Arithmetic::automatic;
  unsigned threads = 0;       // to work with; 0: one a core
  unsigned threads_each = 1;  // of them on one picture: 1 embeds most a second, more answer sooner for a single one
  Metric metric = Metric::cosine;  // stamped into space()
  // Instead of the bundle's own output: any tensor or node of the graph; its values as they are, neither pooled nor
  // normalised.
  std::optional<std::string> layer = {};
  // Where compiled models are kept, so that the next process starts sooner; a few megabytes a model, safe to delete.
  // Empty: nowhere.
  std::filesystem::path cache_dir = {};
};

// A text as the text tower takes it.
struct TextTokens {
  std::vector<std::int64_t> ids = {};  // those around every text among them, padding not
  std::size_t count = 0;               // tokens of the text itself, those cut off among them; 0: no word is known
  std::size_t cut = 0;                 // tokens that found no room and are left out, mostly the last
};

struct EmbedTimings {
  double preprocess_ms = 0;
  double inference_ms = 0;
};

// Thread-safe. A picture's vector is the same bits however many pictures are embedded beside it.
class Embedder {
 public:
  virtual ~Embedder() = default;

  [[nodiscard]] virtual const Space& space() const = 0;
  // How many calls of embed_image run at the same time, threads / threads_each; more wait for their turn.
  [[nodiscard]] virtual unsigned parallelism() const = 0;
  // The smallest short side that preprocessing can use without loss, in pixels, for DecodeOptions::min_short_side; 0:
  // decode in full.
  [[nodiscard]] virtual std::int32_t min_short_side() const = 0;
  [[nodiscard]] virtual bool has_text() const = 0;
  // Class names by position in the classifier's output; empty where the bundle has none.
  [[nodiscard]] virtual const std::vector<std::string>& labels() const = 0;

  // `dimensions` floats. Errors: invalid_argument (empty picture; a crop larger than the picture where the bundle
  // forbids padding).
  [[nodiscard]] virtual Result<Vector> embed_image(const Image& image, EmbedTimings* timings = nullptr) const = 0;
  // unsupported where the bundle has no text tower; invalid_argument where the text holds no known word,
  // is not UTF-8 or is far too long (1 MiB).
  [[nodiscard]] virtual Result<Vector> embed_text(std::string_view text) const = 0;
  // What embed_text makes of the text before the model sees it; `cut` tells a text that is too long. Errors: as
  // embed_text; a text without a known word is none.
  [[nodiscard]] virtual Result<TextTokens> tokenize(std::string_view text) const;

  // One result a picture, in order; as many at a time as parallelism() says.
  [[nodiscard]] std::vector<Result<Vector>> embed_images(std::span<const Image> images) const;
};

// `bundle`: a folder with model.json (docs/model-bundles.md), or a bare model file, which then is described by
// defaults. Errors name the file, and for a bad field the field: not_found, invalid_argument, unsupported, corrupt.
[[nodiscard]] Result<std::unique_ptr<Embedder>> load_embedder(const std::filesystem::path& bundle,
                                                              const EmbedderOptions& options = {});

// The same model as a classifier: its "vectors" are the class scores as the network gives them (logits or
// probabilities), one for each of labels(). Errors as load_embedder; unsupported where the bundle has no labels;
// invalid_argument where scores and labels differ in number.
[[nodiscard]] Result<std::unique_ptr<Embedder>> load_classifier(const std::filesystem::path& bundle,
                                                                const EmbedderOptions& options = {});

}  // namespace eidetic
