// All ways to a picture's bytes behind one Blobs: plain paths and file:, http: and https:, s3:, data:, stored:.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "eidetic/blobs.h"

#include "blobs/file_roots.h"
#include "net/http.h"
#include "s3/client.h"
#include "s3/place.h"

namespace eidetic {

struct BlobsOptions {
  bool files = true;             // false: neither plain paths nor file: URIs are read
  FileRoots roots = {};          // of them, those that are
  HttpOptions http = {};         // limits and address guard for http: and https:
  const S3Client* s3 = nullptr;  // null: s3: URIs are unsupported; must outlive the Blobs
  S3Roots s3_roots = {};         // of them, those that are read
  // The bytes behind stored:HASH. Empty: such URIs are unsupported.
  std::function<Result<std::vector<std::byte>>(std::string_view hash, std::size_t max_bytes)> stored = {};
};

// Thread-safe. A scheme that is not there: unsupported, listing those that are.
[[nodiscard]] std::unique_ptr<Blobs> make_blobs(const BlobsOptions& options = {});

}  // namespace eidetic
