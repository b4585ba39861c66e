#include "embed/compiled_cache.h"

#include <fmt/format.h>

#include <sstream>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "embed/graph.h"

namespace eidetic {
namespace {

// One line before the compiled network: format, length and XXH3 of what follows, and the full key.
std::string header_of(std::string_view key, std::string_view blob) {
  return fmt::format("EideticCompiled 1 {} {:016x} {}\n", blob.size(), checksum(as_bytes(blob)), key);
}

std::string processor() { return graph::core().get_property("CPU", ov::device::full_name.name()).as<std::string>(); }

}  // namespace

CompiledCache::CompiledCache(std::filesystem::path folder, std::string_view key) {
  if (folder.empty()) return;
  // The versions are not part of the file's name: a newer program replaces what an older one left.
  file_ = folder / fmt::format("{}.compiled", sha256_hex(as_bytes(key)).substr(0, 32));
  try {
    header_ = fmt::format("{} openvino={} cpu={}", key, ov::get_openvino_version().buildNumber, processor());
  } catch (const std::exception& exception) {
    log(LogLevel::debug, "compiled models are not kept: {}", graph::reason(exception));
    file_.clear();
  }
}

std::optional<ov::CompiledModel> CompiledCache::load(const ov::AnyMap& properties) const {
  if (file_.empty()) return std::nullopt;
  auto text = read_text(file_);
  if (!text) return std::nullopt;
  const auto end = text->find('\n');
  if (end == std::string::npos) return std::nullopt;
  const std::string_view blob = std::string_view(*text).substr(end + 1);
  // Bytes from disk reach OpenVINO only if they are the ones that were written.
  if (text->substr(0, end + 1) != header_of(header_, blob)) return std::nullopt;
  try {
    std::istringstream stream{std::string(blob)};
    return graph::core().import_model(stream, "CPU", properties);
  } catch (const std::exception& exception) {
    log(LogLevel::debug, "'{}' is compiled anew: {}", file_.native(), graph::reason(exception));
    return std::nullopt;
  }
}

void CompiledCache::store(ov::CompiledModel& compiled) const {
  if (file_.empty()) return;
  try {
    std::ostringstream stream;
    compiled.export_model(stream);
    const std::string blob = std::move(stream).str();
    auto written = make_directories(file_.parent_path());
    if (written) written = write_file_atomically(file_, header_of(header_, blob) + blob);
    if (!written) log(LogLevel::debug, "the compiled model is not kept: {}", written.error().message);
  } catch (const std::exception& exception) {
    log(LogLevel::debug, "the compiled model is not kept: {}", graph::reason(exception));
  }
}

}  // namespace eidetic
