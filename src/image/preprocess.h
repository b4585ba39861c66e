// The preprocessing steps of a model bundle, compiled once: picture -> tensor.
//
// The steps (docs/preprocessing.md has them with fields and defaults) are run in order: resize, resize_short_side,
// letterbox, center_crop, to_float, normalize, channel_order, layout, transpose. Resizing is Pillow's: the same
// coefficients, the same 8-bit rounding between the horizontal and the vertical pass, so tensors are Pillow's too.
// Only the rows and columns that end in the tensor are computed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "eidetic/error.h"
#include "eidetic/image.h"

#include "base/json.h"

namespace eidetic {

struct PreprocessPlan;
struct PreprocessBuffers;

// Always three channels, one picture: [3, height, width] when planar, [height, width, 3] when not.
struct TensorShape {
  std::int32_t channels = 3;
  std::int32_t height = 0;
  std::int32_t width = 0;
  bool planar = true;
};

// Working memory of Preprocess::run, which grows to what the pictures need and stays. One a thread.
class PreprocessScratch {
 public:
  PreprocessScratch();
  PreprocessScratch(PreprocessScratch&&) noexcept;
  PreprocessScratch& operator=(PreprocessScratch&&) noexcept;
  ~PreprocessScratch();

 private:
  friend class Preprocess;
  std::unique_ptr<PreprocessBuffers> buffers_;
};

// Immutable: copies are cheap, and run may be called from any number of threads, each with its own scratch.
class Preprocess {
 public:
  // `steps`: a JSON list of objects with one key each. `where` leads every message. Errors: invalid_argument, naming
  // step and field: "model.json: preprocess[2] 'center_crop': field 'width' is missing".
  [[nodiscard]] static Result<Preprocess> compile(const Json& steps, std::string_view where);

  [[nodiscard]] TensorShape shape() const noexcept;
  [[nodiscard]] std::size_t output_size() const noexcept;  // floats: 3 x height x width
  // The least short side, in pixels, that a picture scaled down by its decoder must keep so that nothing is lost here:
  // twice what the first step makes of it. 0: unknown, decode in full.
  [[nodiscard]] std::int32_t min_short_side() const noexcept;

  // Fills `out`, of output_size() floats. No allocation once `scratch` has seen a picture of this size. Errors:
  // invalid_argument (empty picture, or pixels that are not width x height x 3; a center_crop without `pad` larger than
  // the picture), overloaded (an extreme aspect makes a step's result larger than 100 megapixels).
  [[nodiscard]] Result<void> run(const Image& image, std::span<float> out, PreprocessScratch& scratch) const;

 private:
  explicit Preprocess(std::shared_ptr<const PreprocessPlan> plan) noexcept : plan_(std::move(plan)) {}
  std::shared_ptr<const PreprocessPlan> plan_;
};

}  // namespace eidetic
