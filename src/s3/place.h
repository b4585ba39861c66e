// Where things are in S3: "s3://bucket/key". As with Amazon's tools the key stands there as it is: nothing in it is an
// escape, and no character ends it. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

struct S3Place {
  std::string bucket;
  std::string key;  // empty: the bucket itself

  [[nodiscard]] std::string uri() const;
  // What lies below it as in a folder: "a" and "a/" both hold "a/x".
  [[nodiscard]] S3Place operator/(std::string_view name) const;
  friend bool operator==(const S3Place&, const S3Place&) = default;
};

[[nodiscard]] bool is_s3_uri(std::string_view uri) noexcept;
// invalid_argument, naming the URI, for what is none: no bucket, a bucket's name that none can have, a key of more than
// 1,024 bytes or that is not UTF-8.
[[nodiscard]] Result<S3Place> parse_s3_uri(std::string_view uri);
// The same, and it has to name an object.
[[nodiscard]] Result<S3Place> parse_s3_object(std::string_view uri);

// Which places may be read for callers who do not own the machine. Immutable.
class S3Roots {
 public:
  S3Roots() = default;  // every place
  // Only these and what lies below them, as URIs; an empty list: nothing. invalid_argument for what is no URI.
  [[nodiscard]] static Result<S3Roots> of(const std::optional<std::vector<std::string>>& uris);
  [[nodiscard]] Result<void> check(const S3Place& place) const;

 private:
  std::optional<std::vector<S3Place>> roots_;
};

}  // namespace eidetic
