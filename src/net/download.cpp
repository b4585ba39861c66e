#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "net/http.h"
#include "net/transfer.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

fs::path with_suffix(fs::path path, std::string_view suffix) {
  path += suffix;
  return path;
}

// What of a download is on disk: the bytes (locked against other processes) and where they came from.
class Part {
 public:
  static Result<Part> open(const fs::path& file, std::string_view url) {
    Part part(file, url);
    for (;;) {
      EIDETIC_TRY(part.data_, File::open(part.path_, O_RDWR | O_CREAT));
      if (::flock(part.data_.descriptor(), LOCK_EX | LOCK_NB) != 0) {
        return fail(ErrorCode::unavailable,
                    fmt::format("another process is downloading '{}'; wait until it is done", file.native()));
      }
      // The process that held the lock before may have renamed or removed what was opened here.
      struct stat opened{};
      struct stat named{};
      if (::fstat(part.data_.descriptor(), &opened) != 0) return system_error("cannot examine", part.path_, errno);
      if (::stat(part.path_.c_str(), &named) != 0 || named.st_ino != opened.st_ino) continue;
      part.size_ = static_cast<std::uint64_t>(opened.st_size);
      break;
    }
    part.read_source();
    return part;
  }

  [[nodiscard]] std::uint64_t size() const { return size_; }
  // What the server must still agree to before more is added; empty: start over.
  [[nodiscard]] const std::string& validator() const { return validator_; }

  // Forgets all bytes; the next ones come from a content of this head.
  Result<void> restart(const ResponseHead& head) {
    std::error_code ignored;
    fs::remove(source_path_, ignored);
    if (::ftruncate(data_.descriptor(), 0) != 0) return system_error("cannot write", path_, errno);
    size_ = 0;
    // A weak ETag stands for content that means the same, not for the same bytes.
    validator_ = !head.etag.empty() && !head.etag.starts_with("W/") ? head.etag : head.last_modified;
    if (validator_.empty()) return {};
    return write_file_atomically(source_path_, fmt::format("{}\n{}\n", printable_url(url_), validator_));
  }

  Result<void> append(std::span<const std::byte> bytes) {
    if (::lseek(data_.descriptor(), static_cast<off_t>(size_), SEEK_SET) < 0) {
      return system_error("cannot write", path_, errno);
    }
    EIDETIC_CHECK(write_all(data_.descriptor(), bytes, path_));
    size_ += bytes.size();
    return {};
  }

  [[nodiscard]] Result<std::string> sha256() const { return sha256_hex_of_file(path_); }

  void discard() const {
    std::error_code ignored;
    fs::remove(source_path_, ignored);
    fs::remove(path_, ignored);
  }

  Result<void> finish(const fs::path& file) const {
    if (::fsync(data_.descriptor()) != 0) return system_error("cannot write", path_, errno);
    if (::rename(path_.c_str(), file.c_str()) != 0) return system_error("cannot write", file, errno);
    std::error_code ignored;
    fs::remove(source_path_, ignored);
    return sync_directory(file.parent_path());
  }

 private:
  Part(const fs::path& file, std::string_view url)
      : path_(with_suffix(file, ".part")), source_path_(with_suffix(file, ".part.source")), url_(url) {}

  void read_source() {
    constexpr std::size_t kMaxBytes = 1 << 16;
    const std::string text = read_text(source_path_, kMaxBytes).value_or("");
    const auto lines = split(text, '\n');
    if (lines.size() >= 2 && lines[0] == printable_url(url_)) validator_ = lines[1];
  }

  fs::path path_;
  fs::path source_path_;
  std::string url_;
  File data_;
  std::uint64_t size_ = 0;
  std::string validator_;
};

Result<ResponseHead> fetch_rest(TransferPool& transfers, const std::string& url, Part& part,
                                const DownloadOptions& options, std::uint64_t& resumed_from) {
  std::uint64_t total = 0;
  TransferRequest request{.url = url, .max_bytes = options.max_bytes, .stop = options.stop};
  if (part.size() > 0 && !part.validator().empty()) {
    request.headers = {fmt::format("Range: bytes={}-", part.size()), fmt::format("If-Range: {}", part.validator())};
  }
  request.on_head = [&](const ResponseHead& head) -> Result<void> {
    if (head.status == 206 && head.range_from == part.size()) {
      resumed_from = part.size();
    } else if (head.status == 206) {
      return fail(ErrorCode::unavailable,
                  fmt::format("'{}' answered with another range than asked for", printable_url(url)));
    } else {
      EIDETIC_CHECK(part.restart(head));
    }
    total = head.length == 0 ? 0 : part.size() + head.length;
    return {};
  };
  request.on_body = [&](std::span<const std::byte> bytes) -> Result<void> {
    EIDETIC_CHECK(part.append(bytes));
    if (part.size() > options.max_bytes) {
      return fail(ErrorCode::overloaded,
                  fmt::format("'{}' has more than {} bytes, the limit", printable_url(url), options.max_bytes));
    }
    if (options.progress) options.progress(part.size(), total);
    return {};
  };
  return transfers.run(request);
}

// All bytes into the part; how many of them were there before.
Result<std::uint64_t> fill(TransferPool& transfers, const std::string& url, Part& part,
                           const DownloadOptions& options) {
  std::uint64_t resumed_from = 0;
  EIDETIC_TRY(ResponseHead head, fetch_rest(transfers, url, part, options, resumed_from));
  if (head.status != 416) return resumed_from;
  // The part is not a beginning of what the server has.
  EIDETIC_CHECK(part.restart({}));
  EIDETIC_TRY(head, fetch_rest(transfers, url, part, options, resumed_from));
  if (head.status != 416) return resumed_from;
  return fail(ErrorCode::unavailable, fmt::format("'{}' answered with status 416", printable_url(url)));
}

}  // namespace

Result<Downloaded> HttpClient::download(std::string_view url, const fs::path& file,
                                        const DownloadOptions& options) const {
  EIDETIC_TRY(Part part, Part::open(file, url));
  const auto resumed_from = fill(*transfers_, std::string(url), part, options);
  if (!resumed_from) {
    // What no later try can go on from.
    if (part.size() == 0 || part.validator().empty()) part.discard();
    return std::unexpected(resumed_from.error());
  }
  Downloaded downloaded{.bytes = part.size(), .resumed_from = *resumed_from};
  EIDETIC_TRY(downloaded.sha256, part.sha256());
  if (options.sha256 && to_lower(*options.sha256) != downloaded.sha256) {
    part.discard();
    return fail(ErrorCode::corrupt, fmt::format("'{}' has the SHA-256 {}, not the expected {}; nothing was kept",
                                                printable_url(url), downloaded.sha256, *options.sha256));
  }
  EIDETIC_CHECK(part.finish(file));
  return downloaded;
}

}  // namespace eidetic
