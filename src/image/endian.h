// Numbers at positions of a byte string, never outside it. Internal to the room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "eidetic/image.h"

namespace eidetic {

class ByteReader {
 public:
  ByteReader(Bytes bytes, bool little_endian) noexcept : bytes_(bytes), little_(little_endian) {}

  [[nodiscard]] std::optional<std::uint8_t> u8(std::size_t at) const noexcept { return read<std::uint8_t>(at); }
  [[nodiscard]] std::optional<std::uint16_t> u16(std::size_t at) const noexcept { return read<std::uint16_t>(at); }
  [[nodiscard]] std::optional<std::uint32_t> u32(std::size_t at) const noexcept { return read<std::uint32_t>(at); }
  // The part [at, at + count), cut where the bytes end.
  [[nodiscard]] Bytes part(std::size_t at, std::size_t count) const noexcept {
    if (at >= bytes_.size()) return {};
    return bytes_.subspan(at, count < bytes_.size() - at ? count : bytes_.size() - at);
  }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }

 private:
  template <typename T>
  [[nodiscard]] std::optional<T> read(std::size_t at) const noexcept {
    if (bytes_.size() < sizeof(T) || at > bytes_.size() - sizeof(T)) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      value = value << 8 | std::to_integer<std::uint32_t>(bytes_[at + (little_ ? sizeof(T) - 1 - i : i)]);
    }
    return static_cast<T>(value);
  }

  Bytes bytes_;
  bool little_;
};

}  // namespace eidetic
