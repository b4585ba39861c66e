#include "recipes/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <locale.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/file.h"
#include "base/text.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxName = 255;  // bytes of one part, as Linux has it
constexpr std::size_t kMaxPath = 2048;
constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kReadBytes = std::size_t{1} << 17;

// While it lives, names in archives become UTF-8 on this thread, whatever the locale of the process.
class Utf8Names {
 public:
  Utf8Names() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_ != nullptr) before_ = ::uselocale(locale_);
  }
  Utf8Names(const Utf8Names&) = delete;
  Utf8Names& operator=(const Utf8Names&) = delete;
  ~Utf8Names() {
    if (locale_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(locale_);
  }

 private:
  locale_t locale_;
  locale_t before_ = nullptr;
};

struct Closer {
  void operator()(archive* opened) const { ::archive_read_free(opened); }
};

class Unpacker {
 public:
  Unpacker(const fs::path& archive, const fs::path& folder, const UnpackOptions& options)
      : archive_(archive), folder_(folder), options_(options) {}

  Result<Unpacked> run() {
    const Utf8Names names;
    EIDETIC_CHECK(open());
    EIDETIC_CHECK(make_directories(folder_));
    for (;;) {
      archive_entry* entry = nullptr;
      const int status = ::archive_read_next_header(reader_.get(), &entry);
      if (status == ARCHIVE_EOF) break;
      // A warning is of what is not used here: times, owners, attributes.
      if (status < ARCHIVE_WARN) return broken();
      EIDETIC_CHECK(member(entry));
    }
    if (members_ == 0) return refuse("holds no files");
    return unpacked_;
  }

 private:
  Result<void> open() {
    EIDETIC_TRY(file_, File::open(archive_, O_RDONLY));
    std::error_code ignored;
    total_ = fs::file_size(archive_, ignored);
    reader_.reset(::archive_read_new());
    if (reader_ == nullptr) return fail(ErrorCode::internal, "libarchive has no memory");
    for (const auto support :
         {::archive_read_support_filter_gzip, ::archive_read_support_filter_bzip2, ::archive_read_support_filter_xz,
          ::archive_read_support_filter_zstd, ::archive_read_support_format_tar, ::archive_read_support_format_zip}) {
      support(reader_.get());
    }
    if (::archive_read_open_fd(reader_.get(), file_.descriptor(), kReadBytes) != ARCHIVE_OK) return broken();
    return {};
  }

  [[nodiscard]] std::unexpected<Error> refuse(std::string_view why, ErrorCode code = ErrorCode::corrupt) const {
    return fail(code, fmt::format("the archive '{}' {}", archive_.native(), why));
  }
  [[nodiscard]] std::unexpected<Error> broken() const {
    const char* why = ::archive_error_string(reader_.get());
    return refuse(fmt::format("cannot be unpacked: {}", why == nullptr ? "it is damaged" : why));
  }

  Result<void> look_around() {
    if (options_.stop.stop_requested()) return fail(ErrorCode::unavailable, "unpacking was stopped");
    if (options_.progress) {
      const auto read = ::archive_filter_bytes(reader_.get(), -1);
      options_.progress(std::min(static_cast<std::uint64_t>(std::max<la_int64_t>(read, 0)), total_), total_);
    }
    return {};
  }

  Result<void> member(archive_entry* entry) {
    EIDETIC_CHECK(look_around());
    const char* name = ::archive_entry_pathname(entry);
    if (name == nullptr) return refuse("holds a member without a name that can be read");
    const auto path = member_path(name);
    if (!path) return refuse(fmt::format("holds a member of an unsafe name: '{}'", shown(name)));
    if (++members_ > options_.max_files) {
      return refuse(fmt::format("holds more than {} files, the limit", options_.max_files), ErrorCode::overloaded);
    }
    const auto kind = ::archive_entry_filetype(entry);
    const bool link = ::archive_entry_hardlink(entry) != nullptr || ::archive_entry_symlink(entry) != nullptr;
    if (link || (kind != AE_IFREG && kind != AE_IFDIR)) {
      return refuse(fmt::format("holds '{}', which is {}; only files and folders are unpacked", shown(name),
                                link || kind == AE_IFLNK ? "a link" : "no file"));
    }
    if (path->empty()) return {};
    const fs::path target = folder_ / *path;
    if (kind == AE_IFDIR) return make_folders(target, name);
    EIDETIC_CHECK(make_folders(target.parent_path(), name));
    return write(target, name);
  }

  // Nothing else writes here, so that a file where a folder is to be came from the archive itself.
  Result<void> make_folders(const fs::path& folder, const char* name) const {
    auto made = make_directories(folder);
    std::error_code ignored;
    for (fs::path part = folder; !made && part != folder_; part = part.parent_path()) {
      if (fs::is_regular_file(part, ignored)) return refuse(fmt::format("holds '{}' below a file", shown(name)));
    }
    return made;
  }

  Result<void> write(const fs::path& target, const char* name) {
    const int descriptor = ::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (descriptor < 0 && (errno == EEXIST || errno == EISDIR)) {
      return refuse(fmt::format("holds '{}' more than once", shown(name)));
    }
    if (descriptor < 0) return system_error("cannot write", target, errno);
    const File file(descriptor);
    std::uint64_t end = 0;  // of what is written; holes count, as whoever reads them has to read them
    for (;;) {
      const void* block = nullptr;
      std::size_t size = 0;
      la_int64_t offset = 0;
      const int status = ::archive_read_data_block(reader_.get(), &block, &size, &offset);
      if (status == ARCHIVE_EOF) break;
      if (status < ARCHIVE_WARN || offset < 0) return broken();
      const std::uint64_t left = options_.max_bytes - unpacked_.bytes;
      if (size > left || static_cast<std::uint64_t>(offset) > left - size) {
        return refuse(fmt::format("holds more than {}, the limit", human_bytes(options_.max_bytes)),
                      ErrorCode::overloaded);
      }
      if (::lseek(descriptor, offset, SEEK_SET) < 0) return system_error("cannot write", target, errno);
      EIDETIC_CHECK(write_all(descriptor, {static_cast<const std::byte*>(block), size}, target));
      end = std::max(end, static_cast<std::uint64_t>(offset) + size);
      EIDETIC_CHECK(look_around());
    }
    unpacked_.bytes += end;
    ++unpacked_.files;
    return {};
  }

  // A name for a message: of a hostile one, a beginning that a terminal can show.
  static std::string shown(std::string_view name) {
    constexpr std::size_t kShown = 200;
    std::string text(name.substr(0, kShown));
    if (!is_utf8(text))
      std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
    std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
    return text;
  }

  const fs::path& archive_;
  const fs::path& folder_;
  const UnpackOptions& options_;
  File file_;
  std::unique_ptr<archive, Closer> reader_;
  std::uint64_t total_ = 0;
  std::uint64_t members_ = 0;
  Unpacked unpacked_;
};

}  // namespace

std::optional<std::string> member_path(std::string_view name) {
  if (name.empty() || name.size() > kMaxPath || name.starts_with('/') || !is_utf8(name)) return std::nullopt;
  if (std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; })) {
    return std::nullopt;
  }
  std::string path;
  std::size_t depth = 0;
  for (const std::string_view part : split(name, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == ".." || part.size() > kMaxName || ++depth > kMaxDepth) return std::nullopt;
    if (!path.empty()) path += '/';
    path += part;
  }
  return path;
}

Result<Unpacked> unpack_archive(const fs::path& archive, const fs::path& folder, const UnpackOptions& options) {
  return Unpacker(archive, folder, options).run();
}

}  // namespace eidetic
