// The routes of the API: what each is called, who may call it, where it runs, and the function that answers.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/engine.h"

#include "base/json.h"
#include "server/config.h"
#include "server/http_message.h"
#include "server/metrics.h"

namespace eidetic {

// What handlers work with. Outlives every request.
struct Api {
  Engine& engine;
  const ServerConfig& config;
  Metrics& metrics;
  std::filesystem::path spool_folder;         // for files on their way in or out
  std::function<MetricsSnapshot()> snapshot;  // of queues and connections
  std::atomic<bool> ready = false;            // requests are taken
  std::atomic<std::uint64_t> files = 0;       // names in the spool folder
};

// Where a handler runs. network: on the network thread, so it must not wait for anything; search and write: in the lane
// of that name; slow: in a lane for what takes seconds or more.
enum class LaneKind { network, search, write, slow };
// What body a route takes. picture: bytes in any of the forms; file: to a file, as long as limits.import_bytes.
enum class BodyKind { none, json, picture, file };

struct Route {
  std::string_view method;
  std::string_view pattern;  // as docs/openapi.yaml writes it
  Role role = Role::read;    // none: for everybody, without a token
  LaneKind lane = LaneKind::search;
  BodyKind body = BodyKind::none;
  Answer (*handler)(Api&, HttpRequest&) = nullptr;
  bool any_query = false;  // the query is not for the server, and may have a parameter twice
};

// One list a file *_api.cpp, and older_clients.cpp.
[[nodiscard]] std::span<const Route> collection_routes();
[[nodiscard]] std::span<const Route> item_routes();
[[nodiscard]] std::span<const Route> search_routes();
[[nodiscard]] std::span<const Route> learning_routes();
[[nodiscard]] std::span<const Route> training_routes();
[[nodiscard]] std::span<const Route> job_routes();
[[nodiscard]] std::span<const Route> model_routes();
[[nodiscard]] std::span<const Route> operation_routes();
[[nodiscard]] std::span<const Route> older_routes();
[[nodiscard]] std::span<const Route> page_routes();

// Declares `declaration` from a Result or an expected of Problem, or returns the problem from a handler.
#define EIDETIC_ANSWER_TRY_(result, declaration, expression)                        \
  auto result = (expression);                                                       \
  if (!result) return std::unexpected<Problem>(Problem(std::move(result).error())); \
  declaration = *std::move(result)
#define EIDETIC_ANSWER_TRY(declaration, ...) \
  EIDETIC_ANSWER_TRY_(EIDETIC_CONCAT(answer_result_, __LINE__), declaration, (__VA_ARGS__))
#define EIDETIC_ANSWER_CHECK(...)                                                \
  do {                                                                           \
    if (auto check_result = (__VA_ARGS__); !check_result) {                      \
      return std::unexpected<Problem>(Problem(std::move(check_result).error())); \
    }                                                                            \
  } while (false)

// --- what handlers share ---

[[nodiscard]] HttpResponse json_response(const Json& json, unsigned status = 200);
[[nodiscard]] HttpResponse text_response(std::string text, std::string_view content_type, unsigned status = 200);
[[nodiscard]] HttpResponse empty_response();                  // 204
[[nodiscard]] HttpResponse job_response(const JobInfo& job);  // 202 with its Location
[[nodiscard]] std::unexpected<Problem> wrong_media_type(const HttpRequest& request, std::string_view taken);
// The body as a JSON object. A body of another content type is a 415, none at all an empty object where `optional`.
[[nodiscard]] std::expected<Json, Problem> json_body(const HttpRequest& request, bool optional = false);
// A route without query parameters was not called with any.
[[nodiscard]] Result<void> no_parameters(const HttpRequest& request);
// A collection as the API shows it.
[[nodiscard]] std::expected<Json, Problem> describe_collection(Api& api, const CollectionInfo& info);
// Why a search failed: mostly because of a picture that the client gave.
[[nodiscard]] Problem search_problem(Api& api, std::string_view collection, const Error& error);
// Begins with http:// or https://.
[[nodiscard]] bool is_web_url(std::string_view url);
// The line that older clients find at `/`, for callers with a token.
[[nodiscard]] Answer older_home(HttpRequest& request);
// That a request came without a token of this server.
[[nodiscard]] Problem unauthorized(const HttpRequest& request);
// A file in the spool folder that is not there yet.
[[nodiscard]] TemporaryFile new_file(Api& api, std::string_view name);

}  // namespace eidetic
