// Any bytes as an archive: what is unpacked is files and folders within the limits, and nothing lies outside of the
// folder.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/file.h"
#include "recipes/unpack.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eidetic;
  namespace fs = std::filesystem;
  constexpr std::uint64_t kMaxBytes = 1 << 18, kMaxFiles = 50;
  static const fs::path root = [] {
    std::string pattern = (fs::temp_directory_path() / "eidetic-unpack-XXXXXX").native();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    return fs::path(pattern);
  }();
  static const File archive(::memfd_create("archive", 0));
  const fs::path path = "/proc/self/fd/" + std::to_string(archive.descriptor());
  if (::ftruncate(archive.descriptor(), 0) != 0 || ::lseek(archive.descriptor(), 0, SEEK_SET) != 0) std::abort();
  if (!write_all(archive.descriptor(), std::as_bytes(std::span(data, size)), path)) std::abort();

  const fs::path folder = root / "in" / "folder";
  const auto unpacked = unpack_archive(path, folder, {.max_bytes = kMaxBytes, .max_files = kMaxFiles});
  std::uint64_t files = 0, bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const bool inside = entry.path().native().starts_with(folder.native() + '/');
    if (entry.is_symlink() || (!entry.is_regular_file() && !entry.is_directory())) std::abort();
    if (entry.is_regular_file() && (!inside || entry.hard_link_count() != 1)) std::abort();
    if (entry.is_regular_file()) ++files, bytes += entry.file_size();
  }
  if (files > kMaxFiles || bytes > kMaxBytes) std::abort();
  if (unpacked && (unpacked->files != files || unpacked->bytes != bytes)) std::abort();
  fs::remove_all(root / "in");
  return 0;
}
