// HTTP/1.1 on sockets, with and without TLS (RFC 9110, 9112): reads requests within their limits, hands them on, writes
// the answers. Boost.Beast and Asio are known in edge.cpp only.
//
// Threads: the edge's own network threads read and write, and do nothing else. What handles a request calls back from
// whatever thread it likes.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "eidetic/error.h"

#include "server/http_message.h"

namespace eidetic {

struct EdgeOptions {
  std::string address;
  std::uint16_t port = 0;  // 0: any free one
  unsigned threads = 1;
  std::uint32_t max_connections = 4096;
  std::uint32_t connections_per_client = 0;  // 0: no limit
  std::uint64_t header_bytes = 16384;
  std::uint64_t bodies_in_memory = std::uint64_t{1}
                                   << 30;  // of all requests together; beyond it they are put off (503)
  double header_timeout_s = 10;
  double request_timeout_s = 60;
  double idle_timeout_s = 75;
  std::filesystem::path tls_certificate = {};  // PEM; empty: no TLS
  std::filesystem::path tls_key = {};
  std::filesystem::path spool_folder;  // for bodies that go to files
};

// What the body of a request may be, decided before any of it is read.
struct Admission {
  std::optional<HttpResponse> refusal = {};  // sent instead of reading the body
  std::uint64_t body_limit = 0;              // bytes
  bool to_file = false;                      // into HttpRequest::body_file
};

using Respond = std::move_only_function<void(HttpResponse)>;

// Implemented by who answers. Called on network threads: must not block.
class EdgeHandler {
 public:
  virtual ~EdgeHandler() = default;
  // Everything but the body is there.
  [[nodiscard]] virtual Admission admit(HttpRequest& request) = 0;
  // `respond` is called exactly once, from any thread.
  virtual void handle(std::shared_ptr<HttpRequest> request, Respond respond) = 0;
  // Asks `next` on a thread that may wait; `respond` as above.
  virtual void poll(std::function<Event()> next, std::move_only_function<void(Event)> respond) = 0;
  // The answer to a request that is none, or whose body is too large or too late.
  [[nodiscard]] virtual HttpResponse refuse(const Problem& problem, std::string_view request_id) = 0;
  // After the last byte of an answer, or the failure to send it. `seconds`: since the first byte of the request.
  virtual void finished(const HttpRequest& request, unsigned status, double seconds, std::uint64_t bytes_out) = 0;
};

class Edge {
 public:
  // Binds and listens; nothing is answered before start(). Errors: invalid_argument (no such address; TLS files that
  // are missing, do not fit, are not valid yet or any more), unavailable (port taken).
  [[nodiscard]] static Result<std::unique_ptr<Edge>> open(const EdgeOptions& options, EdgeHandler& handler);
  Edge(const Edge&) = delete;
  Edge& operator=(const Edge&) = delete;
  virtual ~Edge() = default;

  [[nodiscard]] virtual std::uint16_t port() const = 0;
  virtual void start() = 0;
  // Takes no more connections, closes the idle ones, and waits for the answers that are due, at most `seconds`.
  virtual void drain(double seconds) = 0;
  [[nodiscard]] virtual std::uint64_t connections() const noexcept = 0;

 protected:
  Edge() = default;
};

}  // namespace eidetic
