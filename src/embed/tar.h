// Taking single files out of a tar archive (POSIX ustar, uncompressed).
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "eidetic/error.h"

namespace eidetic {

// Writes each member named in `wanted` (name in the archive -> file), atomically; all else is passed over. Errors:
// corrupt (no tar archive, cut off), not_found (a member that is not there).
[[nodiscard]] Result<void> extract_tar(const std::filesystem::path& archive,
                                       const std::map<std::string, std::filesystem::path>& wanted);

}  // namespace eidetic
