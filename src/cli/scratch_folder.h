// A folder of a measuring command's own, inside the user's data folder unless another is named: so that what is
// measured is written where collections are. Removed at the end, with all that is in it.
#pragma once

#include <filesystem>
#include <utility>

#include "eidetic/error.h"

#include "cli/session.h"

namespace eidetic {

class ScratchFolder {
 public:
  // `parent`: made where it is not there; empty: the data folder.
  [[nodiscard]] static Result<ScratchFolder> make(const Globals& globals, std::filesystem::path parent = {});
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit ScratchFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace eidetic
