#include "cli/scratch_folder.h"

#include <stdlib.h>

#include <cerrno>

#include "base/file.h"

namespace eidetic {

Result<ScratchFolder> ScratchFolder::make(const Globals& globals, std::filesystem::path parent) {
  if (parent.empty()) {
    EIDETIC_TRY(parent, data_folder(globals));
  }
  EIDETIC_CHECK(make_directories(parent));
  std::string pattern = (parent / "bench-XXXXXX").native();
  if (mkdtemp(pattern.data()) == nullptr) return system_error("cannot make a folder in", parent, errno);
  return ScratchFolder(std::filesystem::path(pattern));
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace eidetic
