#include "cli/session.h"

#include <cstdlib>

namespace eidetic {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Result<std::filesystem::path> data_folder(const Globals& globals) {
  if (!globals.data_dir.empty()) return globals.data_dir;
  // A relative $XDG_DATA_HOME is to be ignored (XDG Base Directory Specification).
  if (const std::filesystem::path xdg = environment("XDG_DATA_HOME"); xdg.is_absolute()) return xdg / "eidetic";
  if (const std::filesystem::path home = environment("HOME"); home.is_absolute()) return home / ".local/share/eidetic";
  return fail(ErrorCode::invalid_argument, "no data folder: give --data DIR, or set HOME or XDG_DATA_HOME");
}

Result<std::vector<std::filesystem::path>> model_folders(const Globals& globals) {
  EIDETIC_TRY(auto data, data_folder(globals));
  return model_directories({.data_dir = std::move(data)});
}

Result<std::unique_ptr<Engine>> open_engine(const Globals& globals) {
  EIDETIC_TRY(auto data, data_folder(globals));
  return Engine::open({.data_dir = std::move(data), .threads = globals.threads, .arithmetic = globals.arithmetic});
}

}  // namespace eidetic
