// Pictures to vectors: preprocessing, network, pooling. Thread-safe.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "eidetic/embedder.h"

#include "embed/bundle.h"
#include "embed/network.h"
#include "embed/pooling.h"
#include "image/preprocess.h"

namespace eidetic {

class ImageTower {
 public:
  // `digest`: model_digest of the bundle. Errors: as Preprocess::compile and Network::load; unsupported where
  // options ask for bf16 and the processor has none.
  [[nodiscard]] static Result<ImageTower> load(const ModelBundle& bundle, const EmbedderOptions& options,
                                               const std::string& digest);

  [[nodiscard]] Result<Vector> embed(const Image& image, EmbedTimings* timings) const;
  // Of a picture that is preprocessed already: preprocess().output_size() floats.
  [[nodiscard]] Result<Vector> embed_tensor(std::span<const float> tensor) const;

  [[nodiscard]] const Preprocess& preprocess() const noexcept { return preprocess_; }
  [[nodiscard]] Precision precision() const noexcept { return precision_; }
  [[nodiscard]] std::size_t dimensions() const noexcept { return plan_.dimensions(); }
  [[nodiscard]] unsigned parallelism() const noexcept { return network_.streams(); }

 private:
  ImageTower(Preprocess preprocess, Network network, const PoolPlan& plan, bool normalize, Precision precision);
  [[nodiscard]] Result<Vector> infer(Network::Lease& lease) const;

  Preprocess preprocess_;
  Network network_;
  PoolPlan plan_;
  bool normalize_;
  Precision precision_;
  std::unique_ptr<PreprocessScratch[]> scratch_;  // one a stream, used by who holds its lease
};

}  // namespace eidetic
