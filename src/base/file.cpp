#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>

#include "base/text.h"

namespace eidetic {
namespace {

// Reads until `bytes` is full or the file ends; how much it was.
Result<std::size_t> read_up_to(int descriptor, std::span<std::byte> bytes, const std::filesystem::path& path) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::read(descriptor, bytes.data() + done, bytes.size() - done);
    if (count == 0) break;
    if (count < 0) {
      if (errno == EINTR) continue;
      return system_error("cannot read", path, errno);
    }
    done += static_cast<std::size_t>(count);
  }
  return done;
}

Result<std::size_t> checked_size(const File& file, const std::filesystem::path& path, std::size_t max_bytes) {
  struct stat status{};
  if (::fstat(file.descriptor(), &status) != 0) return system_error("cannot examine", path, errno);
  if (S_ISDIR(status.st_mode)) return fail(ErrorCode::invalid_argument, fmt::format("'{}' is a folder", path.native()));
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > max_bytes) {
    return fail(ErrorCode::overloaded,
                fmt::format("'{}' has {} bytes; the limit is {}", path.native(), size, max_bytes));
  }
  return size;
}

template <typename Container>
Result<Container> read_into(const std::filesystem::path& path, std::size_t max_bytes) {
  EIDETIC_TRY(const File file, File::open(path, O_RDONLY));
  EIDETIC_TRY(const std::size_t size, checked_size(file, path, max_bytes));
  Container content;
  content.resize(size);
  const auto bytes = std::as_writable_bytes(std::span(content.data(), content.size()));
  EIDETIC_TRY(const std::size_t count, read_up_to(file.descriptor(), bytes, path));
  content.resize(count);
  return content;
}

}  // namespace

File& File::operator=(File&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<File> File::open(const std::filesystem::path& path, int flags) {
  constexpr mode_t kMode = 0644;
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, kMode);
  if (descriptor < 0) return system_error("cannot open", path, errno);
  return File(descriptor);
}

std::unexpected<Error> system_error(std::string_view action, const std::filesystem::path& path, int error_number) {
  ErrorCode code = ErrorCode::unavailable;
  if (error_number == ENOENT || error_number == ENOTDIR) code = ErrorCode::not_found;
  if (error_number == EEXIST) code = ErrorCode::already_exists;
  if (error_number == ENAMETOOLONG || error_number == EISDIR) code = ErrorCode::invalid_argument;
  const std::string reason = std::error_code(error_number, std::generic_category()).message();
  return fail(code, fmt::format("{} '{}': {}", action, path.native(), reason));
}

Result<std::vector<std::byte>> read_file(const std::filesystem::path& path, std::size_t max_bytes) {
  return read_into<std::vector<std::byte>>(path, max_bytes);
}

Result<std::string> read_text(const std::filesystem::path& path, std::size_t max_bytes) {
  return read_into<std::string>(path, max_bytes);
}

Result<void> write_all(int descriptor, std::span<const std::byte> bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      return system_error("cannot write", path, errno);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<std::string> read_secret(const std::filesystem::path& path) {
  constexpr std::size_t kMaxBytes = std::size_t{64} << 10;
  EIDETIC_TRY(const std::string text, read_text(path, kMaxBytes));
  std::string secret(trim(split(text, '\n').front()));
  if (secret.empty()) {
    return fail(ErrorCode::invalid_argument, fmt::format("the first line of '{}' is empty", path.native()));
  }
  return secret;
}

Result<void> write_file_atomically(const std::filesystem::path& path,
                                   const std::function<Result<void>(const Sink&)>& write) {
  static std::atomic<unsigned> counter = 0;
  auto temporary = path;
  temporary += fmt::format(".{}-{}.tmp", ::getpid(), counter.fetch_add(1));

  const auto attempt = [&]() -> Result<void> {
    EIDETIC_TRY(const File file, File::open(temporary, O_WRONLY | O_CREAT | O_EXCL));
    EIDETIC_CHECK(write([&](std::span<const std::byte> bytes) { return write_all(file.descriptor(), bytes, path); }));
    if (::fsync(file.descriptor()) != 0) return system_error("cannot write", path, errno);
    if (::rename(temporary.c_str(), path.c_str()) != 0) return system_error("cannot write", path, errno);
    return sync_directory(path.parent_path());
  };
  auto done = attempt();
  if (!done) ::unlink(temporary.c_str());
  return done;
}

Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content) {
  return write_file_atomically(path, [&](const Sink& sink) { return sink(as_bytes(content)); });
}

Result<void> sync_directory(const std::filesystem::path& directory) {
  const auto& path = directory.empty() ? std::filesystem::path(".") : directory;
  EIDETIC_TRY(const File file, File::open(path, O_RDONLY | O_DIRECTORY));
  if (::fsync(file.descriptor()) != 0) return system_error("cannot write", path, errno);
  return {};
}

Result<void> make_directories(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return system_error("cannot make folder", directory, error.value());
  return {};
}

Result<FileLock> FileLock::acquire(const std::filesystem::path& path) {
  EIDETIC_TRY(File file, File::open(path, O_RDWR | O_CREAT));
  if (::flock(file.descriptor(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return system_error("cannot lock", path, errno);
    const std::string holder = read_text(path, 64).value_or("");
    return fail(ErrorCode::unavailable,
                fmt::format("'{}' is in use by another process{}, a running server perhaps: use --server URL to work "
                            "through it, or stop it first",
                            path.parent_path().native(), holder.empty() ? "" : fmt::format(" (id {})", holder)));
  }
  const std::string id = std::to_string(::getpid());
  if (::ftruncate(file.descriptor(), 0) != 0) return system_error("cannot write", path, errno);
  EIDETIC_CHECK(write_all(file.descriptor(), as_bytes(id), path));
  return FileLock(std::move(file));
}

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  EIDETIC_TRY(const File file, File::open(path, O_RDONLY));
  EIDETIC_TRY(const std::size_t size, checked_size(file, path, SIZE_MAX));
  if (size == 0) return MappedFile();
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.descriptor(), 0);
  if (address == MAP_FAILED) return system_error("cannot map", path, errno);
  return MappedFile(std::span(static_cast<const std::byte*>(address), size));
}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace eidetic
