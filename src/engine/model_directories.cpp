#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "eidetic/engine.h"

#include "base/text.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

// The file this code was loaded from: the shared library, or the program it is linked into.
fs::path own_file() {
  std::error_code error;
  Dl_info info{};
  fs::path file;
  if (::dladdr(reinterpret_cast<const void*>(&model_directories), &info) != 0 && info.dli_fname != nullptr) {
    file = info.dli_fname;
  }
  // A program is named as it was called, perhaps by a bare word.
  return fs::canonical(file.is_absolute() ? file : fs::path("/proc/self/exe"), error);
}

}  // namespace

std::vector<fs::path> model_directories(const EngineOptions& options) {
  std::vector<fs::path> directories;
  if (!options.data_dir.empty()) directories.push_back(options.data_dir / "models");
  directories.insert(directories.end(), options.model_dirs.begin(), options.model_dirs.end());
  if (const char* set = std::getenv("EIDETIC_MODELS")) {
    for (const auto part : split(set, ':')) {
      if (!part.empty()) directories.emplace_back(part);
    }
  }
  // <prefix>/share/eidetic/models, from <prefix>/bin, <prefix>/lib or <prefix>/lib/<architecture>.
  constexpr int kLevels = 3;
  std::error_code ignored;
  fs::path above = own_file().parent_path();
  for (int level = 0; level < kLevels && above.has_relative_path(); ++level) {
    above = above.parent_path();
    if (const auto installed = above / "share/eidetic/models"; fs::is_directory(installed, ignored)) {
      directories.push_back(installed);
    }
  }
  if (fs::is_directory(EIDETIC_BUILD_MODELS, ignored)) directories.emplace_back(EIDETIC_BUILD_MODELS);
  return directories;
}

}  // namespace eidetic
