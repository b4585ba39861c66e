// All ways to a picture's bytes behind one Blobs: plain paths and file:, http: and https:, data:.
#pragma once

#include <memory>

#include "eidetic/blobs.h"

#include "net/http.h"

namespace eidetic {

struct BlobsOptions {
  bool files = true;      // false: neither plain paths nor file: URIs are read
  HttpOptions http = {};  // limits and address guard for http: and https:
};

// Thread-safe. A scheme that is not there: unsupported, listing those that are.
[[nodiscard]] std::unique_ptr<Blobs> make_blobs(const BlobsOptions& options = {});

}  // namespace eidetic
