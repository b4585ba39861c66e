// What a collection learns of itself: classifiers and a calibration.
#include <fmt/format.h>

#include "server/api.h"
#include "server/json_in.h"
#include "server/wire.h"

namespace eidetic {
namespace {

Result<void> check_whole(std::string_view name, std::int64_t value) {
  if (value >= 0 && value <= UINT32_MAX) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("{}: a whole number from 0 to {} is expected", name, UINT32_MAX));
}

Result<ClassifierRequest> read_classifier(const Json& body) {
  EIDETIC_TRY(auto reader, JsonReader::of(body, "the body"));
  ClassifierRequest asked;
  EIDETIC_TRY(const auto kind, reader.get<std::string>("kind"));
  EIDETIC_TRY(asked.kind, parse_classifier_kind(kind));
  EIDETIC_TRY(asked.name, reader.get_or("name", asked.name));
  EIDETIC_TRY(asked.label, reader.get_or("label", asked.label));
  EIDETIC_TRY(const auto hidden, reader.get_or<std::int64_t>("hidden", asked.hidden));
  EIDETIC_TRY(const auto clusters, reader.get_or<std::int64_t>("clusters", asked.clusters));
  EIDETIC_TRY(asked.classes, reader.get_or("classes", asked.classes));
  EIDETIC_TRY(asked.csv, reader.get_or("csv", asked.csv));
  EIDETIC_TRY(asked.min_confidence, reader.get_or("min_confidence", asked.min_confidence));
  EIDETIC_TRY(const auto seed, reader.get_or<std::int64_t>("seed", static_cast<std::int64_t>(asked.seed)));
  EIDETIC_CHECK(reader.finish());
  for (const auto& [name, value] : {std::pair("hidden", hidden), {"clusters", clusters}, {"seed", seed}}) {
    EIDETIC_CHECK(check_whole(name, value));
  }
  asked.hidden = static_cast<std::uint32_t>(hidden);
  asked.clusters = static_cast<std::uint32_t>(clusters);
  asked.seed = static_cast<std::uint64_t>(seed);
  return asked;
}

Answer train(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const Json body, json_body(request));
  EIDETIC_ANSWER_TRY(const auto asked, read_classifier(body));
  EIDETIC_ANSWER_CHECK(api.engine.describe(request.captures[0]));
  const auto info = api.engine.train_classifier(request.captures[0], asked);
  if (!info) return std::unexpected(picture_problem(info.error()));  // not found is a field
  return json_response(to_json(*info));
}

Answer list(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const auto all, api.engine.classifiers(request.captures[0]));
  Json classifiers = Json::array();
  for (const auto& info : all) classifiers.push_back(to_json(info));
  return json_response({{"collection", request.captures[0]}, {"classifiers", std::move(classifiers)}});
}

Answer drop(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_CHECK(api.engine.drop_classifier(request.captures[0], request.captures[1]));
  return empty_response();
}

Answer calibrate(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const Json body, json_body(request));
  EIDETIC_ANSWER_TRY(auto reader, JsonReader::of(body, "the body"));
  CalibrationRequest asked;
  EIDETIC_ANSWER_TRY(asked.label, reader.get_or("label", asked.label));
  EIDETIC_ANSWER_TRY(const auto seed, reader.get_or<std::int64_t>("seed", static_cast<std::int64_t>(asked.seed)));
  EIDETIC_ANSWER_CHECK(reader.finish());
  EIDETIC_ANSWER_CHECK(check_whole("seed", seed));
  asked.seed = static_cast<std::uint64_t>(seed);
  EIDETIC_ANSWER_CHECK(api.engine.describe(request.captures[0]));
  const auto info = api.engine.calibrate(request.captures[0], asked);
  if (!info) return std::unexpected(picture_problem(info.error()));  // not found is a field
  return json_response(to_json(*info, request.captures[0]));
}

Answer calibration(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const auto info, api.engine.calibration(request.captures[0]));
  return json_response(to_json(info, request.captures[0]));
}

constexpr Route kRoutes[] = {
    {"GET", "/v1/collections/{collection}/classifiers", Role::read, LaneKind::search, BodyKind::none, list},
    {"POST", "/v1/collections/{collection}/classifiers", Role::write, LaneKind::slow, BodyKind::json, train},
    {"DELETE", "/v1/collections/{collection}/classifiers/{classifier}", Role::write, LaneKind::slow, BodyKind::none,
     drop},
    {"GET", "/v1/collections/{collection}/calibration", Role::read, LaneKind::search, BodyKind::none, calibration},
    {"POST", "/v1/collections/{collection}/calibration", Role::write, LaneKind::slow, BodyKind::json, calibrate},
};

}  // namespace

std::span<const Route> learning_routes() { return kRoutes; }

}  // namespace eidetic
