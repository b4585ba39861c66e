#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cmath>

#include "base/npy.h"
#include "base/threads.h"
#include "embed/image_tower.h"
#include "embed/models.h"

namespace eidetic {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Smooth, colourful, with edges; no two pixels in a row alike.
Image made_up_picture() {
  constexpr std::int32_t kWidth = 320;
  constexpr std::int32_t kHeight = 240;
  Image image{.width = kWidth, .height = kHeight, .pixels = {}};
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      const int disc = (x - 160) * (x - 160) + (y - 120) * (y - 120) < 80 * 80 ? 90 : 0;
      for (const int value : {x * 3 / 4, y + disc / 2, (x * y / 64) ^ disc}) {
        image.pixels.push_back(static_cast<std::uint8_t>(value & 255));
      }
    }
  }
  return image;
}

Result<void> same_vector_twice(const Embedder& embedder, const Image& picture) {
  EIDETIC_TRY(const Vector first, embedder.embed_image(picture));
  EIDETIC_TRY(const Vector second, embedder.embed_image(picture));
  if (first == second) return {};
  return fail(ErrorCode::unsupported, fmt::format("the model '{}' gives another vector each time for the same picture",
                                                  embedder.space().model));
}

// A short run of the same picture on all threads; its mean inference time counts, not the clock around it.
double measure(const Embedder& embedder, const Image& picture) {
  constexpr std::size_t kRunsPerThread = 20;
  std::atomic<double> inference_ms = 0;
  ThreadPool pool(embedder.parallelism());
  const std::size_t runs = kRunsPerThread * embedder.parallelism();
  pool.parallel_for(runs, [&](std::size_t) {
    EmbedTimings timings;
    if (embedder.embed_image(picture, &timings)) inference_ms += timings.inference_ms;
  });
  return static_cast<double>(runs) * embedder.parallelism() * 1000 / inference_ms;
}

// The largest difference of a value to the bundle's golden vector.
Result<double> golden_difference(const ModelBundle& bundle, const EmbedderOptions& options) {
  EIDETIC_TRY(const std::string digest, model_digest(bundle));
  EIDETIC_TRY(const ImageTower tower, ImageTower::load(bundle, options, digest));
  EIDETIC_TRY(const NpyArray input, read_npy(bundle.file(bundle.golden->input)));
  EIDETIC_TRY(const NpyArray expected, read_npy(bundle.file(bundle.golden->output)));
  EIDETIC_TRY(const Vector vector, tower.embed_tensor(input.values));
  const auto far_off = [&](const std::string& how) {
    return fail(ErrorCode::corrupt, fmt::format("the bundle '{}' does not give its golden vector '{}': {}", bundle.name,
                                                bundle.golden->output, how));
  };
  if (vector.size() != expected.values.size()) {
    return far_off(fmt::format("{} values instead of {}", vector.size(), expected.values.size()));
  }
  double largest = 0;
  for (std::size_t i = 0; i < vector.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(vector[i]) - expected.values[i]));
  }
  if (!(largest <= bundle.golden->tolerance)) {
    return far_off(fmt::format("values differ by up to {:.3g}, more than {:.3g}", largest, bundle.golden->tolerance));
  }
  return largest;
}

Result<void> text_works(const Embedder& embedder) {
  constexpr std::string_view kText = "a photo of a red dog, a car and a house";
  EIDETIC_CHECK(embedder.tokenize(kText));
  // Words that it does not know are no fault of the bundle.
  const auto vector = embedder.embed_text(kText);
  if (vector || vector.error().code == ErrorCode::invalid_argument) return {};
  return std::unexpected(vector.error());
}

}  // namespace

Result<BundleCheck> check_bundle(const std::filesystem::path& path, const EmbedderOptions& options) {
  EIDETIC_TRY(const ModelBundle bundle, open_bundle(path));
  BundleCheck check;
  const auto start = Clock::now();
  EIDETIC_TRY(const auto embedder, load_embedder(path, options));
  check.load_ms = seconds_since(start) * 1000;
  const Image picture = made_up_picture();
  EIDETIC_CHECK(same_vector_twice(*embedder, picture));
  check.space = embedder->space();
  check.has_text = embedder->has_text();
  check.labels = embedder->labels().size();
  if (check.has_text) EIDETIC_CHECK(text_works(*embedder));
  if (bundle.labels) EIDETIC_CHECK(load_classifier(path, options));
  if (bundle.golden) {
    EIDETIC_TRY(check.golden_difference, golden_difference(bundle, options));
  }
  check.images_per_s = measure(*embedder, picture);
  return check;
}

}  // namespace eidetic
