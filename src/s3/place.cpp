#include "s3/place.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace eidetic {
namespace {

constexpr std::string_view kScheme = "s3://";
constexpr std::size_t kMaxKeyBytes = 1024;

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, and the capitals and underscores that
// older buckets and other stores have.
bool is_bucket_name(std::string_view name) {
  const auto fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_';
  };
  return name.size() >= 3 && name.size() <= 255 && name.front() != '.' && name.front() != '-' &&
         std::ranges::all_of(name, fine) && !name.contains("..");
}

// As in a folder, whose name may end with a slash or not.
bool lies_under(const S3Place& place, const S3Place& root) {
  if (place.bucket != root.bucket) return false;
  if (root.key.empty() || place.key == root.key) return true;
  return place.key.starts_with(root.key) && (root.key.ends_with('/') || place.key[root.key.size()] == '/');
}

// A store that keeps its objects as files may take ".." for the folder above.
bool leads_up(std::string_view key) {
  return std::ranges::any_of(split(key, '/'), [](std::string_view part) { return part == ".."; });
}

}  // namespace

std::string S3Place::uri() const { return fmt::format("{}{}/{}", kScheme, bucket, key); }

S3Place S3Place::operator/(std::string_view name) const {
  return {bucket, fmt::format("{}{}{}", key, key.empty() || key.ends_with('/') ? "" : "/", name)};
}

bool is_s3_uri(std::string_view uri) noexcept {
  return uri.size() >= kScheme.size() && (uri[0] == 's' || uri[0] == 'S') &&
         uri.substr(1, kScheme.size() - 1) == kScheme.substr(1);
}

Result<S3Place> parse_s3_uri(std::string_view uri) {
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}': {}; a place in S3 is written s3://bucket/key", uri, why));
  };
  if (!is_s3_uri(uri)) return refuse("this does not begin with s3://");
  const std::string_view rest = uri.substr(kScheme.size());
  const auto slash = std::min(rest.find('/'), rest.size());
  const std::string_view bucket = rest.substr(0, slash);
  if (!is_bucket_name(bucket)) return refuse(fmt::format("no bucket can be named '{}'", bucket));
  const std::string_view key = rest.substr(std::min(slash + 1, rest.size()));
  if (key.size() > kMaxKeyBytes) return refuse(fmt::format("a key has at most {} bytes", kMaxKeyBytes));
  if (!is_utf8(key) || key.contains('\0')) return refuse("a key is UTF-8 without a zero byte");
  return S3Place{std::string(bucket), std::string(key)};
}

Result<S3Place> parse_s3_object(std::string_view uri) {
  EIDETIC_TRY(auto place, parse_s3_uri(uri));
  if (!place.key.empty()) return place;
  return fail(ErrorCode::invalid_argument, fmt::format("'{}' names a bucket and no object in it", uri));
}

Result<S3Roots> S3Roots::of(const std::optional<std::vector<std::string>>& uris) {
  S3Roots roots;
  if (!uris) return roots;
  roots.roots_.emplace();
  for (const auto& uri : *uris) {
    EIDETIC_TRY(roots.roots_->emplace_back(), parse_s3_uri(uri));
  }
  return roots;
}

Result<void> S3Roots::check(const S3Place& place) const {
  if (!roots_) return {};
  const auto holds = [&](const S3Place& root) { return lies_under(place, root); };
  if (!leads_up(place.key) && std::ranges::any_of(*roots_, holds)) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is outside of the buckets that this server may read", place.uri()));
}

}  // namespace eidetic
