// What a store's refusals mean, and what is to be done about them.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "s3/call.h"
#include "s3/xml.h"

namespace eidetic {
namespace {

bool is_one_of(std::string_view code, std::initializer_list<std::string_view> codes) {
  return std::ranges::find(codes, code) != codes.end();
}

}  // namespace

Error S3Client::failure(const S3Place& place, const HttpAnswer& answer) const {
  auto [code, message, region] = parse_failure(answer.body);
  if (region.empty()) region = answer.header("x-amz-bucket-region");
  return refusal(place, answer.status, code, message, region);
}

Error S3Client::refusal(const S3Place& place, long status, const std::string& code, const std::string& message,
                        const std::string& region) const {
  const std::string store = endpoint();
  const auto say = [&](ErrorCode kind, std::string_view what) {
    return Error{kind, fmt::format("'{}': {}", place.uri(), what)};
  };
  const auto keys = [&](std::string_view what) {
    return say(ErrorCode::unavailable,
               fmt::format("{} {}", store, fmt::format(fmt::runtime(what), options_->keys_from)));
  };
  if (code == "NoSuchBucket" || (status == 404 && code.empty() && place.key.empty())) {
    return say(ErrorCode::not_found, fmt::format("{} has no bucket '{}'", store, place.bucket));
  }
  if (status == 404 && is_one_of(code, {"", "NoSuchKey", "NotFound"})) {
    return say(ErrorCode::not_found, "there is no such object");
  }
  if (is_one_of(code, {"InvalidAccessKeyId", "XAdminUserNotFound"}))
    return keys("does not know the access key; it is from {}");
  if (code == "SignatureDoesNotMatch") {
    return keys("says that the secret key is not that of the access key; both are from {}");
  }
  if (is_one_of(code, {"ExpiredToken", "InvalidToken", "TokenRefreshRequired"})) {
    return keys("does not take the session token any more; the keys are from {}");
  }
  if (code == "RequestTimeTooSkewed") {
    return say(ErrorCode::unavailable, fmt::format("the clocks of {} and of this machine differ; set this one", store));
  }
  const bool elsewhere = is_one_of(code, {"AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect",
                                          "IllegalLocationConstraintException"});
  if (elsewhere || status == 301 || status == 307) {
    return say(
        ErrorCode::unavailable,
        fmt::format("the bucket is in {}, and '{}' is asked; set AWS_REGION, or s3.region of a server's "
                    "configuration",
                    region.empty() ? "another region" : fmt::format("the region '{}'", region), options_->region));
  }
  if (code == "AccessDenied" || status == 401 || status == 403) {
    return keys("does not allow it to the keys from {}; docs/s3.md has the rights that are needed");
  }
  if (is_one_of(code, {"InvalidBucketName", "KeyTooLongError", "InvalidObjectName", "XMinioInvalidObjectName"})) {
    return say(ErrorCode::invalid_argument, fmt::format("{} takes no such name", store));
  }
  if (code == "EntityTooLarge") return say(ErrorCode::overloaded, fmt::format("more than {} takes", store));
  return say(ErrorCode::unavailable,
             fmt::format("{} answers with status {}{}{}", store, status, code.empty() ? "" : ", " + code,
                         message.empty() ? "" : fmt::format(": {}", message.substr(0, 300))));
}

}  // namespace eidetic
