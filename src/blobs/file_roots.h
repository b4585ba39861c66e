// Which files may be read for callers who do not own the machine.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

// Immutable: any call from any thread. Looks at the disk at every call, as links and mounts change.
class FileRoots {
 public:
  FileRoots() = default;  // every file
  // Only what lies under one of the folders once all links are followed; an empty list: nothing.
  explicit FileRoots(std::optional<std::vector<std::filesystem::path>> roots) : roots_(std::move(roots)) {}

  // The path without links and dots, which is the one to open. Of a file that is not there, what is there of its path
  // decides. invalid_argument where it leads outside: naming the path as it was given, and not where it leads.
  [[nodiscard]] Result<std::filesystem::path> resolve(const std::filesystem::path& path) const;
  [[nodiscard]] bool limited() const noexcept { return roots_.has_value(); }

 private:
  std::optional<std::vector<std::filesystem::path>> roots_;
};

}  // namespace eidetic
