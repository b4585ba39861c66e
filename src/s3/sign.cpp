#include "s3/sign.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"

namespace eidetic {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

std::string scope_of(const S3Options& options, std::string_view time) {
  return fmt::format("{}/{}/s3/aws4_request", time.substr(0, time.find('T')), options.region);
}

std::string names_of(const S3Pairs& headers) {
  std::string names;
  for (const auto& [name, value] : headers) names += (names.empty() ? "" : ";") + name;
  return names;
}

// `headers` sorted by name, Host among them.
std::string signature(const S3Request& request, const S3Pairs& headers, const std::string& query,
                      const S3Options& options, const std::string& time) {
  std::string canonical = fmt::format("{}\n{}\n{}\n", request.method, request.path, query);
  for (const auto& [name, value] : headers) canonical += fmt::format("{}:{}\n", name, trim(value));
  canonical += fmt::format("\n{}\n{}", names_of(headers), request.payload);

  const std::string scope = scope_of(options, time);
  const std::string to_sign = fmt::format("{}\n{}\n{}\n{}", kAlgorithm, time, scope, sha256_hex(as_bytes(canonical)));
  Sha256Bytes key = hmac_sha256(as_bytes("AWS4" + options.secret_key), as_bytes(scope.substr(0, scope.find('/'))));
  for (const std::string_view part : {std::string_view(options.region), std::string_view("s3"),
                                      std::string_view("aws4_request"), std::string_view(to_sign)}) {
    key = hmac_sha256(key, as_bytes(part));
  }
  return hex_of(key);
}

}  // namespace

std::string canonical_query(const S3Pairs& query) {
  S3Pairs encoded;
  for (const auto& [name, value] : query) encoded.emplace_back(uri_encode(name), uri_encode(value));
  std::ranges::sort(encoded);
  std::string text;
  for (const auto& [name, value] : encoded) text += fmt::format("{}{}={}", text.empty() ? "" : "&", name, value);
  return text;
}

std::string amz_time(std::int64_t seconds_since_1970) {
  const std::time_t time = seconds_since_1970;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32] = "";
  std::strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &parts);
  return text;
}

S3Pairs signed_headers(const S3Request& request, const S3Options& options, const std::string& time) {
  S3Pairs headers = request.headers;
  headers.emplace_back("host", request.host);
  headers.emplace_back("x-amz-content-sha256", request.payload);
  headers.emplace_back("x-amz-date", time);
  if (!options.session_token.empty()) headers.emplace_back("x-amz-security-token", options.session_token);
  std::ranges::sort(headers);
  const std::string signed_by = signature(request, headers, canonical_query(request.query), options, time);
  std::string authorization = fmt::format("{} Credential={}/{},SignedHeaders={},Signature={}", kAlgorithm,
                                          options.access_key, scope_of(options, time), names_of(headers), signed_by);
  std::erase_if(headers, [](const auto& header) { return header.first == "host"; });
  headers.emplace_back("authorization", std::move(authorization));
  return headers;
}

std::string presigned_query(const S3Request& request, const S3Options& options, const std::string& time,
                            std::uint32_t seconds) {
  S3Request bare = request;
  bare.payload = kUnsignedPayload;
  bare.query.emplace_back("X-Amz-Algorithm", kAlgorithm);
  bare.query.emplace_back("X-Amz-Credential", fmt::format("{}/{}", options.access_key, scope_of(options, time)));
  bare.query.emplace_back("X-Amz-Date", time);
  bare.query.emplace_back("X-Amz-Expires", std::to_string(seconds));
  bare.query.emplace_back("X-Amz-SignedHeaders", "host");
  if (!options.session_token.empty()) bare.query.emplace_back("X-Amz-Security-Token", options.session_token);
  const std::string query = canonical_query(bare.query);
  return fmt::format("{}&X-Amz-Signature={}", query, signature(bare, {{"host", bare.host}}, query, options, time));
}

}  // namespace eidetic
