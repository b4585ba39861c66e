// Storing files, in one request or in parts.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "base/hash.h"
#include "s3/call.h"
#include "s3/xml.h"

namespace eidetic {
namespace {

constexpr std::uint64_t kMaxParts = 10'000;

Result<void> read_at(const File& file, std::uint64_t offset, std::span<std::byte> into,
                     const std::filesystem::path& path) {
  while (!into.empty()) {
    const ssize_t count = ::pread(file.descriptor(), into.data(), into.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("cannot read", path, errno);
    if (count == 0) {
      return fail(ErrorCode::unavailable, fmt::format("'{}' became shorter while it was sent", path.native()));
    }
    offset += static_cast<std::uint64_t>(count);
    into = into.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html. Not ended, it is given up, and the store
// forgets the parts.
class S3Client::MultipartUpload {
 public:
  static Result<MultipartUpload> begin(const S3Client& client, const S3Place& place, const std::string& sha256) {
    Call call{.method = "POST", .place = place};
    call.query = {{"uploads", ""}};
    call.headers = {{"content-type", "application/octet-stream"}, {kSha256Header, sha256}};
    EIDETIC_TRY(const auto answer, client.send(call));
    EIDETIC_TRY(auto id, parse_upload_id(answer.body, fmt::format("storing '{}'", place.uri())));
    return MultipartUpload(client, place, std::move(id), sha256);
  }
  MultipartUpload(MultipartUpload&& other) noexcept
      : client_(other.client_),
        place_(other.place_),
        id_(std::exchange(other.id_, {})),
        sha256_(std::move(other.sha256_)),
        etags_(std::move(other.etags_)) {}
  MultipartUpload& operator=(MultipartUpload&&) = delete;
  ~MultipartUpload() {
    if (id_.empty()) return;
    Call call{.method = "DELETE", .place = place_};
    call.query = {{"uploadId", id_}};
    (void)client_.send(call);
  }

  Result<void> add(std::span<const std::byte> part, const S3Progress& progress, const std::stop_token& stop) {
    Call call{.method = "PUT", .place = place_};
    call.query = {{"partNumber", std::to_string(etags_.size() + 1)}, {"uploadId", id_}};
    call.body = part;
    call.progress = progress;
    call.stop = stop;
    EIDETIC_TRY(const auto answer, client_.send(call));
    etags_.emplace_back(answer.header("etag"));
    return {};
  }

  Result<void> finish() {
    Call call{.method = "POST", .place = place_};
    call.query = {{"uploadId", id_}};
    const std::string body = completing(etags_);
    call.body = as_bytes(body);
    call.headers = {{"content-type", "application/xml"}};
    call.also = {404};
    EIDETIC_TRY(const auto answer, client_.send(call));
    if (answer.status == 404) return ended_before(answer);
    EIDETIC_TRY(const auto refused, parse_completed(answer.body, fmt::format("storing '{}'", place_.uri())));
    if (refused) {
      return std::unexpected(client_.refusal(place_, answer.status, refused->code, refused->message, refused->region));
    }
    id_.clear();
    return {};
  }

 private:
  MultipartUpload(const S3Client& client, const S3Place& place, std::string id, std::string sha256)
      : client_(client), place_(place), id_(std::move(id)), sha256_(std::move(sha256)) {}

  // The upload is not known any more: an earlier try has ended it, and the line broke before it said so?
  Result<void> ended_before(const HttpAnswer& answer) {
    const auto there = client_.head(place_);
    if (!there || there->sha256 != sha256_) return std::unexpected(client_.failure(place_, answer));
    id_.clear();
    return {};
  }

  const S3Client& client_;
  const S3Place& place_;
  std::string id_;  // empty: nothing to give up
  std::string sha256_;
  std::vector<std::string> etags_;
};

Result<void> S3Client::upload(const S3Place& place, const std::filesystem::path& file, const S3Progress& progress,
                              std::stop_token stop) const {
  EIDETIC_TRY(const File source, File::open(file, O_RDONLY));
  struct stat status{};
  if (::fstat(source.descriptor(), &status) != 0) return system_error("cannot examine", file, errno);
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no file", file.native()));
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const std::uint64_t part = std::max(kS3PortionBytes, size / kMaxParts + 1);
  std::vector<std::byte> buffer(std::min(size, part));
  if (size <= part) {
    EIDETIC_CHECK(read_at(source, 0, buffer, file));
    EIDETIC_CHECK(put(place, buffer));
    if (progress) progress(size, size);
    return {};
  }
  EIDETIC_TRY(const auto sha256, sha256_hex_of_file(file));
  EIDETIC_TRY(auto parts, MultipartUpload::begin(*this, place, sha256));
  Sha256 sent;
  for (std::uint64_t offset = 0; offset < size; offset += part) {
    const auto bytes = std::span(buffer).first(std::min(part, size - offset));
    EIDETIC_CHECK(read_at(source, offset, bytes, file));
    sent.update(bytes);
    S3Progress of_part;
    if (progress) of_part = [&](std::uint64_t done, std::uint64_t) { progress(offset + done, size); };
    EIDETIC_CHECK(parts.add(bytes, of_part, stop));
  }
  if (sent.hex() != sha256) {
    return fail(ErrorCode::unavailable, fmt::format("'{}' changed while it was sent", file.native()));
  }
  return parts.finish();
}

}  // namespace eidetic
