// For tests: a temporary folder of their own, and the shared test material where it is there.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace eidetic {

// Removed with all its content at the end of the scope.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "eidetic-test-XXXXXX").native();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// Models, photographs and hostile files that the repository does not carry: $EIDETIC_SHARED, or `shared` beside the
// checkout.
inline std::filesystem::path shared_file(std::string_view name) {
  const char* set = std::getenv("EIDETIC_SHARED");
  const std::filesystem::path root =
      set != nullptr ? std::filesystem::path(set) : std::filesystem::path(EIDETIC_SOURCE_DIR).parent_path() / "shared";
  return root / name;
}

}  // namespace eidetic

// Skips the test, saying why, where a file of the shared test material is absent.
#define EIDETIC_NEEDS_SHARED(name)                                                      \
  if (!std::filesystem::exists(::eidetic::shared_file(name))) {                         \
    GTEST_SKIP() << "needs " << ::eidetic::shared_file(name).native() << ", not there"; \
  }                                                                                     \
  static_assert(true)
