#include "engine/pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "image/crop.h"
#include "refine/augment.h"

namespace eidetic {
namespace {

std::unexpected<Error> named(std::string_view name, const Error& error) {
  return fail(error.code, fmt::format("'{}': {}", name, error.message));
}

// Of a picture narrower than the regions are many, some hold no pixel by rounding.
Crop at_least_a_pixel(Crop region, const Image& image) {
  const auto widen = [](double& start, double& length, std::int32_t size) {
    length = std::max(length, 1.0 / size);
    start = std::min(start, 1 - length);
  };
  widen(region.x, region.width, image.width);
  widen(region.y, region.height, image.height);
  return region;
}

}  // namespace

Result<std::vector<std::byte>> PictureEmbedder::read(std::string_view uri, StageTimes& times) const {
  const Stopwatch watch;
  auto bytes = blobs_.read(uri, decode_.max_bytes);
  times.add(Stage::read, watch.seconds());
  return bytes;
}

Result<Vector> PictureEmbedder::embed(Bytes bytes, std::string_view name, const std::optional<Crop>& crop,
                                      StageTimes& times) const {
  const Stopwatch watch;
  auto options = decode_;
  if (crop) options.min_short_side = 0;  // a crop counts the pixels of the whole picture, and magnifies them
  auto image = decode_image(bytes, options);
  if (image && crop) image = crop_image(*image, *crop);
  times.add(Stage::decode, watch.seconds());
  if (!image) return named(name, image.error());

  EmbedTimings timings;
  auto vector = embedder_.embed_image(*image, &timings);
  constexpr double kMillisecond = 1e-3;
  times.add(Stage::preprocess, timings.preprocess_ms * kMillisecond);
  times.add(Stage::inference, timings.inference_ms * kMillisecond);
  if (!vector) return named(name, vector.error());
  return vector;
}

Result<void> PictureEmbedder::embed_into(Item& item, Bytes bytes, std::string_view name, std::span<const Crop> regions,
                                         StageTimes& times) const {
  EIDETIC_TRY(item.vector, embed(bytes, name, {}, times));
  if (regions.empty()) return {};
  EIDETIC_TRY(item.parts, embed_regions(bytes, name, {}, regions, times));
  return {};
}

Result<std::vector<Vector>> PictureEmbedder::embed_regions(Bytes bytes, std::string_view name,
                                                           const std::optional<Crop>& crop,
                                                           std::span<const Crop> regions, StageTimes& times) const {
  const Stopwatch watch;
  double least = 1;
  for (const Crop& region : regions) least = std::min({least, region.width, region.height});
  auto options = decode_;
  // As large as the smallest region needs it.
  options.min_short_side = crop ? 0 : static_cast<std::int32_t>(std::ceil(decode_.min_short_side / least));
  auto image = decode_image(bytes, options);
  if (image && crop) image = crop_image(*image, *crop);
  if (!image) return named(name, image.error());
  std::vector<Image> parts;
  for (const Crop& region : regions) {
    auto part = crop_image(*image, at_least_a_pixel(region, *image));
    if (!part) return named(name, part.error());
    parts.push_back(*std::move(part));
  }
  times.add(Stage::decode, watch.seconds());
  const Stopwatch embedding;
  std::vector<Vector> vectors;
  for (auto& vector : embedder_.embed_images(parts)) {
    if (!vector) return named(name, vector.error());
    vectors.push_back(*std::move(vector));
  }
  times.add(Stage::inference, embedding.seconds());
  return vectors;
}

Result<std::vector<Vector>> PictureEmbedder::embed_variants(Bytes bytes, std::string_view name,
                                                            const std::optional<Crop>& crop, std::uint64_t seed,
                                                            StageTimes& times) const {
  std::vector<Vector> vectors;
  EIDETIC_TRY(vectors.emplace_back(), embed(bytes, name, crop, times));
  const Stopwatch watch;
  EIDETIC_TRY(const Image image, decode_for_variants(bytes, name, decode_, crop));
  std::vector<Image> images;
  for (auto& variant : augment(image, seed)) images.push_back(std::move(variant.image));
  times.add(Stage::augment, watch.seconds(), images.size());
  const Stopwatch embedding;
  for (auto& vector : embedder_.embed_images(images)) {
    if (!vector) return named(name, vector.error());
    vectors.push_back(*std::move(vector));
  }
  times.add(Stage::inference, embedding.seconds(), images.size());
  return vectors;
}

}  // namespace eidetic
