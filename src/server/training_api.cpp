// Trainings: models that are learnt from collections as jobs, what came of them, and the files that tell it.
#include <fmt/format.h>

#include "base/training_json.h"
#include "server/api.h"
#include "server/wire.h"

namespace eidetic {
namespace {

// The page of a report is one document with a style and pictures of its own, and nothing else.
constexpr std::string_view kReportPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; "
    "sandbox";

Answer start(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const Json body, json_body(request, true));
  EIDETIC_ANSWER_TRY(auto reader, JsonReader::of(body, "the body"));
  EIDETIC_ANSWER_TRY(TrainRequest asked, read_train_request(reader));
  EIDETIC_ANSWER_CHECK(reader.finish());
  const std::string& collection = request.captures[0];
  if (!asked.collection.empty() && asked.collection != collection) {
    return std::unexpected(
        Problem(400, "invalid_argument",
                fmt::format("collection: the path names '{}', the body '{}'", collection, asked.collection)));
  }
  asked.collection = collection;
  EIDETIC_ANSWER_CHECK(api.engine.describe(collection));
  const auto job = api.engine.start_training(asked);
  if (job) return job_response(*job);
  // Not found is a label, a group or a trunk.
  const Error& error = job.error();
  if (error.code == ErrorCode::not_found) return std::unexpected(Problem(422, to_string(error.code), error.message));
  return std::unexpected(Problem(error));
}

Answer list(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const auto all, api.engine.trainings());
  Json trainings = Json::array();
  for (const TrainingInfo& info : all) {
    Json& json = trainings.emplace_back(to_json(info));
    json["report"].erase("epochs");
    json["report"].erase("map");
  }
  return json_response({{"trainings", std::move(trainings)}});
}

Answer show(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const auto info, api.engine.training(request.captures[0]));
  return json_response(to_json(info));
}

std::string_view media_type_of(std::string_view file) {
  if (file.ends_with(".html")) return "text/html; charset=utf-8";
  if (file.ends_with(".json")) return "application/json";
  if (file.ends_with(".csv")) return "text/csv; charset=utf-8";
  return "application/octet-stream";
}

Answer file(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  const std::string& name = request.captures[1];
  EIDETIC_ANSWER_TRY(auto text, api.engine.training_file(request.captures[0], name));
  HttpResponse response = text_response(std::move(text), media_type_of(name));
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("Content-Security-Policy", kReportPolicy);
  return response;
}

Answer drop(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_CHECK(api.engine.drop_training(request.captures[0]));
  return empty_response();
}

constexpr Route kRoutes[] = {
    {"POST", "/v1/collections/{collection}/train", Role::admin, LaneKind::slow, BodyKind::json, start},
    {"GET", "/v1/trainings", Role::read, LaneKind::search, BodyKind::none, list},
    {"GET", "/v1/trainings/{training}", Role::read, LaneKind::search, BodyKind::none, show},
    {"DELETE", "/v1/trainings/{training}", Role::admin, LaneKind::slow, BodyKind::none, drop},
    {"GET", "/v1/trainings/{training}/{file}", Role::read, LaneKind::search, BodyKind::none, file},
};

}  // namespace

std::span<const Route> training_routes() { return kRoutes; }

}  // namespace eidetic
