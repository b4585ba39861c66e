#include "embed/tar.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <span>
#include <string_view>

#include "base/file.h"

// A member is a header block of 512 bytes and its content, padded to whole blocks; two empty blocks end the archive.
// https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_06
namespace eidetic {
namespace {

constexpr std::size_t kBlock = 512;

std::string_view field(std::span<const std::byte> header, std::size_t offset, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(header.data()) + offset, size);
  return text.substr(0, text.find('\0'));
}

std::string member_name(std::span<const std::byte> header) {
  std::string name(field(header, 0, 100));
  const bool ustar = field(header, 257, 5) == "ustar";
  const std::string_view prefix = ustar ? field(header, 345, 155) : "";
  if (!prefix.empty()) name = fmt::format("{}/{}", prefix, name);
  return name.starts_with("./") ? name.substr(2) : name;
}

std::optional<std::size_t> member_size(std::span<const std::byte> header) {
  std::string_view digits = field(header, 124, 12);
  while (digits.starts_with(' ')) digits.remove_prefix(1);
  std::size_t size = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size, 8);
  if (error != std::errc() || end == digits.data()) return std::nullopt;
  return size;
}

}  // namespace

Result<void> extract_tar(const std::filesystem::path& archive,
                         const std::map<std::string, std::filesystem::path>& wanted) {
  EIDETIC_TRY(const MappedFile mapped, MappedFile::open(archive));
  auto rest = mapped.bytes();
  auto missing = wanted;
  const auto broken = [&] {
    return fail(ErrorCode::corrupt, fmt::format("'{}' is no tar archive, or it is cut off", archive.native()));
  };
  while (!missing.empty() && rest.size() >= kBlock && rest[0] != std::byte{0}) {
    const auto header = rest.first(kBlock);
    const auto size = member_size(header);
    if (!size || *size > rest.size() - kBlock) return broken();
    if (const auto found = missing.find(member_name(header)); found != missing.end()) {
      const auto content = rest.subspan(kBlock, *size);
      EIDETIC_CHECK(write_file_atomically(found->second, [&](const Sink& sink) { return sink(content); }));
      missing.erase(found);
    }
    const std::size_t padded = (*size + kBlock - 1) / kBlock * kBlock;
    rest = rest.subspan(std::min(rest.size(), kBlock + padded));
  }
  if (missing.empty()) return {};
  if (rest.size() == mapped.bytes().size()) return broken();
  return fail(ErrorCode::not_found,
              fmt::format("the archive '{}' has no file '{}'", archive.native(), missing.begin()->first));
}

}  // namespace eidetic
