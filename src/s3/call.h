// One request of S3Client. Internal to this room.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "s3/client.h"

namespace eidetic {

struct S3Client::Call {
  std::string method = "GET";
  const S3Place& place;
  S3Pairs query = {};
  S3Pairs headers = {};
  std::span<const std::byte> body = {};
  // Where set, both get a 2xx answer in place of the caller: its head, then its body in pieces. An error ends the call
  // for good.
  std::function<Result<void>(const HttpAnswer& head)> begin = {};
  std::function<Result<void>(std::span<const std::byte> piece)> piece = {};
  // Of a read: what is there already, so that a try asks for what comes behind it, up to `end`. A try that has moved it
  // counts as the first.
  const std::uint64_t* offset = nullptr;
  std::uint64_t end = 0;
  std::vector<long> also = {};  // statuses beside 2xx that are no error
  S3Progress progress = {};     // of the body
  std::stop_token stop = {};
};

// The digest of the whole content that those leave with an object who store it here.
inline constexpr const char* kSha256Header = "x-amz-meta-eidetic-sha256";
// Status of what passes by itself.
[[nodiscard]] bool is_passing(long status) noexcept;
// Bytes of one request's body, of files and of objects.
inline constexpr std::uint64_t kS3PortionBytes = std::uint64_t{16} << 20;

}  // namespace eidetic
