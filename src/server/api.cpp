#include "server/api.h"

#include <fmt/format.h>

#include "base/text.h"
#include "server/parameters.h"
#include "server/wire.h"

namespace eidetic {

HttpResponse json_response(const Json& json, unsigned status) {
  return text_response(dump_json(json), "application/json", status);
}

HttpResponse text_response(std::string text, std::string_view content_type, unsigned status) {
  HttpResponse response;
  response.status = status;
  response.content_type = content_type;
  response.body = std::move(text);
  return response;
}

HttpResponse empty_response() {
  HttpResponse response;
  response.status = 204;
  return response;
}

HttpResponse job_response(const JobInfo& job) {
  HttpResponse response = json_response(to_json(job), 202);
  response.headers.emplace_back("Location", "/v1/jobs/" + job.id);
  return response;
}

std::unexpected<Problem> wrong_media_type(const HttpRequest& request, std::string_view taken) {
  return std::unexpected(
      Problem(415, "unsupported_media_type",
              request.content_type.empty()
                  ? fmt::format("the content type is missing; this route takes {}", taken)
                  : fmt::format("the content type is '{}'; this route takes {}", request.content_type, taken)));
}

std::expected<Json, Problem> json_body(const HttpRequest& request, bool optional) {
  if (optional && request.body.empty()) return Json::object();
  if (media_type(request.content_type) != "application/json") return wrong_media_type(request, "application/json");
  EIDETIC_ANSWER_TRY(auto json, parse_json_object(request.body, "the body"));
  return json;
}

Result<void> no_parameters(const HttpRequest& request) { return Parameters(request.uri.query).finish(); }

std::expected<Json, Problem> describe_collection(Api& api, const CollectionInfo& info) {
  const std::string& name = info.spec.name;
  std::uint64_t pending = 0;
  for (const JobState state : {JobState::queued, JobState::running}) {
    EIDETIC_ANSWER_TRY(const auto jobs,
                       api.engine.jobs({.subject = name, .state = state, .before = {}, .limit = 1000}));
    pending += jobs.size();
  }
  EIDETIC_ANSWER_TRY(const auto watched, api.engine.watched(name));
  Json json = to_json(info);
  json["pending_jobs"] = pending;
  json["watch"] = Json::array();
  for (const auto& folder : watched) json["watch"].push_back(folder.native());
  return json;
}

bool is_web_url(std::string_view url) {
  const std::string start = to_lower(url.substr(0, 8));
  return start.starts_with("http://") || start == "https://";
}

TemporaryFile new_file(Api& api, std::string_view name) {
  return TemporaryFile(api.spool_folder / fmt::format("{}-{}", name, ++api.files));
}

}  // namespace eidetic
