// Files, with errors that name them. All functions are thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

// An owned file descriptor; closed by the destructor.
class File {
 public:
  File() = default;
  explicit File(int descriptor) noexcept : descriptor_(descriptor) {}
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&& other) noexcept;
  ~File();

  // Flags as open(2), O_CLOEXEC added; new files get mode 0644.
  [[nodiscard]] static Result<File> open(const std::filesystem::path& path, int flags);

  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  [[nodiscard]] explicit operator bool() const noexcept { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

// The error for a failed system call: not_found, already_exists, unavailable (no space, I/O, permission) by
// `error_number`.
[[nodiscard]] std::unexpected<Error> system_error(std::string_view action, const std::filesystem::path& path,
                                                  int error_number);

// The whole file. Larger than max_bytes: overloaded, before anything is read.
[[nodiscard]] Result<std::vector<std::byte>> read_file(const std::filesystem::path& path,
                                                       std::size_t max_bytes = std::size_t{1} << 40);
[[nodiscard]] Result<std::string> read_text(const std::filesystem::path& path,
                                            std::size_t max_bytes = std::size_t{1} << 30);

// The first line of a file that holds a password, key or token, without spaces around it. invalid_argument: it is
// empty.
[[nodiscard]] Result<std::string> read_secret(const std::filesystem::path& path);

// Writes through a temporary file beside `path`: written, fsynced, renamed, folder fsynced. On any error `path` is
// untouched and no temporary file stays. `write` gets a sink for the content, in order.
using Sink = std::function<Result<void>(std::span<const std::byte>)>;
[[nodiscard]] Result<void> write_file_atomically(const std::filesystem::path& path,
                                                 const std::function<Result<void>(const Sink&)>& write);
[[nodiscard]] Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content);

// Everything in `bytes` to the descriptor, through short writes and signals.
[[nodiscard]] Result<void> write_all(int descriptor, std::span<const std::byte> bytes,
                                     const std::filesystem::path& path);
[[nodiscard]] Result<void> sync_directory(const std::filesystem::path& directory);
// The folder and its parents, made where missing.
[[nodiscard]] Result<void> make_directories(const std::filesystem::path& directory);

// An exclusive lock on a file (flock), held until destroyed; taken again by the next process when this one dies.
class FileLock {
 public:
  // Held by another process: unavailable, naming the file and the process id it holds.
  [[nodiscard]] static Result<FileLock> acquire(const std::filesystem::path& path);

 private:
  explicit FileLock(File file) noexcept : file_(std::move(file)) {}
  File file_;
};

// A read-only memory map of a whole file; the empty file maps to an empty span.
class MappedFile {
 public:
  [[nodiscard]] static Result<MappedFile> open(const std::filesystem::path& path);
  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  explicit MappedFile(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

[[nodiscard]] inline std::span<const std::byte> as_bytes(std::string_view text) noexcept {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace eidetic
