// A request and its answer, as handlers see them: no socket, no library.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eidetic/error.h"

#include "server/temporary_file.h"
#include "server/tokens.h"
#include "server/uri.h"

namespace eidetic {

inline constexpr std::size_t kNoRoute = ~std::size_t{0};

struct HttpRequest {
  std::string method;                 // upper case
  std::string target;                 // as sent
  RequestTarget uri;                  // the same, taken apart and decoded
  std::size_t route = kNoRoute;       // in the table of the service
  std::vector<std::string> captures;  // what stands for the route's {names}, in order
  std::string content_type;           // as sent; empty: none
  std::string if_none_match;
  std::string accept, accept_encoding;
  std::string authorization;
  std::string origin;
  std::string asked_method, asked_headers;      // Access-Control-Request-…
  std::string id;                               // X-Request-Id, or made up
  std::string client;                           // numeric address
  std::optional<std::uint64_t> content_length;  // nullopt: none, or chunked
  bool has_body = false;
  Caller caller;
  std::string body;         // padded for simdjson: its capacity is kBodyPadding larger
  TemporaryFile body_file;  // in its place on routes that spool
};

inline constexpr std::size_t kBodyPadding = 64;  // bytes behind a document that simdjson may read

// The content type in lower case and without parameters: "image/jpeg".
[[nodiscard]] std::string media_type(std::string_view content_type);

// What went wrong, with the status it is told by. `code` is one of those in docs/openapi.yaml.
struct Problem {
  Problem() = default;
  Problem(unsigned http_status, std::string_view problem_code, std::string problem_detail)
      : status(http_status), code(problem_code), detail(std::move(problem_detail)) {}
  // An error of the engine. What only the owner of the machine should read (internal faults, damaged or unreachable
  // storage) is logged and told in general words.
  Problem(const Error& error);  // NOLINT(google-explicit-constructor): handlers pass errors on with EIDETIC_TRY

  unsigned status = 500;
  std::string code = "internal";
  std::string detail;
  unsigned retry_after_s = 0;  // 0: no such header
};

// An error of reading, decoding or embedding a picture that the client gave: never the server's fault.
[[nodiscard]] Problem picture_problem(const Error& error);

// A server-sent event, or what is known of the stream without one.
struct Event {
  std::string text;   // complete lines; empty: nothing new
  bool last = false;  // the stream ends after it
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
  TemporaryFile file = {};                 // instead of `body`, where it names one; deleted when sent
  std::function<Event()> next_event = {};  // instead of `body`: asked several times a second on a worker thread
};

using Answer = std::expected<HttpResponse, Problem>;

// `problem` as application/problem+json.
[[nodiscard]] HttpResponse problem_response(const Problem& problem, std::string_view request_id);

}  // namespace eidetic
