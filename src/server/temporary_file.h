// A file that goes with the object that names it.
#pragma once

#include <filesystem>
#include <system_error>
#include <utility>

namespace eidetic {

class TemporaryFile {
 public:
  TemporaryFile() = default;
  explicit TemporaryFile(std::filesystem::path path) noexcept : path_(std::move(path)) {}
  TemporaryFile(TemporaryFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFile& operator=(TemporaryFile&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~TemporaryFile() {
    std::error_code ignored;  // nothing can be done, and the folder is emptied at the next start
    if (!path_.empty()) std::filesystem::remove(path_, ignored);
  }

  [[nodiscard]] explicit operator bool() const noexcept { return !path_.empty(); }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace eidetic
