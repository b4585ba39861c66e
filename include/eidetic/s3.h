// S3, and every store that speaks its language: where it is, and the keys to it.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "eidetic/error.h"

namespace eidetic {

struct S3Options {
  std::string endpoint = {};  // "https://s3.example.org:9000"; empty: Amazon's, of the region
  std::string region = "us-east-1";
  std::string access_key = {}, secret_key = {};
  std::string session_token = {};  // of keys for a time
  std::string keys_from = {};      // where the keys were read, for messages
  // Whether the bucket is in the path, and not in the name of the host; nullopt: where an endpoint is set.
  std::optional<bool> path_style = {};
  double timeout_s = 20;  // without a byte arriving; then it is tried again
};

// As Amazon's tools find them, later ones first: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN,
// AWS_REGION (or AWS_DEFAULT_REGION), AWS_ENDPOINT_URL_S3 (or AWS_ENDPOINT_URL); then the profile AWS_PROFILE (or
// "default") of
// ~/.aws/credentials, and of ~/.aws/config, or the files that AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name.
// What nobody says stays as it is by default, and keys may be missing: that is told when they are needed.
// invalid_argument for a file that cannot be read as such, or a named profile that is in neither.
[[nodiscard]] Result<S3Options> read_s3_options(const std::map<std::string, std::string>& environment);
// Of this process.
[[nodiscard]] Result<S3Options> read_s3_options();

}  // namespace eidetic
