// Models: what is there, adding more, and vectors straight from them.
#include <fmt/format.h>

#include <fstream>
#include <system_error>

#include "base/file.h"
#include "server/api.h"
#include "server/parameters.h"
#include "server/pictures_in.h"
#include "server/temporary_file.h"
#include "server/wire.h"

namespace eidetic {
namespace {

// Over HTTP a model is named, and never a path of the server.
Result<void> check_name(const std::string& model) {
  if (!model.empty() && model.find('/') == std::string::npos && model != "." && model != "..") return {};
  return fail(ErrorCode::not_found, fmt::format("no model '{}'; GET /v1/models lists those that are there", model));
}

Answer list(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const auto models, api.engine.models());
  Json list = Json::array();
  for (const ModelInfo& model : models) list.push_back(to_json(model));
  return json_response({{"models", std::move(list)}});
}

Answer show(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_CHECK(check_name(request.captures[0]));
  EIDETIC_ANSWER_TRY(const auto model, api.engine.model(request.captures[0]));
  return json_response(to_json(model));
}

Answer layers(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_CHECK(check_name(request.captures[0]));
  const auto layers = api.engine.layers(request.captures[0]);
  if (!layers && layers.error().code == ErrorCode::not_found) return std::unexpected(Problem(layers.error()));
  if (!layers) return std::unexpected(picture_problem(layers.error()));
  Json list = Json::array();
  for (const LayerInfo& layer : *layers) {
    list.push_back({{"name", layer.name},
                    {"op", layer.op},
                    {"shape", layer.shape},
                    {"type", layer.type},
                    {"output", layer.output}});
  }
  return json_response({{"model", request.captures[0]}, {"layers", std::move(list)}});
}

Answer check(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_CHECK(check_name(request.captures[0]));
  const auto checked = api.engine.check_model(request.captures[0]);
  if (!checked && checked.error().code == ErrorCode::not_found) return std::unexpected(Problem(checked.error()));
  if (!checked) return std::unexpected(picture_problem(checked.error()));
  return json_response(
      {{"model", checked->space.model},
       {"space", checked->space.hash},
       {"dimensions", checked->space.dimensions},
       {"precision", to_string(checked->space.precision)},
       {"text", checked->has_text},
       {"labels", checked->labels},
       {"load_ms", checked->load_ms},
       {"images_per_s", checked->images_per_s},
       {"golden_difference", checked->golden_difference ? Json(*checked->golden_difference) : Json()}});
}

// A second name for a body on disk, with the ending by which a model file is known; by content, as bodies have no name.
Result<TemporaryFile> with_ending(const std::filesystem::path& body) {
  constexpr std::string_view kTfliteMark = "TFL3";
  constexpr std::size_t kMarkOffset = 4;
  std::string head(kMarkOffset + kTfliteMark.size(), '\0');
  std::ifstream(body, std::ios::binary).read(head.data(), static_cast<std::streamsize>(head.size()));
  auto named = body;
  named += head.substr(kMarkOffset) == kTfliteMark ? ".tflite" : ".onnx";
  std::error_code error;
  std::filesystem::create_hard_link(body, named, error);
  if (error) return system_error("cannot make", named, error.value());
  return TemporaryFile(std::move(named));
}

Answer put(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  const std::string& name = request.captures[0];
  const std::string type = media_type(request.content_type);
  if (type != "application/json" && type != "application/octet-stream") {
    return wrong_media_type(request, "application/octet-stream and application/json");
  }
  if (!request.body_file) return std::unexpected(Problem(400, "invalid_argument", "the body is empty"));
  if (type == "application/octet-stream") {
    EIDETIC_ANSWER_TRY(const TemporaryFile file, with_ending(request.body_file.path()));
    const auto model = api.engine.import_model(file.path(), name);
    if (!model && model.error().code == ErrorCode::already_exists) return std::unexpected(Problem(model.error()));
    if (!model) return std::unexpected(picture_problem(model.error()));
    return json_response(to_json(*model), 201);
  }
  EIDETIC_ANSWER_TRY(const auto text, read_text(request.body_file.path(), api.config.limits.json_body_bytes));
  EIDETIC_ANSWER_TRY(const Json body, parse_json_object(text, "the body"));
  EIDETIC_ANSWER_TRY(auto reader, JsonReader::of(body, "the body"));
  EIDETIC_ANSWER_TRY(const auto bundle, reader.get<Json>("bundle"));
  EIDETIC_ANSWER_TRY(const auto url, reader.get<std::string>("url"));
  EIDETIC_ANSWER_CHECK(reader.finish());
  if (!is_web_url(url))
    return std::unexpected(Problem(400, "invalid_argument", "url: an http or https URL is expected"));
  const auto model = api.engine.install_model(name, dump_json(bundle), url);
  if (!model && model.error().code == ErrorCode::already_exists) return std::unexpected(Problem(model.error()));
  if (!model) return std::unexpected(picture_problem(model.error()));
  return json_response(to_json(*model), 201);
}

Answer pull(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const Json body, json_body(request, true));
  EIDETIC_ANSWER_TRY(auto reader, JsonReader::of(body, "the body"));
  EIDETIC_ANSWER_TRY(const auto mirror, reader.get_or<std::string>("mirror", ""));
  EIDETIC_ANSWER_CHECK(reader.finish());
  if (!mirror.empty() && !is_web_url(mirror) && !mirror.starts_with("s3://")) {
    return std::unexpected(Problem(400, "invalid_argument", "mirror: an http, https or s3 URL is expected"));
  }
  EIDETIC_ANSWER_TRY(const JobInfo job, api.engine.start_pull(request.captures[0], mirror));
  return job_response(job);
}

Answer embed(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  const std::string& model = request.captures[0];
  EIDETIC_ANSWER_CHECK(check_name(model));
  EIDETIC_ANSWER_TRY(const NewItem picture, read_picture(request));
  Result<Vector> vector;
  if (picture.uri.empty()) {
    vector = api.engine.embed(picture.bytes, model);
  } else {
    EIDETIC_ANSWER_TRY(auto vectors, api.engine.embed(std::span(&picture.uri, 1), model));
    vector = std::move(vectors.front());
  }
  if (!vector) {
    if (vector.error().code == ErrorCode::not_found) EIDETIC_ANSWER_CHECK(api.engine.model(model));
    return std::unexpected(picture_problem(vector.error()));
  }
  return json_response({{"model", model}, {"dimensions", vector->size()}, {"vector", *vector}});
}

constexpr Route kRoutes[] = {
    {"GET", "/v1/models", Role::read, LaneKind::search, BodyKind::none, list},
    {"GET", "/v1/models/{model}", Role::read, LaneKind::search, BodyKind::none, show},
    {"PUT", "/v1/models/{model}", Role::admin, LaneKind::slow, BodyKind::file, put},
    {"GET", "/v1/models/{model}/layers", Role::read, LaneKind::slow, BodyKind::none, layers},
    {"POST", "/v1/models/{model}/check", Role::admin, LaneKind::slow, BodyKind::none, check},
    {"POST", "/v1/models/{model}/pull", Role::admin, LaneKind::write, BodyKind::json, pull},
    {"POST", "/v1/models/{model}/embed", Role::read, LaneKind::search, BodyKind::picture, embed},
};

}  // namespace

std::span<const Route> model_routes() { return kRoutes; }

}  // namespace eidetic
