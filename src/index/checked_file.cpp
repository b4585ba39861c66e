#include "index/checked_file.h"

#include <fmt/format.h>

namespace eidetic {

void CheckedWriter::bytes(std::span<const std::byte> content) {
  if (!state_ || content.empty()) return;
  checksum_.update(content);
  state_ = (*sink_)(content);
}

Result<void> write_checked_file(const std::filesystem::path& path, FileKind kind,
                                const std::function<void(CheckedWriter&)>& write) {
  return write_file_atomically(path, [&](const Sink& sink) -> Result<void> {
    CheckedWriter writer(sink);
    writer.bytes(as_bytes(kind.magic));
    writer.value(kind.version);
    write(writer);
    EIDETIC_CHECK(writer.state());
    const std::uint64_t sum = writer.sum();
    return sink(std::as_bytes(std::span(&sum, 1)));
  });
}

Result<CheckedReader> read_checked(std::span<const std::byte> file, FileKind kind, const std::filesystem::path& path) {
  const auto refuse = [&](std::string_view reason) {
    return fail(ErrorCode::corrupt, fmt::format("'{}' {}", path.native(), reason));
  };
  const std::size_t frame = kind.magic.size() + sizeof(kind.version) + sizeof(std::uint64_t);
  if (file.size() < frame) return refuse("is truncated");
  CheckedReader header(file);
  const auto magic = header.bytes(kind.magic.size());
  if (std::memcmp(magic.data(), kind.magic.data(), magic.size()) != 0) return refuse("is of another kind");
  if (const auto version = header.value<std::uint32_t>(); version != kind.version) {
    return refuse(fmt::format("has format version {}, this build reads {}", version, kind.version));
  }
  const auto content = header.bytes(file.size() - frame);
  if (header.value<std::uint64_t>() != checksum(file.first(file.size() - sizeof(std::uint64_t)))) {
    return refuse("is damaged or truncated: its checksum does not fit");
  }
  return CheckedReader(content);
}

}  // namespace eidetic
