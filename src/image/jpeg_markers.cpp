#include "image/jpeg_markers.h"

#include <array>
#include <string_view>

#include "image/endian.h"

namespace eidetic {
namespace {

using namespace std::string_view_literals;

bool starts_with(Bytes bytes, std::string_view text) {
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()).starts_with(text);
}

constexpr auto kExif = "Exif\0\0"sv;
constexpr auto kProfile = "ICC_PROFILE\0"sv;  // followed by the part's number, from 1, and how many there are

struct ProfileParts {
  std::array<Bytes, 256> parts;
  std::size_t count = 0;

  void add(Bytes segment) {
    if (segment.size() < kProfile.size() + 2) return;
    parts[std::to_integer<std::size_t>(segment[kProfile.size()])] = segment.subspan(kProfile.size() + 2);
    count = std::to_integer<std::size_t>(segment[kProfile.size() + 1]);
  }

  [[nodiscard]] std::vector<std::byte> join() const {
    std::vector<std::byte> profile;
    for (std::size_t i = 1; i <= count; ++i) {
      if (parts[i].empty()) return {};
      profile.insert(profile.end(), parts[i].begin(), parts[i].end());
    }
    return profile;
  }
};

bool is_frame(std::uint8_t marker) {
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

bool stands_alone(std::uint8_t marker) { return marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8); }

}  // namespace

JpegMarkers read_jpeg_markers(Bytes bytes) {
  const ByteReader reader(bytes, false);
  JpegMarkers markers;
  ProfileParts profile;
  std::size_t at = 2;
  while (at + 4 <= bytes.size()) {
    // As libjpeg: whatever lies between segments is passed over.
    if (bytes[at] != std::byte{0xff}) {
      ++at;
      continue;
    }
    const std::uint8_t marker = std::to_integer<std::uint8_t>(bytes[at + 1]);
    if (marker == 0xff || marker == 0x00 || stands_alone(marker)) {
      at += marker == 0xff ? 1 : 2;
      continue;
    }
    if (marker == 0xda || marker == 0xd9) break;
    const std::size_t length = reader.u16(at + 2).value_or(0);
    if (length < 2) break;
    const Bytes segment = reader.part(at + 4, length - 2);
    if (marker == 0xe1 && markers.exif.empty() && starts_with(segment, kExif)) {
      markers.exif = segment.subspan(kExif.size());
    } else if (marker == 0xe2 && starts_with(segment, kProfile)) {
      profile.add(segment);
    } else if (is_frame(marker)) {
      markers.precision = reader.u8(at + 4).value_or(0);
      markers.height = reader.u16(at + 5).value_or(0);
      markers.width = reader.u16(at + 7).value_or(0);
    }
    at += 2 + length;
  }
  markers.profile = profile.join();
  return markers;
}

}  // namespace eidetic
