#include "embed/compiled_cache.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"

namespace eidetic {

CompiledCache::CompiledCache(const std::filesystem::path& folder, std::string_view name, std::string_view version) {
  if (folder.empty()) return;
  file_ = folder / fmt::format("{}.compiled", sha256_hex(as_bytes(name)).substr(0, 32));
  key_ = sha256_hex(as_bytes(fmt::format("{}\n{}", name, version)));
}

// One line before the compiled network: format, size and XXH3 of what follows, and the digest of name and version.
std::string CompiledCache::header(std::string_view compiled) const {
  return fmt::format("EideticCompiled 2 {} {:016x} {}\n", compiled.size(), checksum(as_bytes(compiled)), key_);
}

std::optional<std::string> CompiledCache::load() const {
  if (file_.empty()) return std::nullopt;
  auto text = read_text(file_);
  if (!text) return std::nullopt;
  const auto end = text->find('\n');
  if (end == std::string::npos) return std::nullopt;
  std::string compiled = text->substr(end + 1);
  // Bytes from disk reach the inference library only if they are the ones that were written.
  if (text->substr(0, end + 1) != header(compiled)) return std::nullopt;
  return compiled;
}

void CompiledCache::store(std::string_view compiled) const {
  if (file_.empty()) return;
  auto written = make_directories(file_.parent_path());
  if (written) {
    written = write_file_atomically(file_, [&](const Sink& sink) -> Result<void> {
      EIDETIC_CHECK(sink(as_bytes(header(compiled))));
      return sink(as_bytes(compiled));
    });
  }
  if (!written) log(LogLevel::debug, "the compiled model is not kept: {}", written.error().message);
}

}  // namespace eidetic
