// Any bytes as stored local features, with a checksum that is right, so that what is behind it is reached; and what is
// read aligned with itself and with features of a picture.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/hash.h"
#include "refine/alignment.h"

namespace {

using namespace eidetic;

LocalFeatures of_a_picture() {
  Image image{.width = 40, .height = 30, .pixels = {}};
  std::uint32_t state = 1;
  for (std::int32_t i = 0; i < image.width * image.height * 3; ++i) {
    state = state * 1664525 + 1013904223;
    image.pixels.push_back(static_cast<std::uint8_t>(state >> 24));
  }
  return extract_features(image, {.max_features = 50}).value();  // so that a run takes milliseconds
}

std::vector<std::byte> with_checksum(std::vector<std::byte> bytes) {
  const std::uint64_t sum = checksum(bytes);
  bytes.resize(bytes.size() + sizeof(sum));
  std::memcpy(bytes.data() + bytes.size() - sizeof(sum), &sum, sizeof(sum));
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const LocalFeatures picture = of_a_picture();
  static const std::vector<std::byte> good = serialize_features(picture);
  if (size == 0) return 0;
  const auto rest = std::as_bytes(std::span(data + 1, size - 1));
  std::vector<std::byte> bytes(rest.begin(), rest.end());
  if (data[0] < 128) {
    // Bytes of a good file changed: a position in two bytes, then what it becomes.
    bytes.assign(good.begin(), good.end() - sizeof(std::uint64_t));
    for (std::size_t i = 0; i + 2 < rest.size(); i += 3) {
      const std::size_t at = std::to_integer<std::size_t>(rest[i]) << 8 | std::to_integer<std::size_t>(rest[i + 1]);
      bytes[at % bytes.size()] = rest[i + 2];
    }
  }
  bytes = with_checksum(std::move(bytes));
  const auto features = deserialize_features(bytes);
  if (!features) return 0;
  if (serialize_features(*features) != bytes) std::abort();
  for (const auto& alignment : {align(*features, *features), align(picture, *features), align(*features, picture)}) {
    if (alignment.verified && alignment.pairs.size() < 3) std::abort();
  }
  (void)has_enough_texture(*features);
  return 0;
}
