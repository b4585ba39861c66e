#include "embed/image_tower.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/threads.h"

namespace eidetic {
namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

std::vector<std::size_t> tensor_shape(const TensorShape& shape) {
  const auto channels = static_cast<std::size_t>(shape.channels);
  const auto height = static_cast<std::size_t>(shape.height);
  const auto width = static_cast<std::size_t>(shape.width);
  if (shape.planar) return {1, channels, height, width};
  return {1, height, width, channels};
}

Result<Precision> choose_precision(EmbedderOptions::Arithmetic arithmetic) {
  if (arithmetic == EmbedderOptions::Arithmetic::f32) return Precision::f32;
  if (has_native_bf16()) return Precision::bf16;
  if (arithmetic == EmbedderOptions::Arithmetic::automatic) return Precision::f32;
  return fail(ErrorCode::unsupported,
              "this processor does not compute in bf16 (it lacks AVX-512 BF16); use f32, and for a collection made in "
              "bf16 index the pictures again in f32");
}

}  // namespace

ImageTower::ImageTower(Preprocess preprocess, Network network, const PoolPlan& plan, bool normalize,
                       Precision precision)
    : preprocess_(std::move(preprocess)),
      network_(std::move(network)),
      plan_(plan),
      normalize_(normalize),
      precision_(precision),
      scratch_(std::make_unique<PreprocessScratch[]>(network_.streams())) {}

Result<ImageTower> ImageTower::load(const ModelBundle& bundle, const EmbedderOptions& options,
                                    const std::string& digest) {
  const std::string where = fmt::format("the bundle '{}'", bundle.name);
  EIDETIC_TRY(const Precision precision, choose_precision(options.arithmetic));
  EIDETIC_TRY(Preprocess preprocess, Preprocess::compile(bundle.preprocess, where));
  const unsigned threads = options.threads == 0 ? available_cores() : options.threads;
  const unsigned threads_each = std::clamp(options.threads_each, 1U, threads);
  const NetworkOptions network_options{.input = bundle.input,
                                       .layer = bundle.layer,
                                       .input_shape = tensor_shape(preprocess.shape()),
                                       .precision = precision,
                                       .streams = threads / threads_each,
                                       .threads_each = threads_each,
                                       .cache_dir = options.cache_dir,
                                       .identity = digest};
  EIDETIC_TRY(Network network, Network::load(bundle.file(bundle.model), network_options));
  auto plan = plan_pooling(network.output_shape(), preprocess.shape().planar, bundle);
  if (!plan) return fail(plan.error().code, fmt::format("{}: {}", where, plan.error().message));
  return ImageTower(std::move(preprocess), std::move(network), *plan, bundle.l2_normalize, precision);
}

Result<Vector> ImageTower::infer(Network::Lease& lease) const {
  EIDETIC_TRY(const auto values, lease.infer());
  Vector vector = pool(values, plan_);
  if (normalize_) l2_normalize(vector);
  return vector;
}

Result<Vector> ImageTower::embed(const Image& image, EmbedTimings* timings) const {
  Network::Lease lease = network_.borrow();
  const auto start = Clock::now();
  EIDETIC_CHECK(preprocess_.run(image, lease.input(), scratch_[lease.index()]));
  const double preprocess_ms = ms_since(start);
  auto vector = infer(lease);
  if (timings != nullptr) *timings = {.preprocess_ms = preprocess_ms, .inference_ms = ms_since(start) - preprocess_ms};
  return vector;
}

Result<Vector> ImageTower::embed_tensor(std::span<const float> tensor) const {
  if (tensor.size() != preprocess_.output_size()) {
    return fail(ErrorCode::invalid_argument, fmt::format("a preprocessed picture has {} values here, not {}",
                                                         preprocess_.output_size(), tensor.size()));
  }
  Network::Lease lease = network_.borrow();
  std::ranges::copy(tensor, lease.input().begin());
  return infer(lease);
}

}  // namespace eidetic
