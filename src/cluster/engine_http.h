// JSON over HTTP to a search engine: what is tried again, how long, and what its failures are called.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/cluster.h"
#include "eidetic/error.h"

#include "base/json.h"
#include "net/http.h"

namespace eidetic {

enum class ClusterKind { opensearch, elasticsearch, qdrant };
[[nodiscard]] std::string_view to_string(ClusterKind kind) noexcept;  // "OpenSearch", "Elasticsearch", "Qdrant"

struct ClusterAddress {
  ClusterKind kind = ClusterKind::opensearch;
  std::string base;    // "http://localhost:9200", without user and path
  std::string user;    // empty: none
  std::string prefix;  // [a-z0-9_-]+
  std::string name;    // the URL in its shortest form without the user, by which two that mean the same are equal
};
// invalid_argument naming the URL (without what may be a password in it) and what is right.
[[nodiscard]] Result<ClusterAddress> parse_cluster_url(std::string_view url);

// Thread-safe; connections are kept.
class EngineHttp {
 public:
  EngineHttp(const ClusterOptions& options, ClusterAddress address);

  enum class Patience { read, write, once };
  struct Call {
    std::string method = "GET";
    std::string path;  // "/_bulk?refresh=false", encoded
    std::string body = {};
    std::string content_type = "application/json";
    Patience patience = Patience::read;
    std::stop_token stop = {};
  };
  struct Answer {
    long status = 0;
    Json body;  // null where it is no JSON
    [[nodiscard]] bool ok() const noexcept { return status >= 200 && status < 300; }
  };
  // Tried again, with full jitter and exponential back-off, after 429, 502, 503, 504, a time-out and a broken line
  // only: a call must be safe to do twice unless it is `once`. Any other answer is given back. unreachable when the
  // patience is over, naming the engine, what it said last and what to look at; 401 and 403 that are about who asks:
  // unreachable too, naming what to set.
  [[nodiscard]] Result<Answer> exchange(const Call& call) const;

  [[nodiscard]] const ClusterAddress& address() const noexcept { return address_; }
  [[nodiscard]] const ClusterOptions& options() const noexcept { return options_; }
  // "OpenSearch at http://localhost:9200".
  [[nodiscard]] std::string name() const;

 private:
  ClusterOptions options_;
  ClusterAddress address_;
  std::vector<std::string> headers_;
  HttpClient client_;
};

// How long to wait before try `n` (from 0) is repeated: anything up to base * 2^n, at most `cap`.
[[nodiscard]] std::chrono::milliseconds jittered(unsigned n,
                                                 std::chrono::milliseconds base = std::chrono::milliseconds(100),
                                                 std::chrono::milliseconds cap = std::chrono::seconds(10));

}  // namespace eidetic
