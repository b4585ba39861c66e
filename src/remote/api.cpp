#include "remote/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "base/text.h"

namespace eidetic::remote {
namespace {

constexpr std::uint64_t kMaxAnswerBytes = std::uint64_t{1} << 30;  // a page of 10,000 items with vectors
constexpr double kFirstWaitS = 0.1;

bool is_busy(long status) { return status == 429 || status == 503; }

// How long to wait before try `number` (from 1), in seconds.
double wait_before(unsigned number, const HttpAnswer* answer, const RemoteOptions& options) {
  double wait_s = kFirstWaitS * static_cast<double>(1U << std::min(number - 1, 10U));
  if (answer != nullptr) {
    const std::string_view asked = answer->header("retry-after");
    unsigned seconds = 0;
    const auto parsed = std::from_chars(asked.data(), asked.data() + asked.size(), seconds);
    if (parsed.ec == std::errc() && !asked.empty()) wait_s = seconds;
  }
  return std::min(wait_s, options.max_wait_s);
}

// Errors of the connection name the URL; those of a file that is read or written here do not.
bool is_of_line(const Error& error, const RemoteOptions& options) {
  return error.code == ErrorCode::unavailable && error.message.contains(printable_url(options.url));
}

// False: it was asked to stop.
bool wait(double seconds, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait_for(lock, stop, std::chrono::duration<double>(seconds), [] { return false; });
  return !stop.stop_requested();
}

ErrorCode code_of(std::string_view name) {
  using enum ErrorCode;
  for (const ErrorCode code : {invalid_argument, not_found, already_exists, unsupported, corrupt, unavailable,
                               overloaded, unreachable, conflict, internal}) {
    if (to_string(code) == name) return code;
  }
  constexpr std::array<std::string_view, 3> kLimits = {"too_large", "too_many_requests", "timeout"};
  return std::ranges::find(kLimits, name) != kLimits.end() ? overloaded : internal;
}

std::string text_of(const Json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

ApiPath::ApiPath(std::initializer_list<std::string_view> pieces) {
  for (const std::string_view piece : pieces) {
    // As they are, these two would be taken for the folder itself and the one above it.
    text_ += '/' + (piece == "." ? "%2E" : piece == ".." ? "%2E%2E" : uri_encode(piece));
  }
}

ApiPath ApiPath::with(std::string_view name, std::string_view value) && {
  text_ += fmt::format("{}{}={}", std::exchange(separator_, '&'), name, uri_encode(value));
  return std::move(*this);
}

Result<Api> Api::open(const RemoteOptions& given) {
  RemoteOptions options = given;
  const std::string start = to_lower(options.url.substr(0, 8));
  if (!start.starts_with("http://") && !start.starts_with("https://")) {
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no address of a server; one is http://127.0.0.1:8080",
                                                         printable_url(options.url)));
  }
  while (options.url.ends_with('/')) options.url.pop_back();
  // A line end in the token would begin a header of its own.
  if (!std::ranges::all_of(options.token, [](char c) { return c > ' ' && c <= '~'; })) {
    return fail(ErrorCode::invalid_argument, "the token holds a character that no token has");
  }
  options.tries = std::max(options.tries, 1U);
  return Api(std::move(options));
}

Api::Api(RemoteOptions options)
    : options_(std::move(options)),
      client_({.connect_timeout_s = options_.connect_timeout_s,
               .stall_timeout_s = options_.answer_timeout_s,
               .ca_file = options_.ca_file}) {}

Result<HttpAnswer> Api::send_once(const ApiRequest& request, const std::string& json) const {
  HttpCall http{.method = request.method, .url = options_.url + request.path.text()};
  http.headers = {"Accept: application/json, application/problem+json, */*"};
  if (!options_.token.empty()) http.headers.push_back("Authorization: Bearer " + options_.token);
  std::string type = request.content_type;
  if (type.empty()) type = request.json ? "application/json" : "application/octet-stream";
  if (request.json) {
    http.body = std::as_bytes(std::span(json));
  } else {
    http.body = request.bytes;
    http.body_file = request.file;
  }
  if (!http.body.empty() || !http.body_file.empty()) http.headers.push_back("Content-Type: " + type);
  http.answer_file = request.answer_file;
  http.answer_line = request.answer_line;
  http.max_answer_bytes = kMaxAnswerBytes;
  http.stop = request.stop;
  return client_.exchange(http);
}

Result<HttpAnswer> Api::send(const ApiRequest& request) const {
  const std::string json = request.json ? dump_json(*request.json) : "";
  const unsigned tries = request.tries > 0 ? request.tries : options_.tries;
  const auto start = std::chrono::steady_clock::now();
  for (unsigned number = 1;; ++number) {
    auto answer = send_once(request, json);
    const bool busy = answer && is_busy(answer->status);
    // A line that hangs is not tried for hours.
    const auto passed = std::chrono::steady_clock::now() - start;
    const bool lost = !answer && is_of_line(answer.error(), options_) && request.repeatable &&
                      passed < std::chrono::duration<double>(options_.max_wait_s);
    const bool again = (busy || lost) && number < tries;
    if (again && wait(wait_before(number, answer ? &*answer : nullptr, options_), request.stop)) continue;
    if (!answer && is_of_line(answer.error(), options_)) {
      return fail(ErrorCode::unavailable, fmt::format("the server '{}' does not answer: {}",
                                                      printable_url(options_.url), answer.error().message));
    }
    return answer;
  }
}

Result<Json> Api::call(const ApiRequest& request) const {
  EIDETIC_TRY(const auto answer, send(request));
  return document(answer);
}

Result<Json> Api::document(const HttpAnswer& answer) const {
  if (!answer.ok()) return std::unexpected(error_of(answer));
  if (answer.body.empty()) return Json();
  auto json = parse_json(answer.body, "the answer");
  if (!json) return std::unexpected(strange(json.error().message));
  return json;
}

Error Api::error_of(const HttpAnswer& answer) const {
  const auto problem = parse_json_object(answer.body, "the answer");
  const std::string code = problem ? text_of(*problem, "code") : "";
  if (code.empty()) {
    if (answer.status >= 300 && answer.status < 400) {
      return strange(fmt::format("it leads to '{}'", answer.header("location")));
    }
    return strange(fmt::format("status {}", answer.status));
  }
  std::string detail = text_of(*problem, "detail");
  if (detail.empty()) detail = text_of(*problem, "title");
  const std::string server = printable_url(options_.url);
  if (code == "unauthorized") {
    return {ErrorCode::invalid_argument,
            fmt::format("the server '{}' wants {}token: {}; give one with --token, --token-file or $EIDETIC_TOKEN",
                        server, options_.token.empty() ? "a " : "another ", detail)};
  }
  if (code == "forbidden") {
    return {ErrorCode::invalid_argument,
            fmt::format("the server '{}' refuses this to the given token: {}; give another one with --token", server,
                        detail)};
  }
  return {code_of(code), detail};
}

Error Api::strange(std::string_view why) const {
  return {ErrorCode::unavailable,
          fmt::format("'{}' does not answer like an Eidetic server: {}", printable_url(options_.url), why)};
}

}  // namespace eidetic::remote
