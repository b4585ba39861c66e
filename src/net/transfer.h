// One HTTP exchange over libcurl, as the calls of HttpClient are built from. Internal to this room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

#include "base/file.h"
#include "net/http.h"

namespace eidetic {

// What the last answer said (redirects before it are forgotten).
struct ResponseHead {
  long status = 0;
  std::string etag;
  std::string last_modified;
  std::uint64_t length = 0;                                  // of this body; 0: not said
  std::uint64_t range_from = 0;                              // of a 206
  std::map<std::string, std::string, std::less<>> all = {};  // every header, its name in lower case

  [[nodiscard]] bool ok() const noexcept { return status >= 200 && status < 300; }
};

// What a transfer sends: bytes in memory, or a file from its beginning to `size`.
struct TransferBody {
  std::span<const std::byte> bytes = {};
  const File* file = nullptr;
  std::uint64_t size = 0;
};

struct TransferRequest {
  std::string url;
  std::string method = "GET";
  std::optional<TransferBody> body = {};
  std::vector<std::string> headers = {};  // "Range: bytes=100-"
  double total_timeout_s = 0;             // 0: none
  double stall_timeout_s = 0;             // 0: the pool's
  std::uint64_t max_bytes = 0;            // of this body
  bool any_status = false;                // every answer is wanted, and none is followed elsewhere
  // Called once before the first byte of an answer that is wanted, then with every piece. An error ends the transfer.
  std::function<Result<void>(const ResponseHead&)> on_head = {};
  std::function<Result<void>(std::span<const std::byte>)> on_body = {};
  std::function<void(std::uint64_t sent)> on_sent = {};
  std::stop_token stop = {};
};

// Lends curl handles, so that connections outlive a transfer. Thread-safe.
class TransferPool {
 public:
  explicit TransferPool(HttpOptions options);
  TransferPool(const TransferPool&) = delete;
  TransferPool& operator=(const TransferPool&) = delete;
  ~TransferPool();

  // The head of a 200, 206 or 416 answer, or of any; every other end is an error (see HttpClient).
  [[nodiscard]] Result<ResponseHead> run(const TransferRequest& request);
  [[nodiscard]] const HttpOptions& options() const noexcept { return options_; }

 private:
  HttpOptions options_;
  std::mutex mutex_;
  std::vector<void*> idle_;  // CURL handles
};

}  // namespace eidetic
