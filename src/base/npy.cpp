#include "base/npy.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>

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

std::string npy_header(std::uint64_t rows, std::uint64_t columns) {
  std::string header = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
  // The values start at a multiple of 64 bytes, as the format asks.
  header.append(63 - (kPrefix + header.size()) % 64, ' ');
  header += '\n';
  std::string prefix(kMagic);
  prefix += {'\1', '\0', static_cast<char>(header.size() & 0xFF), static_cast<char>(header.size() >> 8)};
  return prefix + header;
}

Result<void> write_npy(const std::filesystem::path& file, std::uint64_t rows, std::uint64_t columns,
                       std::span<const float> values) {
  return write_file_atomically(file, [&](const Sink& sink) -> Result<void> {
    EIDETIC_CHECK(sink(as_bytes(npy_header(rows, columns))));
    return sink(std::as_bytes(values));
  });
}

Result<NpyFile> NpyFile::open(const std::filesystem::path& file) {
  NpyFile npy;
  EIDETIC_TRY(npy.map_, MappedFile::open(file));
  const auto bytes = npy.map_.bytes();
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
  const std::string_view type = value_of(header, "descr");
  npy.doubles_ = type.starts_with("'<f8'");
  if ((!npy.doubles_ && !type.starts_with("'<f4'")) || !value_of(header, "fortran_order").starts_with("False")) {
    return fail(ErrorCode::unsupported,
                fmt::format("'{}' holds {}; float32 and float64 in C order are read", file.native(), trim(header)));
  }
  if (!parse_shape(value_of(header, "shape"), npy.shape_)) return corrupt("its shape cannot be read");
  npy.values_ = bytes.subspan(kPrefix + length);
  const std::size_t width = npy.doubles_ ? sizeof(double) : sizeof(float);
  npy.size_ = 1;
  for (const std::uint64_t extent : npy.shape_) {
    if (extent != 0 && npy.size_ > npy.values_.size() / extent) {
      return corrupt("it holds fewer values than its shape says");
    }
    npy.size_ *= extent;
  }
  if (npy.values_.size() / width < npy.size_) return corrupt("it holds fewer values than its shape says");
  return npy;
}

void NpyFile::read(std::uint64_t first, std::span<float> out) const {
  if (!doubles_) {
    if (!out.empty()) std::memcpy(out.data(), values_.data() + first * sizeof(float), out.size_bytes());
    return;
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    double value = 0;
    std::memcpy(&value, values_.data() + (first + i) * sizeof(value), sizeof(value));
    out[i] = static_cast<float>(value);
  }
}

Result<NpyArray> read_npy(const std::filesystem::path& file) {
  EIDETIC_TRY(const NpyFile npy, NpyFile::open(file));
  NpyArray array{.shape = npy.shape(), .values = std::vector<float>(npy.size())};
  npy.read(0, array.values);
  return array;
}

}  // namespace eidetic
