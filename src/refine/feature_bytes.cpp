// Local features as bytes. All numbers are little-endian, as this program's machines are.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "base/hash.h"
#include "refine/local_features.h"

namespace eidetic {
namespace {

constexpr std::array<char, 4> kMagic = {'E', 'K', 'E', 'Y'};
constexpr std::uint32_t kVersion = 1;
constexpr std::int32_t kMaxPictureSide = 1 << 24;  // floats hold every pixel's position

struct Header {
  std::array<char, 4> magic = kMagic;
  std::uint32_t version = kVersion;
  std::int32_t width = 0;
  std::int32_t height = 0;
  std::int32_t count = 0;
  std::int32_t small_width = 0;
  std::int32_t small_height = 0;
  std::uint32_t reserved = 0;
};
static_assert(sizeof(Header) == 32 && sizeof(Keypoint) == 16 && std::is_trivially_copyable_v<Keypoint>);

constexpr std::size_t kSumBytes = sizeof(std::uint64_t);

void append(std::vector<std::byte>& to, std::span<const std::byte> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::corrupt, fmt::format("local features: {}; they must be extracted again", what));
}

bool within(std::int32_t value, std::int32_t least, std::int32_t most) { return value >= least && value <= most; }

Result<Header> read_header(std::span<const std::byte> bytes) {
  Header header;
  if (bytes.size() < sizeof(header) + kSumBytes) return damaged("too short");
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.magic != kMagic) return damaged("no such bytes");
  if (header.version != kVersion) return damaged(fmt::format("version {} and not {}", header.version, kVersion));
  std::uint64_t sum = 0;
  std::memcpy(&sum, bytes.data() + bytes.size() - kSumBytes, kSumBytes);
  if (sum != checksum(bytes.first(bytes.size() - kSumBytes))) return damaged("wrong checksum");
  if (!within(header.width, 1, kMaxPictureSide) || !within(header.height, 1, kMaxPictureSide) ||
      !within(header.count, 0, kMaxFeatures) || !within(header.small_width, 1, kSmallSide) ||
      !within(header.small_height, 1, kSmallSide) || header.reserved != 0) {
    return damaged("sizes out of range");
  }
  return header;
}

bool plausible(const Keypoint& keypoint, const Header& header) {
  const auto inside = [](float value, float most) { return value >= 0 && value <= most; };  // false for NaN
  return inside(keypoint.x, static_cast<float>(header.width)) &&
         inside(keypoint.y, static_cast<float>(header.height)) && keypoint.scale > 0 &&
         inside(keypoint.scale, static_cast<float>(kMaxPictureSide)) &&
         inside(keypoint.angle, 7);  // 2 pi, and what rounding adds
}

}  // namespace

std::vector<std::byte> serialize_features(const LocalFeatures& features) {
  const Header header{.width = features.width,
                      .height = features.height,
                      .count = static_cast<std::int32_t>(features.size()),
                      .small_width = features.small.width,
                      .small_height = features.small.height};
  std::vector<std::byte> bytes;
  bytes.reserve(sizeof(header) + features.size() * (sizeof(Keypoint) + kDescriptorBytes) +
                features.small.pixels.size() + kSumBytes);
  append(bytes, std::as_bytes(std::span(&header, 1)));
  append(bytes, std::as_bytes(std::span(features.keypoints)));
  append(bytes, std::as_bytes(std::span(features.descriptors)));
  append(bytes, std::as_bytes(std::span(features.small.pixels)));
  const std::uint64_t sum = checksum(bytes);
  append(bytes, std::as_bytes(std::span(&sum, 1)));
  return bytes;
}

Result<LocalFeatures> deserialize_features(std::span<const std::byte> bytes) {
  EIDETIC_TRY(const Header header, read_header(bytes));
  LocalFeatures features{.width = header.width,
                         .height = header.height,
                         .small = {.width = header.small_width, .height = header.small_height, .pixels = {}}};
  const auto count = static_cast<std::size_t>(header.count);
  const std::size_t pixels = std::size_t{3} * header.small_width * header.small_height;
  const std::size_t expected =
      sizeof(header) + count * (sizeof(Keypoint) + kDescriptorBytes) + pixels + kSumBytes;  // limited: no overflow
  if (bytes.size() != expected) return damaged(fmt::format("{} bytes and not {}", bytes.size(), expected));
  features.keypoints.resize(count);
  features.descriptors.resize(count * kDescriptorBytes);
  features.small.pixels.resize(pixels);
  auto rest = bytes.subspan(sizeof(header));
  const auto take = [&rest](auto& values) {
    const auto to = std::as_writable_bytes(std::span(values));
    std::ranges::copy(rest.first(to.size()), to.begin());
    rest = rest.subspan(to.size());
  };
  take(features.keypoints);
  take(features.descriptors);
  take(features.small.pixels);
  if (!std::ranges::all_of(features.keypoints, [&](const Keypoint& one) { return plausible(one, header); })) {
    return damaged("a keypoint outside its picture");
  }
  if (std::ranges::any_of(features.descriptors, [](std::uint8_t value) { return value > kMaxDescriptorByte; })) {
    return damaged("a descriptor out of range");
  }
  return features;
}

}  // namespace eidetic
