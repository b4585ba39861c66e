// Between the edge and the handlers: finds the route, checks who calls and how much, puts the work into its lane,
// counts and logs.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <vector>

#include "server/api.h"
#include "server/edge.h"
#include "server/lane.h"
#include "server/rate_limiter.h"
#include "server/tokens.h"

namespace eidetic {

// All routes of the API.
[[nodiscard]] const std::vector<Route>& all_routes();

class Service final : public EdgeHandler {
 public:
  // `api` and what it names must outlive this.
  explicit Service(Api& api);

  // Waits for the work that is in the lanes; what comes later is overloaded.
  void close();

  [[nodiscard]] Admission admit(HttpRequest& request) override;
  void handle(std::shared_ptr<HttpRequest> request, Respond respond) override;
  void poll(std::function<Event()> next, std::move_only_function<void(Event)> respond) override;
  [[nodiscard]] HttpResponse refuse(const Problem& problem, std::string_view request_id) override;
  void finished(const HttpRequest& request, unsigned status, double seconds, std::uint64_t bytes_out) override;

  [[nodiscard]] std::vector<MetricsSnapshot::Queue> queues() const;

 private:
  struct Match {
    std::size_t route = kNoRoute;
    std::vector<std::string> allowed;  // methods of the path, where the method is not among them
  };
  [[nodiscard]] Match match(HttpRequest& request) const;
  [[nodiscard]] std::optional<Problem> check_caller(HttpRequest& request, const Match& match);
  [[nodiscard]] Admission admit_body(const HttpRequest& request, const Route& route);
  [[nodiscard]] std::optional<HttpResponse> preflight(const HttpRequest& request, const Match& match) const;
  [[nodiscard]] bool allows_origin(const std::string& origin) const;
  void finish_headers(const HttpRequest& request, HttpResponse& response) const;
  [[nodiscard]] HttpResponse run(HttpRequest& request);
  [[nodiscard]] Lane* lane_of(LaneKind kind) const;

  Api& api_;
  const ServerConfig& config_;
  Tokens tokens_;
  RateLimiter rate_;
  std::vector<RouteMetrics*> route_metrics_;  // one a route
  RouteMetrics& other_metrics_;
  std::unique_ptr<Lane> search_, write_, slow_;
};

}  // namespace eidetic
