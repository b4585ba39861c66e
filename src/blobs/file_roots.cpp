#include "blobs/file_roots.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

namespace eidetic {
namespace {

namespace fs = std::filesystem;

// Both without links, dots and trailing slashes.
bool lies_under(const fs::path& path, const fs::path& root) {
  return std::ranges::mismatch(root, path).in1 == root.end();
}

}  // namespace

Result<fs::path> FileRoots::resolve(const fs::path& path) const {
  if (!roots_) return path;
  std::error_code error;
  const auto real = fs::weakly_canonical(path, error);
  if (!error && !real.empty() && real.is_absolute()) {
    for (const auto& root : *roots_) {
      const auto real_root = fs::canonical(root, error);
      if (!error && lies_under(real, real_root)) return real;
    }
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is outside of the folders that this server may read", path.native()));
}

}  // namespace eidetic
