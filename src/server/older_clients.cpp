// The routes of two older systems, for clients that speak to them still: a Rust server's (/upsert_collection and those
// beside it) and a FastAPI one's (/api/…). Same engine, same rules; what was broken there is not copied.
#include <fmt/format.h>

#include <cmath>

#include "base/hash.h"
#include "base/text.h"
#include "server/api.h"
#include "server/json_in.h"
#include "server/older_models.h"
#include "server/parameters.h"
#include "server/pictures_in.h"

namespace eidetic {
namespace {

HttpResponse ok() { return text_response("ok", "text/plain; charset=utf-8"); }

// These clients know one status for whatever is wrong with a body.
std::expected<Json, Problem> older_body(const HttpRequest& request) {
  auto json = json_body(request);
  if (!json && json.error().status == 415) json.error().status = 400;
  return json;
}

std::expected<void, Problem> check_type(const HttpRequest& request) {
  if (media_type(request.content_type) == "application/json") return {};
  auto problem = wrong_media_type(request, "application/json").error();
  problem.status = 400;
  return std::unexpected(std::move(problem));
}

// The model that a configuration names or describes, made where it is only described.
std::expected<std::string, Problem> model_of(Api& api, const Json& config) {
  EIDETIC_ANSWER_TRY(auto reader, JsonReader::of(config, "config"));
  if (reader.has("ModelArchitecture") == reader.has("ModelConfig")) {
    return std::unexpected(Problem(400, "invalid_argument",
                                   "config: exactly one of ModelArchitecture and ModelConfig is "
                                   "expected"));
  }
  if (reader.has("ModelArchitecture")) {
    EIDETIC_ANSWER_TRY(const auto name, reader.get<std::string>("ModelArchitecture"));
    EIDETIC_ANSWER_CHECK(reader.finish());
    return find_architecture(api.engine, name);
  }
  EIDETIC_ANSWER_TRY(const auto described, reader.get<Json>("ModelConfig"));
  EIDETIC_ANSWER_CHECK(reader.finish());
  EIDETIC_ANSWER_TRY(const OlderModel model, older_model(described));
  const auto installed = api.engine.install_model(model.name, model.bundle, model.url);
  if (installed) return installed->name;
  if (installed.error().code == ErrorCode::already_exists) return std::unexpected(Problem(installed.error()));
  return std::unexpected(picture_problem(installed.error()));
}

Answer upsert_collection(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const Json body, older_body(request));
  EIDETIC_ANSWER_TRY(auto reader, JsonReader::of(body, "the body"));
  EIDETIC_ANSWER_TRY(const auto name, reader.get<std::string>("name"));
  EIDETIC_ANSWER_TRY(const auto config, reader.get<Json>("config"));
  EIDETIC_ANSWER_TRY(const std::string model, model_of(api, config));
  const auto created = api.engine.create(name, {.model = model, .metric = Metric::euclidean});
  if (created) return ok();
  if (created.error().code != ErrorCode::already_exists) return std::unexpected(Problem(created.error()));
  EIDETIC_ANSWER_TRY(const auto info, api.engine.describe(name));
  EIDETIC_ANSWER_TRY(const auto embedder, api.engine.embedder(model, Metric::euclidean));
  if (embedder->space().matches(info.spec.space)) return ok();
  return std::unexpected(Problem(409, "already_exists",
                                 fmt::format("collection '{}' is of {}, not of {}; remove it first", name,
                                             info.spec.space.describe(), embedder->space().describe())));
}

Answer remove_collection(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const Json body, older_body(request));
  EIDETIC_ANSWER_TRY(auto reader, JsonReader::of(body, "the body"));
  EIDETIC_ANSWER_TRY(const auto name, reader.get<std::string>("name"));
  EIDETIC_ANSWER_CHECK(api.engine.drop(name));
  return ok();
}

Answer add_image(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_CHECK(check_type(request));
  EIDETIC_ANSWER_TRY(auto asked, parse_older_request(request.body, true, false));
  EIDETIC_ANSWER_CHECK(api.engine.describe(asked.collection));
  asked.picture.id = asked.id;
  EIDETIC_ANSWER_TRY(const JobInfo job, api.engine.start_put(asked.collection, std::span(&asked.picture, 1)));
  HttpResponse response = ok();
  response.headers.emplace_back("X-Job-Id", job.id);
  return response;
}

Answer remove_image(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const Json body, older_body(request));
  EIDETIC_ANSWER_TRY(auto reader, JsonReader::of(body, "the body"));
  EIDETIC_ANSWER_TRY(const auto collection, reader.get<std::string>("collection_name"));
  const auto number = reader.get<std::int64_t>("id");
  const auto text = reader.get<std::string>("id");
  if (!number && !text) return std::unexpected(Problem(text.error()));
  const std::string id = number ? std::to_string(*number) : *text;
  EIDETIC_ANSWER_TRY(const std::uint64_t erased, api.engine.erase(collection, std::span(&id, 1)));
  if (erased > 0) return ok();
  return std::unexpected(Problem(404, "not_found", fmt::format("collection '{}' has no item '{}'", collection, id)));
}

Term term_of(NewItem picture) {
  Term term;
  term.kind = picture.uri.empty() ? Term::Kind::bytes : Term::Kind::picture;
  term.value = std::move(picture.uri);
  term.bytes = std::move(picture.bytes);
  return term;
}

Answer search_image(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_CHECK(check_type(request));
  EIDETIC_ANSWER_TRY(auto asked, parse_older_request(request.body, false, true));
  Query query;
  query.k = asked.results;
  query.terms.push_back(term_of(std::move(asked.picture)));
  const auto result = api.engine.search(asked.collection, query);
  if (!result) return std::unexpected(search_problem(api, asked.collection, result.error()));
  Json hits = Json::array();
  for (const Hit& hit : result->hits) {
    hits.push_back({{"id", hit.id}, {"similarity", hit.similarity}, {"distance", hit.distance}});
  }
  return json_response({{"collection_name", asked.collection}, {"results", std::move(hits)}});
}

Answer ping(Api&, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  return json_response({{"msg", "pong"}});
}

// The payload that these clients read: class_, file and label, with whatever else the item knows.
Json payload_of(const Hit& hit) {
  auto metadata = parse_json_object(hit.metadata, "the metadata");
  Json payload = metadata ? *std::move(metadata) : Json::object();
  if (payload.contains("class") && !payload.contains("class_")) payload["class_"] = payload["class"];
  for (const auto* field : {"class_", "label"}) {
    if (!payload.contains(field)) payload[field] = "";
  }
  if (!payload.contains("file")) payload["file"] = hit.id;
  return payload;
}

Answer search_form(Api& api, HttpRequest& request) {
  const std::string& collection = request.captures[0];
  if (media_type(request.content_type) != "multipart/form-data")
    return wrong_media_type(request, "multipart/form-data");
  auto form = read_form(request);
  if (!form) return std::unexpected(Problem(422, "invalid_argument", form.error().message));
  Parameters parameters(form->fields);
  EIDETIC_ANSWER_TRY(const auto limit, parameters.integer("limit", 1, kMaxK));
  EIDETIC_ANSWER_CHECK(parameters.finish());
  if (!api.engine.describe(collection)) {
    return std::unexpected(Problem(422, "not_found", fmt::format("no collection '{}'", collection)));
  }
  Query query;
  query.k = static_cast<std::uint32_t>(limit.value_or(20));
  NewItem picture;
  picture.bytes = std::move(form->files.front().bytes);
  query.terms.push_back(term_of(std::move(picture)));
  const auto result = api.engine.search(collection, query);
  if (!result) return std::unexpected(search_problem(api, collection, result.error()));
  Json hits = Json::array();
  for (const Hit& hit : result->hits) {
    hits.push_back({{"id", hit.id}, {"version", 0}, {"score", hit.similarity}, {"payload", payload_of(hit)}});
  }
  return json_response(hits);
}

constexpr Route kRoutes[] = {
    {"POST", "/upsert_collection", Role::admin, LaneKind::slow, BodyKind::json, upsert_collection},
    {"POST", "/remove_collection", Role::admin, LaneKind::slow, BodyKind::json, remove_collection},
    {"POST", "/add_image", Role::write, LaneKind::write, BodyKind::json, add_image},
    {"POST", "/remove_image", Role::write, LaneKind::write, BodyKind::json, remove_image},
    {"POST", "/search_image", Role::read, LaneKind::search, BodyKind::json, search_image},
    {"GET", "/api/ping", Role::read, LaneKind::network, BodyKind::none, ping},
    {"POST", "/api/search/{collection}", Role::read, LaneKind::search, BodyKind::picture, search_form},
};

}  // namespace

Answer older_home(HttpRequest& request) {
  if (request.caller.role == Role::none) return std::unexpected(unauthorized(request));
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  return text_response(
      fmt::format("Eidetic {} runs with {} workers\n", EIDETIC_VERSION, std::thread::hardware_concurrency()),
      "text/plain; charset=utf-8");
}

std::span<const Route> older_routes() { return kRoutes; }

}  // namespace eidetic
