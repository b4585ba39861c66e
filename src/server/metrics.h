// What a server counts, in the text format of Prometheus. All functions are thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace eidetic {

// The counters of one route. Lives as long as its Metrics.
class RouteMetrics {
 public:
  virtual ~RouteMetrics() = default;
  // One answered request. Methods and statuses that HTTP does not know are counted as "other".
  virtual void observe(std::string_view method, unsigned status, double seconds) noexcept = 0;
};

// Why a request was turned away before any handler saw it.
enum class Rejection { connections, client_connections, rate, queue_full, too_large, timeout, malformed, unauthorized };
[[nodiscard]] std::string_view to_string(Rejection reason) noexcept;

// What a request spends its time on.
enum class RequestStage { read, decode, preprocess, inference, search };
[[nodiscard]] std::string_view to_string(RequestStage stage) noexcept;

// What is asked of the parts when the metrics are read, and not counted.
struct MetricsSnapshot {
  struct Queue {
    std::string name;  // "search", "write"
    std::uint64_t depth = 0, capacity = 0;
  };
  struct Jobs {
    std::string state;  // "queued", "running", …
    std::uint64_t count = 0;
  };
  struct Collection {
    std::string name;
    std::uint64_t items = 0, memory_bytes = 0, disk_bytes = 0;
  };
  std::uint64_t connections = 0;  // open ones
  std::vector<Queue> queues = {};
  std::vector<Jobs> jobs = {};
  std::vector<Collection> collections = {};
};

class Metrics {
 public:
  explicit Metrics(std::string_view version);
  Metrics(Metrics&&) noexcept;
  Metrics& operator=(Metrics&&) noexcept;
  ~Metrics();

  // The handle of a route, made on first use: ask at the start, not for each request. `name` is the path with its
  // placeholders, "/v1/collections/{collection}".
  [[nodiscard]] RouteMetrics& route(std::string_view name);
  void reject(Rejection reason) noexcept;
  void observe(RequestStage stage, double seconds) noexcept;

  // The whole document, in the text format 0.0.4. Figures of the process are read from /proc.
  [[nodiscard]] std::string text(const MetricsSnapshot& snapshot) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace eidetic
