#include "base/npy.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <functional>
#include <numeric>

#include "base/file.h"
#include "base/text.h"

namespace eidetic {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kPrefix = 10;  // magic, version, header length

// What follows "'key':" in the header's Python literal, or "" where the key is missing.
std::string_view value_of(std::string_view header, std::string_view key) {
  const auto at = header.find(fmt::format("'{}':", key));
  if (at == std::string_view::npos) return {};
  return trim(header.substr(at + key.size() + 3));
}

bool parse_shape(std::string_view text, std::vector<std::uint64_t>& shape) {
  const auto end = text.find(')');
  if (!text.starts_with('(') || end == std::string_view::npos) return false;
  for (const auto part : split(text.substr(1, end - 1), ',')) {
    const auto digits = trim(part);
    if (digits.empty()) continue;
    std::uint64_t value = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || stop != digits.data() + digits.size()) return false;
    shape.push_back(value);
  }
  return true;
}

}  // namespace

Result<void> write_npy(const std::filesystem::path& file, std::uint64_t rows, std::uint64_t columns,
                       std::span<const float> values) {
  std::string header = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
  // The values start at a multiple of 64 bytes, as the format asks.
  header.append(63 - (kPrefix + header.size()) % 64, ' ');
  header += '\n';
  std::string prefix(kMagic);
  prefix += {'\1', '\0', static_cast<char>(header.size() & 0xFF), static_cast<char>(header.size() >> 8)};
  return write_file_atomically(file, [&](const Sink& sink) -> Result<void> {
    EIDETIC_CHECK(sink(as_bytes(prefix)));
    EIDETIC_CHECK(sink(as_bytes(header)));
    return sink(std::as_bytes(values));
  });
}

Result<NpyArray> read_npy(const std::filesystem::path& file) {
  EIDETIC_TRY(const MappedFile map, MappedFile::open(file));
  const auto bytes = map.bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto corrupt = [&](std::string_view why) {
    return fail(ErrorCode::corrupt, fmt::format("'{}' is no readable .npy file: {}", file.native(), why));
  };
  if (!text.starts_with(kMagic) || text.size() < kPrefix) return corrupt("it does not start like one");
  if (text[6] != 1) {
    return fail(ErrorCode::unsupported,
                fmt::format("'{}' is of .npy version {}; version 1 is read", file.native(), int{text[6]}));
  }
  const std::size_t length = static_cast<unsigned char>(text[8]) + 256U * static_cast<unsigned char>(text[9]);
  if (text.size() < kPrefix + length) return corrupt("its header is cut off");
  const std::string_view header = text.substr(kPrefix, length);
  if (!value_of(header, "descr").starts_with("'<f4'") || !value_of(header, "fortran_order").starts_with("False")) {
    return fail(ErrorCode::unsupported,
                fmt::format("'{}' holds {}; float32 in C order is read", file.native(), trim(header)));
  }
  NpyArray array;
  if (!parse_shape(value_of(header, "shape"), array.shape)) return corrupt("its shape cannot be read");
  const std::string_view values = text.substr(kPrefix + length);
  std::uint64_t count = 1;
  for (const std::uint64_t extent : array.shape) {
    if (extent != 0 && count > values.size() / extent) return corrupt("it holds fewer values than its shape says");
    count *= extent;
  }
  if (values.size() < count * sizeof(float)) return corrupt("it holds fewer values than its shape says");
  array.values.resize(count);
  std::memcpy(array.values.data(), values.data(), count * sizeof(float));
  return array;
}

}  // namespace eidetic
