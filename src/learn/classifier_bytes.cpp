#include <fmt/format.h>

#include "index/checked_file.h"
#include "learn/classifier.h"

namespace eidetic {
namespace {

constexpr FileKind kFile = {.magic = "EIDECLAS", .version = 1};

bool of_newer_version(std::span<const std::byte> bytes) {
  CheckedReader in(bytes);
  const auto magic = in.bytes(kFile.magic.size());
  const auto version = in.value<std::uint32_t>();
  return !in.failed() && std::memcmp(magic.data(), kFile.magic.data(), magic.size()) == 0 && version > kFile.version;
}

// nullopt: a name is longer than one may be, or than what is left.
std::optional<std::vector<std::string>> read_names(CheckedReader& in, std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    const auto length = in.value<std::uint32_t>();
    if (length > kMaxClassName) return std::nullopt;
    const auto name = in.bytes(length);
    if (in.failed()) return std::nullopt;
    names.emplace_back(reinterpret_cast<const char*>(name.data()), name.size());
  }
  return names;
}

std::optional<ClassifierParts> read_parts(CheckedReader& in) {
  ClassifierParts parts;
  const auto kind = in.value<std::uint32_t>();
  if (kind < 1 || kind > 3) return std::nullopt;
  parts.kind = static_cast<ClassifierKind>(kind);
  parts.shape.inputs = in.value<std::uint32_t>();
  parts.shape.hidden = in.value<std::uint32_t>();
  parts.shape.classes = in.value<std::uint32_t>();
  const auto unit = in.value<std::uint32_t>();
  parts.unit = unit == 1;
  parts.temperature = in.value<double>();
  const HeadShape& shape = parts.shape;
  if (unit > 1 || shape.inputs > kMaxClassifierInputs || shape.hidden > kMaxHidden || shape.classes > kMaxClasses) {
    return std::nullopt;
  }
  auto names = read_names(in, parts.shape.classes);
  if (!names) return std::nullopt;
  parts.names = *std::move(names);
  // Nothing is made larger than the bytes are.
  if (shape.parameters() != in.left() / sizeof(float)) return std::nullopt;
  parts.parameters.resize(shape.parameters());
  if (!in.read(std::span<float>(parts.parameters)) || !in.complete()) return std::nullopt;
  return parts;
}

}  // namespace

std::vector<std::byte> Classifier::serialize() const {
  std::vector<std::byte> bytes;
  const Sink sink = [&](std::span<const std::byte> part) -> Result<void> {
    bytes.insert(bytes.end(), part.begin(), part.end());
    return {};
  };
  CheckedWriter out(sink);
  out.bytes(as_bytes(kFile.magic));
  out.value(kFile.version);
  out.value(static_cast<std::uint32_t>(parts_.kind));
  for (const std::size_t size : {parts_.shape.inputs, parts_.shape.hidden, parts_.shape.classes}) {
    out.value(static_cast<std::uint32_t>(size));
  }
  out.value(std::uint32_t{parts_.unit});
  out.value(parts_.temperature);
  for (const std::string& name : parts_.names) {
    out.value(static_cast<std::uint32_t>(name.size()));
    out.bytes(as_bytes(name));
  }
  out.bytes(std::as_bytes(std::span(parts_.parameters)));
  out.value(out.sum());
  return bytes;
}

Result<Classifier> Classifier::deserialize(std::span<const std::byte> bytes, std::string_view what) {
  if (of_newer_version(bytes)) {
    return fail(ErrorCode::unsupported,
                fmt::format("'{}' is a classifier of a newer version than this build reads ({})", what, kFile.version));
  }
  EIDETIC_TRY(CheckedReader in, read_checked(bytes, kFile, what));
  auto parts = read_parts(in);
  if (!parts) return fail(ErrorCode::corrupt, fmt::format("'{}' does not hold what a classifier holds", what));
  auto classifier = make(*std::move(parts));
  if (!classifier) return fail(ErrorCode::corrupt, fmt::format("'{}': {}", what, classifier.error().message));
  return classifier;
}

}  // namespace eidetic
