// Signature Version 4 of requests to S3, in the header and in the URL:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eidetic/s3.h"

namespace eidetic {

using S3Pairs = std::vector<std::pair<std::string, std::string>>;

// The body's own digest stands here for one that is not looked at, as of those who get a presigned URL.
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

struct S3Request {
  std::string method = "GET";
  std::string host = {};     // with the port, where it is not the scheme's own: as the header Host has it
  std::string path = "/";    // as it is sent: encoded once, beginning with '/'
  S3Pairs query = {};        // as they are, not encoded; a parameter without a value has an empty one
  S3Pairs headers = {};      // beside Host and those that signing adds; names in lower case
  std::string payload = {};  // SHA-256 of the body, hex
};

// "a=1&b=&uploads=", encoded and sorted, as it is signed and may be sent.
[[nodiscard]] std::string canonical_query(const S3Pairs& query);
// "20130524T000000Z"
[[nodiscard]] std::string amz_time(std::int64_t seconds_since_1970);

// All headers to be sent but Host: those of the request, x-amz-date, x-amz-content-sha256, x-amz-security-token where
// there is a token, and authorization.
[[nodiscard]] S3Pairs signed_headers(const S3Request& request, const S3Options& options, const std::string& time);
// The query of a URL that anybody may use for so long; nothing but Host is to be sent as a header.
[[nodiscard]] std::string presigned_query(const S3Request& request, const S3Options& options, const std::string& time,
                                          std::uint32_t seconds);

}  // namespace eidetic
