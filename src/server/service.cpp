#include "server/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "base/threads.h"
#include "server/access_log.h"

namespace eidetic {
namespace {

constexpr unsigned kSlowThreads = 2;
constexpr std::size_t kSlowQueue = 32;
// Writers give way to searchers.
constexpr int kWriteNiceness = 5;
constexpr int kSlowNiceness = 10;

// Whether the decoded segments of a path are those of a pattern; what stands for its {names} goes to `captures`.
bool fits(std::string_view pattern, std::span<const std::string> segments, std::vector<std::string>& captures) {
  captures.clear();
  pattern.remove_prefix(1);
  if (pattern.empty()) return segments.empty();
  for (const std::string& segment : segments) {
    if (pattern.data() == nullptr) return false;
    const std::string_view part = pattern.substr(0, pattern.find('/'));
    if (part.starts_with('{')) {
      if (segment.empty()) return false;
      captures.push_back(segment);
    } else if (part != segment) {
      return false;
    }
    pattern = part.size() == pattern.size() ? std::string_view() : pattern.substr(part.size() + 1);
  }
  return pattern.data() == nullptr;
}

}  // namespace

Problem unauthorized(const HttpRequest& request) {
  return {401, "unauthorized",
          request.authorization.empty() ? "a token is needed: Authorization: Bearer TOKEN"
                                        : "the token is not one of this server's"};
}

const std::vector<Route>& all_routes() {
  static const std::vector<Route> routes = [] {
    std::vector<Route> all;
    for (const auto list : {collection_routes(), item_routes(), search_routes(), learning_routes(), training_routes(),
                            job_routes(), model_routes(), operation_routes(), older_routes(), page_routes()}) {
      all.insert(all.end(), list.begin(), list.end());
    }
    return all;
  }();
  return routes;
}

Service::Service(Api& api)
    : api_(api),
      config_(api.config),
      tokens_(config_.auth.tokens),
      rate_(config_.limits.requests_per_s, config_.limits.burst),
      other_metrics_(api.metrics.route("other")) {
  const auto& limits = config_.limits;
  const unsigned cores = available_cores();
  for (const Route& route : all_routes()) route_metrics_.push_back(&api.metrics.route(route.pattern));
  search_ =
      std::make_unique<Lane>("search", limits.search_threads > 0 ? limits.search_threads : cores, limits.search_queue);
  write_ = std::make_unique<Lane>("write", limits.write_threads > 0 ? limits.write_threads : cores, limits.write_queue,
                                  kWriteNiceness);
  slow_ = std::make_unique<Lane>("slow", kSlowThreads, kSlowQueue, kSlowNiceness);
}

void Service::close() {
  for (Lane* lane : {search_.get(), write_.get(), slow_.get()}) lane->close();
}

Service::Match Service::match(HttpRequest& request) const {
  Match match;
  const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  const auto& routes = all_routes();
  for (std::size_t i = 0; i < routes.size(); ++i) {
    std::vector<std::string> captures;
    if (!fits(routes[i].pattern, request.uri.segments, captures)) continue;
    if (routes[i].method == method) {
      request.captures = std::move(captures);
      match.route = i;
      return match;
    }
    match.allowed.emplace_back(routes[i].method);
    if (routes[i].method == "GET") match.allowed.emplace_back("HEAD");
  }
  return match;
}

std::optional<Problem> Service::check_caller(HttpRequest& request, const Match& match) {
  if (const double wait = rate_.take(request.client); wait > 0) {
    api_.metrics.reject(Rejection::rate);
    Problem problem(429, "too_many_requests",
                    fmt::format("no client may ask more than {} times a second", config_.limits.requests_per_s));
    problem.retry_after_s = static_cast<unsigned>(std::ceil(wait));
    return problem;
  }
  const bool known = match.route != kNoRoute;
  const Route* route = known ? &all_routes()[match.route] : nullptr;
  const bool metrics = route != nullptr && route->pattern == "/metrics" && config_.auth.open_metrics;
  const Role needed = metrics ? Role::none : known ? route->role : Role::read;
  if (const auto caller = tokens_.identify(request.authorization)) request.caller = *caller;
  if (request.caller.role >= needed) return std::nullopt;
  api_.metrics.reject(Rejection::unauthorized);
  if (request.caller.role == Role::none) return unauthorized(request);
  return Problem(403, "forbidden",
                 fmt::format("this needs a token of the role {}; this one's is {}", to_string(needed),
                             to_string(request.caller.role)));
}

Admission Service::admit_body(const HttpRequest& request, const Route& route) {
  const auto& limits = config_.limits;
  Admission admission;
  switch (route.body) {
    case BodyKind::none: admission.body_limit = limits.header_bytes; break;
    case BodyKind::json: admission.body_limit = limits.json_body_bytes; break;
    case BodyKind::picture:
      admission.body_limit =
          media_type(request.content_type) == "application/json" ? limits.json_body_bytes : limits.body_bytes;
      break;
    case BodyKind::file:
      admission.body_limit = limits.import_bytes;
      admission.to_file = request.has_body;
      break;
  }
  if (request.content_length.value_or(0) > admission.body_limit) {
    admission.refusal = refuse({413, "too_large",
                                fmt::format("the body has {} bytes; at most {} are taken here", *request.content_length,
                                            admission.body_limit)},
                               request.id);
  }
  return admission;
}

bool Service::allows_origin(const std::string& origin) const {
  const auto& origins = config_.cors.origins;
  return !origin.empty() &&
         (std::ranges::find(origins, origin) != origins.end() || std::ranges::find(origins, "*") != origins.end());
}

// A browser's question before a request from another site's page (Fetch standard, CORS preflight).
std::optional<HttpResponse> Service::preflight(const HttpRequest& request, const Match& match) const {
  if (request.method != "OPTIONS" || request.asked_method.empty() || !allows_origin(request.origin))
    return std::nullopt;
  if (match.allowed.empty()) return std::nullopt;
  HttpResponse response = empty_response();
  response.headers.emplace_back("Access-Control-Allow-Methods", fmt::format("{}", fmt::join(match.allowed, ", ")));
  response.headers.emplace_back("Access-Control-Allow-Headers",
                                "Authorization, Content-Type, If-None-Match, X-Request-Id");
  response.headers.emplace_back("Access-Control-Max-Age", "600");
  return response;
}

void Service::finish_headers(const HttpRequest& request, HttpResponse& response) const {
  if (!allows_origin(request.origin)) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", request.origin);
  response.headers.emplace_back("Access-Control-Expose-Headers", "X-Request-Id, X-Job-Id, Location, Retry-After, ETag");
  response.headers.emplace_back("Vary", "Origin");
}

Admission Service::admit(HttpRequest& request) {
  const auto refusal = [&](const Problem& problem) {
    Admission admission;
    admission.refusal = refuse(problem, request.id);
    finish_headers(request, *admission.refusal);
    return admission;
  };
  auto uri = parse_request_target(request.target);
  if (!uri) return refusal(Problem(uri.error()));
  request.uri = *std::move(uri);
  const Match found = match(request);
  request.route = found.route;
  if (auto answer = preflight(request, found)) {
    finish_headers(request, *answer);
    return {.refusal = std::move(answer)};
  }
  if (const auto problem = check_caller(request, found)) return refusal(*problem);
  const bool any_query = found.route != kNoRoute && all_routes()[found.route].any_query;
  if (!request.uri.repeated.empty() && !any_query) {
    return refusal(
        {400, "invalid_argument", fmt::format("the query parameter '{}' is given twice", request.uri.repeated)});
  }
  if (found.route != kNoRoute) {
    Admission admission = admit_body(request, all_routes()[found.route]);
    if (admission.refusal) finish_headers(request, *admission.refusal);
    return admission;
  }
  if (found.allowed.empty()) {
    return refusal({404, "not_found",
                    fmt::format("there is nothing at '{}'; /docs lists what there is",
                                request.target.substr(0, request.target.find('?')))});
  }
  Admission admission =
      refusal({405, "method_not_allowed",
               fmt::format("{} is not possible here, but {}", request.method, fmt::join(found.allowed, ", "))});
  admission.refusal->headers.emplace_back("Allow", fmt::format("{}", fmt::join(found.allowed, ", ")));
  return admission;
}

HttpResponse Service::run(HttpRequest& request) {
  Answer answer;
  try {
    answer = all_routes()[request.route].handler(api_, request);
  } catch (const std::bad_alloc&) {
    Problem problem(503, "overloaded", "the server is out of memory");
    problem.retry_after_s = 5;
    answer = std::unexpected(problem);
  } catch (const std::exception& error) {
    answer = std::unexpected(Problem(Error{ErrorCode::internal, error.what()}));
  }
  HttpResponse response = answer ? *std::move(answer) : refuse(answer.error(), request.id);
  finish_headers(request, response);
  return response;
}

Lane* Service::lane_of(LaneKind kind) const {
  switch (kind) {
    case LaneKind::network: return nullptr;
    case LaneKind::search: return search_.get();
    case LaneKind::write: return write_.get();
    case LaneKind::slow: return slow_.get();
  }
  return nullptr;
}

void Service::handle(std::shared_ptr<HttpRequest> request, Respond respond) {
  Lane* lane = lane_of(all_routes()[request->route].lane);
  if (lane == nullptr) return respond(run(*request));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(config_.limits.work_timeout_s);
  const auto overloaded = [this](const HttpRequest& asked, std::string detail) {
    api_.metrics.reject(Rejection::queue_full);
    Problem problem(503, "overloaded", std::move(detail));
    problem.retry_after_s = 1;
    HttpResponse response = refuse(problem, asked.id);
    finish_headers(asked, response);
    return response;
  };
  // Shared, for a lane that is full drops the work and the answer is still owed.
  auto shared = std::make_shared<Respond>(std::move(respond));
  const bool taken = lane->post([this, request, shared, deadline, overloaded] {
    const bool late = std::chrono::steady_clock::now() > deadline;
    (*shared)(late ? overloaded(*request, "the request waited too long for its turn") : run(*request));
  });
  if (!taken) (*shared)(overloaded(*request, fmt::format("too much work waits for the lane '{}'", lane->name())));
}

void Service::poll(std::function<Event()> next, std::move_only_function<void(Event)> respond) {
  auto shared = std::make_shared<std::move_only_function<void(Event)>>(std::move(respond));
  // Where there is no room to ask, there is nothing new to say.
  if (!search_->post([next = std::move(next), shared] { (*shared)(next()); })) (*shared)({});
}

HttpResponse Service::refuse(const Problem& problem, std::string_view request_id) {
  if (problem.status == 413) api_.metrics.reject(Rejection::too_large);
  if (problem.status == 408) api_.metrics.reject(Rejection::timeout);
  return problem_response(problem, request_id);
}

void Service::finished(const HttpRequest& request, unsigned status, double seconds, std::uint64_t bytes_out) {
  const bool known = request.route != kNoRoute;
  RouteMetrics& metrics = known ? *route_metrics_[request.route] : other_metrics_;
  metrics.observe(request.method, status, seconds);
  constexpr double kMilliseconds = 1e3;
  const std::string_view target = request.target;
  log_access({.request_id = request.id,
              .method = request.method,
              .route = known ? all_routes()[request.route].pattern : std::string_view(),
              .path = target.substr(0, target.find('?')),
              .status = status,
              .milliseconds = seconds * kMilliseconds,
              .bytes_in = request.content_length.value_or(request.body.size()),
              .bytes_out = bytes_out,
              .client = request.client,
              .token = request.caller.name});
}

std::vector<MetricsSnapshot::Queue> Service::queues() const {
  std::vector<MetricsSnapshot::Queue> queues;
  for (const Lane* lane : {search_.get(), write_.get(), slow_.get()}) {
    queues.push_back({lane->name(), lane->waiting(), lane->capacity()});
  }
  return queues;
}

}  // namespace eidetic
