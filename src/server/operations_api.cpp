// For whoever runs the server: health, figures, documents, backups.
#include <fmt/format.h>

#include <algorithm>

#include "server/api.h"
#include "server/documents.h"
#include "server/parameters.h"

namespace eidetic {
namespace {

Answer livez(Api&, HttpRequest&) { return json_response({{"status", "ok"}}); }

Answer readyz(Api& api, HttpRequest&) {
  if (api.ready) return json_response({{"status", "ok"}});
  Problem problem(503, "overloaded", "the server is starting or stopping");
  problem.retry_after_s = 1;
  return std::unexpected(problem);
}

Answer healthz(Api& api, HttpRequest&) {
  EIDETIC_ANSWER_TRY(const auto collections, api.engine.collections());
  return json_response({{"status", "ok"}, {"collections", collections.size()}});
}

Answer metrics(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  MetricsSnapshot snapshot = api.snapshot();
  EIDETIC_ANSWER_TRY(const auto collections, api.engine.collections());
  for (const auto& info : collections) {
    snapshot.collections.push_back({info.spec.name, info.items, info.memory_bytes, info.disk_bytes});
  }
  EIDETIC_ANSWER_TRY(const JobCounts counts, api.engine.job_counts());
  snapshot.jobs = {{"queued", counts.queued},
                   {"running", counts.running},
                   {"done", counts.done},
                   {"failed", counts.failed},
                   {"cancelled", counts.cancelled}};
  return text_response(api.metrics.text(snapshot), kMetricsContentType);
}

Answer openapi_json(Api&, HttpRequest&) { return text_response(std::string(openapi_json_text()), "application/json"); }
Answer openapi_yaml(Api&, HttpRequest&) { return text_response(std::string(openapi_yaml_text()), "application/yaml"); }

Answer docs(Api&, HttpRequest&) {
  HttpResponse response = text_response(std::string(docs_page_text()), "text/html; charset=utf-8");
  response.headers.emplace_back("Content-Security-Policy",
                                "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
                                "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
                                "frame-ancestors 'none'");
  return response;
}

Answer server_facts(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const auto places, api.engine.backends());
  Json backends = Json::array();
  for (const auto& place : places) backends.push_back({{"name", place.name}, {"preferred", place.preferred}});
  const auto& limits = api.config.limits;
  return json_response({{"version", EIDETIC_VERSION},
                        {"role", to_string(request.caller.role)},
                        {"limits",
                         {{"body_bytes", limits.body_bytes},
                          {"json_body_bytes", limits.json_body_bytes},
                          {"import_bytes", limits.import_bytes},
                          {"picture_bytes", limits.picture_bytes},
                          {"picture_pixels", limits.picture_pixels},
                          {"batch_queries", limits.batch_queries},
                          {"requests_per_s", limits.requests_per_s}}},
                        {"backends", std::move(backends)},
                        {"backups", !api.config.paths.backup.empty()}});
}

bool is_folder_name(const std::string& name) {
  const auto fine = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.'; };
  return !name.empty() && name.size() <= 64 && name.front() != '.' && std::ranges::all_of(name, fine);
}

Answer backup(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const Json body, json_body(request));
  EIDETIC_ANSWER_TRY(auto reader, JsonReader::of(body, "the body"));
  EIDETIC_ANSWER_TRY(const auto name, reader.get<std::string>("name"));
  EIDETIC_ANSWER_CHECK(reader.finish());
  if (!is_folder_name(name)) {
    return std::unexpected(
        Problem(400, "invalid_argument", fmt::format("name: '{}' is not 1 to 64 of A-Z a-z 0-9 _ - .", name)));
  }
  if (api.config.paths.backup.empty()) {
    return std::unexpected(Problem(422, "unsupported", "this server has no backup folder; set paths.backup"));
  }
  EIDETIC_ANSWER_CHECK(api.engine.backup(api.config.paths.backup / name));
  return json_response({{"name", name}}, 201);
}

constexpr Route kRoutes[] = {
    {"GET", "/livez", Role::none, LaneKind::network, BodyKind::none, livez},
    {"GET", "/readyz", Role::none, LaneKind::network, BodyKind::none, readyz},
    {"GET", "/healthz", Role::none, LaneKind::search, BodyKind::none, healthz},
    {"GET", "/metrics", Role::read, LaneKind::slow, BodyKind::none, metrics},
    {"GET", "/openapi.json", Role::none, LaneKind::network, BodyKind::none, openapi_json},
    {"GET", "/openapi.yaml", Role::none, LaneKind::network, BodyKind::none, openapi_yaml},
    {"GET", "/docs", Role::none, LaneKind::network, BodyKind::none, docs},
    {"GET", "/v1/server", Role::read, LaneKind::network, BodyKind::none, server_facts},
    {"POST", "/v1/backup", Role::admin, LaneKind::slow, BodyKind::json, backup},
};

}  // namespace

std::span<const Route> operation_routes() { return kRoutes; }

}  // namespace eidetic
