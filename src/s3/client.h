// Objects of S3 and stores like it. Every request is signed, tried again where the store or the line to it fails for a
// while (status 429, 500, 502, 503 and 504, time-outs, broken lines; with exponential back-off and full jitter,
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), and what comes and goes is checked.
//
// Thread-safe; every call blocks the thread that makes it. Errors name the place and never a key: invalid_argument (no
// keys, no endpoint), not_found (no such object or bucket), overloaded (too large), corrupt (other bytes than were
// stored), unavailable (keys or rights that do not do, naming the setting; a store that is slow, broken or down, naming
// the endpoint; stopped).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/s3.h"

#include "net/http.h"
#include "s3/place.h"
#include "s3/sign.h"

namespace eidetic {

struct S3Object {
  std::string key = {};
  std::uint64_t size_bytes = 0;
  std::string etag = {};        // with its quotes
  std::int64_t modified_s = 0;  // since 1970, by the store's clock
  std::string sha256 = {};      // as whoever stored it with put or upload said; empty: nobody did
};

using S3Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;  // bytes

class S3Client {
 public:
  // Options that cannot be had are told of when they are needed.
  explicit S3Client(Result<S3Options> options);

  [[nodiscard]] Result<S3Object> head(const S3Place& place) const;
  // The whole object. Of one that changes while it is read, all of the new one.
  [[nodiscard]] Result<std::vector<std::byte>> get(const S3Place& place, std::size_t max_bytes,
                                                   std::stop_token stop = {}) const;
  // Into a file, which appears complete or not at all; in portions, each gone on with where a line broke. `sha256`:
  // expected, 64 hexadecimal digits.
  [[nodiscard]] Result<S3Object> download(const S3Place& place, const std::filesystem::path& file,
                                          const S3Progress& progress = {}, std::stop_token stop = {},
                                          const std::optional<std::string>& sha256 = {}) const;
  [[nodiscard]] Result<void> put(const S3Place& place, std::span<const std::byte> bytes,
                                 std::string_view media_type = "application/octet-stream") const;
  // A file, in parts where it is large; of an upload that fails no part stays.
  [[nodiscard]] Result<void> upload(const S3Place& place, const std::filesystem::path& file,
                                    const S3Progress& progress = {}, std::stop_token stop = {}) const;
  // Also where it is not there.
  [[nodiscard]] Result<void> remove(const S3Place& place) const;
  // Makes it as young as if it were stored now. not_found
  [[nodiscard]] Result<void> renew(const S3Place& place) const;
  // Every object whose key begins with that of `place`, in the order of keys, while pages of them come. An error of
  // `visit` ends it.
  [[nodiscard]] Result<void> list(const S3Place& place, const std::function<Result<void>(const S3Object&)>& visit,
                                  std::stop_token stop = {}) const;
  // A URL that anybody may read the object by for so long, at most seven days.
  [[nodiscard]] Result<std::string> presigned(const S3Place& place, std::uint32_t seconds) const;

 private:
  struct Call;
  class Reading;
  class MultipartUpload;

  [[nodiscard]] Result<S3Request> address(const S3Place& place) const;
  [[nodiscard]] std::string endpoint() const;
  [[nodiscard]] std::string url_of(const S3Request& request, const std::string& query) const;
  // The answer of status 2xx or one of call.also, after as many tries as it takes.
  [[nodiscard]] Result<HttpAnswer> send(const Call& call) const;
  [[nodiscard]] Result<HttpAnswer> send_once(const Call& call, bool& refused) const;
  // What any other answer means.
  [[nodiscard]] Error failure(const S3Place& place, const HttpAnswer& answer) const;
  [[nodiscard]] Error refusal(const S3Place& place, long status, const std::string& code, const std::string& message,
                              const std::string& region) const;

  Result<S3Options> options_;
  HttpClient http_;
};

}  // namespace eidetic
