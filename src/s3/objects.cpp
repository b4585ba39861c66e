// The verbs of S3Client, but for storing files.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "s3/call.h"
#include "s3/xml.h"

namespace eidetic {
namespace {

bool is_hex(std::string_view text, std::size_t digits) {
  const auto fine = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() == digits && std::ranges::all_of(text, fine);
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

S3Object object_of(const S3Place& place, const HttpAnswer& answer) {
  S3Object object{.key = place.key, .size_bytes = number(answer.header("content-length"))};
  object.etag = answer.header("etag");
  object.modified_s = parse_s3_time(std::string(answer.header("last-modified")));
  const auto digest = answer.header(kSha256Header);
  if (is_hex(digest, 64)) object.sha256 = digest;
  return object;
}

// The MD5 of the content, where the ETag is that: not of what came in parts, or is encrypted with keys of others.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
std::string md5_of(const HttpAnswer& answer) {
  const auto encryption = answer.header("x-amz-server-side-encryption");
  const bool plain = (encryption.empty() || encryption == "AES256") &&
                     answer.header("x-amz-server-side-encryption-customer-algorithm").empty();
  std::string_view etag = answer.header("etag");
  if (etag.starts_with('"') && etag.ends_with('"') && etag.size() > 1) etag = etag.substr(1, etag.size() - 2);
  return plain && is_hex(etag, 32) ? std::string(etag) : "";
}

}  // namespace

// One object from its first byte to its last, in portions, each of the same version.
class S3Client::Reading {
 public:
  Reading(const S3Client& client, const S3Place& place, std::uint64_t max_bytes, const Sink& sink,
          const S3Progress& progress, std::stop_token stop)
      : client_(client),
        place_(place),
        max_bytes_(max_bytes),
        sink_(sink),
        progress_(progress),
        stop_(std::move(stop)) {}

  // nullopt: it became another one meanwhile.
  Result<std::optional<S3Object>> run() {
    do {
      EIDETIC_TRY(const long status, read_portion());
      if (status == 412) return std::nullopt;
      // An empty object has no range.
      if (status == 416) {
        EIDETIC_TRY(object_, client_.head(place_));
        if (object_.size_bytes > 0) return std::nullopt;
        known_ = true;
      }
    } while (offset_ < object_.size_bytes);
    if (offset_ != object_.size_bytes) return short_by("more");
    EIDETIC_CHECK(check());
    return object_;
  }

 private:
  Result<long> read_portion() {
    Call call{.place = place_};
    const std::uint64_t start = offset_;
    call.offset = &offset_;
    call.end = offset_ + kS3PortionBytes;
    call.also = {412, 416};
    call.stop = stop_;
    call.begin = [&](const HttpAnswer& head) { return begin(head); };
    call.piece = [&](std::span<const std::byte> piece) { return take(piece); };
    if (known_) call.headers.emplace_back("if-match", object_.etag);
    EIDETIC_TRY(const auto answer, client_.send(call));
    if (answer.ok() && offset_ == start && object_.size_bytes > 0) return short_by("less");
    return answer.status;
  }

  Result<void> take(std::span<const std::byte> piece) {
    offset_ += piece.size();
    if (offset_ > object_.size_bytes) return short_by("more");
    sha256_.update(piece);
    if (!md5_wanted_.empty()) md5_.update(piece);
    EIDETIC_CHECK(sink_(piece));
    if (progress_) progress_(offset_, object_.size_bytes);
    return {};
  }

  // The head of a portion: what comes has to go on where the last one ended.
  Result<void> begin(const HttpAnswer& head) {
    std::string_view range = head.header("content-range");  // "bytes 0-16777215/104857600"
    std::uint64_t from = 0;
    S3Object now = object_of(place_, head);
    if (head.status == 206 && range.starts_with("bytes ")) {
      from = number(range.substr(6));
      now.size_bytes = number(range.substr(std::min(range.find('/'), range.size() - 1) + 1));
    }
    if (from != offset_ || (known_ && (now.etag != object_.etag || now.size_bytes != object_.size_bytes))) {
      return fail(ErrorCode::unavailable,
                  fmt::format("'{}': {} answers with another range, or another object, than was asked for",
                              place_.uri(), client_.endpoint()));
    }
    if (now.size_bytes > max_bytes_) {
      return fail(ErrorCode::overloaded,
                  fmt::format("'{}' has {} bytes; the limit is {}", place_.uri(), now.size_bytes, max_bytes_));
    }
    if (!known_ && now.sha256.empty()) md5_wanted_ = md5_of(head);
    known_ = true;
    object_ = std::move(now);
    return {};
  }

  Result<void> check() {
    const bool by_md5 = object_.sha256.empty();
    if (by_md5 && md5_wanted_.empty()) {
      object_.sha256 = sha256_.hex();
      return {};
    }
    const std::string digest = sha256_.hex();
    const bool same = by_md5 ? md5_.hex() == md5_wanted_ : digest == object_.sha256;
    if (!same) {
      return fail(ErrorCode::corrupt, fmt::format("'{}': what came is not what was stored: its {} is another one",
                                                  place_.uri(), by_md5 ? "MD5" : "SHA-256"));
    }
    object_.sha256 = digest;
    return {};
  }

  std::unexpected<Error> short_by(std::string_view what) const {
    return fail(ErrorCode::unavailable,
                fmt::format("'{}': {} sends {} than it says", place_.uri(), client_.endpoint(), what));
  }

  const S3Client& client_;
  const S3Place& place_;
  const std::uint64_t max_bytes_;
  const Sink& sink_;
  const S3Progress& progress_;
  const std::stop_token stop_;
  std::uint64_t offset_ = 0;
  bool known_ = false;  // which object it is
  S3Object object_;
  std::string md5_wanted_;  // empty: not known
  Sha256 sha256_;
  Md5 md5_;
};

namespace {

constexpr unsigned kVersions = 3;  // of an object that changes while it is read

std::unexpected<Error> keeps_changing(const S3Place& place) {
  return fail(ErrorCode::unavailable, fmt::format("'{}' changes again and again while it is read", place.uri()));
}

}  // namespace

Result<std::vector<std::byte>> S3Client::get(const S3Place& place, std::size_t max_bytes, std::stop_token stop) const {
  for (unsigned version = 0; version < kVersions; ++version) {
    std::vector<std::byte> bytes;
    const Sink sink = [&](std::span<const std::byte> piece) -> Result<void> {
      bytes.insert(bytes.end(), piece.begin(), piece.end());
      return {};
    };
    EIDETIC_TRY(const auto object, Reading(*this, place, max_bytes, sink, {}, stop).run());
    if (object) return bytes;
  }
  return keeps_changing(place);
}

Result<S3Object> S3Client::download(const S3Place& place, const std::filesystem::path& file, const S3Progress& progress,
                                    std::stop_token stop, const std::optional<std::string>& sha256) const {
  for (unsigned version = 0; version < kVersions; ++version) {
    std::optional<S3Object> object;
    const auto written = write_file_atomically(file, [&](const Sink& sink) -> Result<void> {
      EIDETIC_TRY(object, Reading(*this, place, UINT64_MAX, sink, progress, stop).run());
      if (!object) return fail(ErrorCode::unavailable, "");
      if (!sha256 || to_lower(*sha256) == object->sha256) return {};
      return fail(ErrorCode::corrupt, fmt::format("'{}' has the SHA-256 {}, not the expected {}; nothing was kept",
                                                  place.uri(), object->sha256, *sha256));
    });
    if (written) return *std::move(object);
    if (object || !written.error().message.empty()) return std::unexpected(written.error());
  }
  return keeps_changing(place);
}

Result<S3Object> S3Client::head(const S3Place& place) const {
  Call call{.method = "HEAD", .place = place};
  call.also = {301, 307, 400, 401, 403, 404};
  EIDETIC_TRY(const auto answer, send(call));
  if (answer.ok()) return object_of(place, answer);
  // An answer to HEAD has no body that says why.
  const std::uint64_t none = 0;
  Call why{.place = place};
  why.offset = &none;
  why.end = 1;
  why.also = {416};
  EIDETIC_CHECK(send(why));
  return std::unexpected(failure(place, answer));
}

Result<void> S3Client::put(const S3Place& place, std::span<const std::byte> bytes, std::string_view media_type) const {
  Call call{.method = "PUT", .place = place};
  call.body = bytes;
  call.headers = {{"content-type", std::string(media_type)}, {kSha256Header, sha256_hex(bytes)}};
  EIDETIC_CHECK(send(call));
  return {};
}

Result<void> S3Client::remove(const S3Place& place) const {
  Call call{.method = "DELETE", .place = place};
  const auto answer = send(call);
  if (!answer && answer.error().code != ErrorCode::not_found) return std::unexpected(answer.error());
  return {};
}

Result<void> S3Client::renew(const S3Place& place) const {
  EIDETIC_TRY(const auto object, head(place));
  Call call{.method = "PUT", .place = place};
  call.headers = {{"x-amz-copy-source", fmt::format("/{}/{}", place.bucket, uri_encode(place.key, true))},
                  {"x-amz-metadata-directive", "REPLACE"}};
  if (!object.sha256.empty()) call.headers.emplace_back(kSha256Header, object.sha256);
  EIDETIC_TRY(const auto answer, send(call));
  // As with what takes long, the status may come before the end.
  const auto [code, message, region] = parse_failure(answer.body);
  if (!code.empty()) return std::unexpected(refusal(place, answer.status, code, message, region));
  return {};
}

Result<void> S3Client::list(const S3Place& place, const std::function<Result<void>(const S3Object&)>& visit,
                            std::stop_token stop) const {
  const S3Place bucket{place.bucket, ""};
  const std::string what = fmt::format("listing '{}'", place.uri());
  std::string token;
  do {
    Call call{.place = bucket};
    call.query = {{"list-type", "2"}, {"prefix", place.key}, {"encoding-type", "url"}};
    if (!token.empty()) call.query.emplace_back("continuation-token", token);
    call.stop = stop;
    EIDETIC_TRY(const auto answer, send(call));
    EIDETIC_TRY(auto page, parse_page(answer.body, what));
    for (const auto& object : page.objects) EIDETIC_CHECK(visit(object));
    if (!page.next.empty() && page.next == token) {
      return fail(ErrorCode::corrupt, fmt::format("{}: {} gives the same page again and again", what, endpoint()));
    }
    token = std::move(page.next);
    if (stop.stop_requested()) return fail(ErrorCode::unavailable, fmt::format("{} was stopped", what));
  } while (!token.empty());
  return {};
}

}  // namespace eidetic
