// One HTTP exchange over libcurl, as get() and download() are built from. Internal to this room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

#include "net/http.h"

namespace eidetic {

// What the last answer said (redirects before it are forgotten).
struct ResponseHead {
  long status = 0;
  std::string etag;
  std::string last_modified;
  std::uint64_t length = 0;      // of this body; 0: not said
  std::uint64_t range_from = 0;  // of a 206
};

struct TransferRequest {
  std::string url;
  std::vector<std::string> headers = {};  // "Range: bytes=100-"
  double total_timeout_s = 0;             // 0: none
  std::uint64_t max_bytes = 0;            // of this body
  // Called once before the first byte of a 200 or 206, then with every piece. An error ends the transfer.
  std::function<Result<void>(const ResponseHead&)> on_head = {};
  std::function<Result<void>(std::span<const std::byte>)> on_body = {};
  std::stop_token stop = {};
};

// Lends curl handles, so that connections outlive a transfer. Thread-safe.
class TransferPool {
 public:
  explicit TransferPool(HttpOptions options);
  TransferPool(const TransferPool&) = delete;
  TransferPool& operator=(const TransferPool&) = delete;
  ~TransferPool();

  // The head of a 200, 206 or 416 answer; every other end is an error (see HttpClient).
  [[nodiscard]] Result<ResponseHead> run(const TransferRequest& request);
  [[nodiscard]] const HttpOptions& options() const noexcept { return options_; }

 private:
  HttpOptions options_;
  std::mutex mutex_;
  std::vector<void*> idle_;  // CURL handles
};

}  // namespace eidetic
