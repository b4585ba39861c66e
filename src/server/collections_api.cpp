// /v1/collections and what is done with a collection as a whole.
#include <fmt/format.h>

#include <limits>

#include "server/api.h"
#include "server/parameters.h"
#include "server/wire.h"

namespace eidetic {
namespace {

Answer list(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const auto collections, api.engine.collections());
  Json list = Json::array();
  for (const auto& info : collections) {
    EIDETIC_ANSWER_TRY(list.emplace_back(), describe_collection(api, info));
  }
  return json_response({{"collections", std::move(list)}});
}

Answer show(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const auto info, api.engine.describe(request.captures[0]));
  EIDETIC_ANSWER_TRY(const Json json, describe_collection(api, info));
  return json_response(json);
}

std::vector<std::filesystem::path> paths_of(const std::vector<std::string>& names) {
  return {names.begin(), names.end()};
}

// Clients name models, not files of the server.
Result<void> check_model_name(const std::string& model) {
  if (model.find('/') == std::string::npos && model != "." && model != "..") return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("model: '{}' is no name of a model; GET /v1/models lists those that are there", model));
}

struct Wanted {
  CreateOptions create;
  std::optional<std::vector<std::string>> watch;
};

Result<Wanted> wanted(const Json& json) {
  EIDETIC_TRY(auto reader, JsonReader::of(json, "the body"));
  Wanted wanted;
  EIDETIC_TRY(wanted.create.model, reader.get_or<std::string>("model", "default"));
  EIDETIC_CHECK(check_model_name(wanted.create.model));
  if (reader.has("dimensions")) {
    EIDETIC_TRY(const auto dimensions, reader.get<std::int64_t>("dimensions"));
    if (dimensions < 1 || dimensions > std::numeric_limits<std::int32_t>::max() || reader.has("model")) {
      return fail(ErrorCode::invalid_argument,
                  "dimensions: a whole number above 0 is expected, and no model beside it");
    }
    wanted.create.dimensions = static_cast<std::uint32_t>(dimensions);
  }
  EIDETIC_TRY(wanted.create.index, reader.get_or<std::string>("index", "auto"));
  EIDETIC_TRY(const auto metric, reader.get_or<std::string>("metric", "cosine"));
  EIDETIC_TRY(wanted.create.metric, parse_metric(metric));
  EIDETIC_TRY(wanted.create.regions, reader.get_or<std::string>("regions", "none"));
  EIDETIC_TRY(wanted.create.description, reader.get_or<std::string>("description", ""));
  EIDETIC_TRY(wanted.create.source, reader.get_or<std::string>("source", ""));
  EIDETIC_TRY(wanted.create.backend, reader.get_or<std::string>("backend", ""));
  if (reader.has("watch")) {
    EIDETIC_TRY(wanted.watch, reader.get<std::vector<std::string>>("watch"));
  } else {
    (void)reader.get_or<bool>("watch", false);  // null is as good as nothing
  }
  EIDETIC_CHECK(reader.finish());
  return wanted;
}

// Why a collection that is there is not the one that is asked for; empty: it is.
Result<std::string> difference(Engine& engine, const CollectionInfo& info, const CreateOptions& asked) {
  const Space& space = info.spec.space;
  if (info.spec.index != asked.index) {
    EIDETIC_TRY(const std::string index,
                asked.index == "auto" ? Result<std::string>("auto") : check_factory(asked.index, space.dimensions));
    if (index != info.spec.index) return fmt::format("has the index '{}', not '{}'", info.spec.index, asked.index);
  }
  if (space.metric != asked.metric) {
    return fmt::format("has the metric {}, not {}", to_string(space.metric), to_string(asked.metric));
  }
  if (const std::string regions = info.regions.empty() ? "none" : info.regions; regions != asked.regions) {
    return fmt::format("has the regions '{}', not '{}'", regions, asked.regions);
  }
  if (asked.dimensions > 0) {
    return space.model.empty() && space.dimensions == asked.dimensions ? "" : "is one of " + space.describe();
  }
  if (space.model == asked.model) return "";
  EIDETIC_TRY(const auto model, engine.embedder(asked.model, asked.metric));
  return model->space().matches(space) ? "" : fmt::format("is of the model {}, not {}", space.describe(), asked.model);
}

Answer put(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  const std::string& name = request.captures[0];
  EIDETIC_ANSWER_TRY(const Json body, json_body(request, true));
  EIDETIC_ANSWER_TRY(const Wanted asked, wanted(body));
  auto info = api.engine.create(name, asked.create);
  const bool created = info.has_value();
  if (!created) {
    if (info.error().code != ErrorCode::already_exists) {
      // A model that is not there is a wrong body, not an unknown collection.
      if (info.error().code == ErrorCode::not_found)
        return std::unexpected(Problem(422, "not_found", info.error().message));
      return std::unexpected(Problem(info.error()));
    }
    EIDETIC_ANSWER_TRY(info, api.engine.describe(name));
    EIDETIC_ANSWER_TRY(const std::string why, difference(api.engine, *info, asked.create));
    if (!why.empty()) {
      return std::unexpected(Problem(409, "already_exists",
                                     fmt::format("collection '{}' {}; choose another name, or "
                                                 "DELETE it first",
                                                 name, why)));
    }
  }
  if (asked.watch) EIDETIC_ANSWER_CHECK(api.engine.watch(name, paths_of(*asked.watch)));
  EIDETIC_ANSWER_TRY(const Json json, describe_collection(api, *info));
  return json_response(json, created ? 201 : 200);
}

Result<SearchDepth> depth_of(const Json& json) {
  EIDETIC_TRY(auto reader, JsonReader::of(json, "search"));
  SearchDepth depth;
  const auto read = [&reader](const char* field, std::uint32_t most) -> Result<std::uint32_t> {
    EIDETIC_TRY(const auto value, reader.get_or<std::int64_t>(field, 0));
    if (value >= 0 && value <= most) return static_cast<std::uint32_t>(value);
    return fail(ErrorCode::invalid_argument,
                fmt::format("search.{}: a whole number up to {} is expected", field, most));
  };
  EIDETIC_TRY(depth.ef, read("ef", kMaxEf));
  EIDETIC_TRY(depth.nprobe, read("nprobe", kMaxNprobe));
  EIDETIC_TRY(depth.rescore, read("rescore", kMaxEf));
  EIDETIC_CHECK(reader.finish());
  return depth;
}

Result<CollectionChange> change_of(JsonReader& reader) {
  CollectionChange change;
  if (reader.has("index")) {
    EIDETIC_TRY(change.index, reader.get<std::string>("index"));
  }
  EIDETIC_TRY(change.rebuild, reader.get_or("rebuild", false));
  for (const auto& [field, text] : {std::pair("description", &change.description), {"source", &change.source}}) {
    if (!reader.has(field)) continue;
    EIDETIC_TRY(*text, reader.get<std::string>(field));
  }
  if (reader.has("search")) {
    EIDETIC_TRY(const Json search, reader.get<Json>("search"));
    EIDETIC_TRY(change.search, depth_of(search));
  }
  return change;
}

Answer patch(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const Json body, json_body(request));
  EIDETIC_ANSWER_TRY(auto reader, JsonReader::of(body, "the body"));
  EIDETIC_ANSWER_TRY(const auto change, change_of(reader));
  std::optional<std::vector<std::string>> folders;
  if (reader.has("watch")) {
    EIDETIC_ANSWER_TRY(folders, reader.get<std::vector<std::string>>("watch"));
  }
  EIDETIC_ANSWER_CHECK(reader.finish());
  if (body.empty()) {
    return std::unexpected(Problem(400, "invalid_argument",
                                   "the body: index, rebuild, search, watch, description "
                                   "or source is expected"));
  }
  EIDETIC_ANSWER_CHECK(api.engine.describe(request.captures[0]));
  if (folders) {
    if (auto watched = api.engine.watch(request.captures[0], paths_of(*folders)); !watched) {
      return std::unexpected(picture_problem(watched.error()));
    }
  }
  EIDETIC_ANSWER_TRY(const auto info, api.engine.change(request.captures[0], change));
  EIDETIC_ANSWER_TRY(const Json json, describe_collection(api, info));
  return json_response(json);
}

Answer drop(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_CHECK(api.engine.drop(request.captures[0]));
  return empty_response();
}

Answer export_file(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  const std::string& name = request.captures[0];
  HttpResponse response;
  response.content_type = "application/octet-stream";
  response.headers.emplace_back("Content-Disposition", fmt::format("attachment; filename=\"{}.eidetic\"", name));
  EIDETIC_ANSWER_CHECK(api.engine.describe(name));
  response.file = new_file(api, "export");
  EIDETIC_ANSWER_CHECK(api.engine.export_collection(name, response.file.path()));
  return response;
}

Answer import_file(Api& api, HttpRequest& request) {
  Parameters parameters(request.uri.query);
  const auto name = parameters.text("name");
  EIDETIC_ANSWER_CHECK(parameters.finish());
  if (media_type(request.content_type) != "application/octet-stream") {
    return wrong_media_type(request, "application/octet-stream");
  }
  if (!request.body_file) return std::unexpected(Problem(400, "invalid_argument", "the body is empty"));
  const auto info = api.engine.import_collection(request.body_file.path(), name);
  if (!info) {
    const Error& error = info.error();
    // What is wrong with the file is told without its name here.
    if (error.code == ErrorCode::corrupt) {
      return std::unexpected(Problem(422, "corrupt", "the body is no exported collection, or a damaged one"));
    }
    if (error.code == ErrorCode::unsupported) {
      return std::unexpected(Problem(422, "unsupported",
                                     "the body was exported by a newer Eidetic, or is a FAISS index, which "
                                     "'eidetic collections import FILE --server URL' makes a collection of"));
    }
    return std::unexpected(Problem(error));
  }
  EIDETIC_ANSWER_TRY(const Json json, describe_collection(api, *info));
  return json_response(json, 201);
}

Answer merge(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const Json body, json_body(request));
  EIDETIC_ANSWER_TRY(auto reader, JsonReader::of(body, "the body"));
  EIDETIC_ANSWER_TRY(const auto from, reader.get<std::string>("from"));
  EIDETIC_ANSWER_TRY(const auto replace, reader.get_or("replace", false));
  EIDETIC_ANSWER_CHECK(reader.finish());
  EIDETIC_ANSWER_CHECK(api.engine.describe(request.captures[0]));
  const auto report = api.engine.merge(request.captures[0], from, replace);
  if (!report) return std::unexpected(picture_problem(report.error()));
  return json_response(to_json(*report, request.captures[0]));
}

Answer evaluate(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const Json body, json_body(request));
  EIDETIC_ANSWER_TRY(auto reader, JsonReader::of(body, "the body"));
  EIDETIC_ANSWER_TRY(const auto label, reader.get<std::string>("label"));
  EIDETIC_ANSWER_TRY(const auto asked, reader.get_or<std::vector<double>>("recall_at", {1, 5, 10}));
  EIDETIC_ANSWER_CHECK(reader.finish());
  if (label.empty()) return std::unexpected(Problem(400, "invalid_argument", "label: a metadata field is expected"));
  std::vector<std::uint32_t> recall_at;
  for (const double k : asked) {
    if (!(k >= 1 && k <= kMaxK) || k != static_cast<double>(static_cast<std::uint32_t>(k)) || asked.size() > 100) {
      return std::unexpected(
          Problem(400, "invalid_argument",
                  fmt::format("recall_at: at most 100 whole numbers from 1 to {} are expected", kMaxK)));
    }
    recall_at.push_back(static_cast<std::uint32_t>(k));
  }
  EIDETIC_ANSWER_CHECK(api.engine.describe(request.captures[0]));
  const auto report = api.engine.evaluate(request.captures[0], label, recall_at);
  if (!report) return std::unexpected(picture_problem(report.error()));
  return json_response(to_json(*report, request.captures[0]));
}

Answer duplicates(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const Json body, json_body(request));
  EIDETIC_ANSWER_TRY(auto reader, JsonReader::of(body, "the body"));
  DuplicatesRequest asked;
  EIDETIC_ANSWER_TRY(asked.min_copy_score, reader.get_or("min_copy_score", asked.min_copy_score));
  EIDETIC_ANSWER_TRY(const auto verify, reader.get_or<std::string>("verify", "unsure"));
  EIDETIC_ANSWER_TRY(asked.verify, parse_verify(verify));
  EIDETIC_ANSWER_TRY(asked.filter, reader.get_or<std::string>("filter", ""));
  EIDETIC_ANSWER_TRY(const auto neighbors, reader.get_or<std::int64_t>("neighbors", asked.neighbors));
  EIDETIC_ANSWER_TRY(const auto limit, reader.get_or<std::int64_t>("limit", asked.limit));
  EIDETIC_ANSWER_CHECK(reader.finish());
  // Out of the engine's bounds as they are; it says so.
  asked.neighbors = static_cast<std::uint32_t>(std::clamp<std::int64_t>(neighbors, 0, UINT32_MAX));
  asked.limit = static_cast<std::uint32_t>(std::clamp<std::int64_t>(limit, 0, UINT32_MAX));
  EIDETIC_ANSWER_TRY(const auto report, api.engine.duplicates(request.captures[0], asked));
  return json_response(to_json(report));
}

Answer regions(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const Json body, json_body(request));
  EIDETIC_ANSWER_TRY(auto reader, JsonReader::of(body, "the body"));
  EIDETIC_ANSWER_TRY(const auto plan, reader.get<std::string>("plan"));
  EIDETIC_ANSWER_CHECK(reader.finish());
  EIDETIC_ANSWER_TRY(const auto job, api.engine.start_regions(request.captures[0], plan));
  return job_response(job);
}

Result<MigrateRequest> migrate_request(const Json& json) {
  EIDETIC_TRY(auto reader, JsonReader::of(json, "the body"));
  MigrateRequest asked;
  EIDETIC_TRY(const auto step, reader.get_or<std::string>("step", "migrate"));
  EIDETIC_TRY(asked.step, parse_migrate_step(step));
  EIDETIC_TRY(asked.model, reader.get_or<std::string>("model", ""));
  EIDETIC_CHECK(check_model_name(asked.model));
  EIDETIC_TRY(asked.drop_failed, reader.get_or("drop_failed", false));
  EIDETIC_TRY(const auto grace, reader.get_or("grace_s", static_cast<std::int64_t>(asked.grace_s)));
  if (grace < 0) return fail(ErrorCode::invalid_argument, "grace_s: a whole number of seconds from 0 is expected");
  asked.grace_s = static_cast<std::uint64_t>(grace);
  EIDETIC_CHECK(reader.finish());
  return asked;
}

Answer migrate(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const Json body, json_body(request));
  EIDETIC_ANSWER_TRY(const auto asked, migrate_request(body));
  EIDETIC_ANSWER_CHECK(api.engine.describe(request.captures[0]));
  const auto job = api.engine.start_migrate(request.captures[0], asked);
  // A model that is not there is a wrong body, not an unknown collection.
  if (!job && job.error().code == ErrorCode::not_found) {
    return std::unexpected(Problem(422, "not_found", job.error().message));
  }
  EIDETIC_ANSWER_CHECK(job);
  return job_response(*job);
}

Result<CopyRequest> copy_request(const Json& json) {
  EIDETIC_TRY(auto reader, JsonReader::of(json, "the body"));
  CopyRequest asked;
  EIDETIC_TRY(asked.to, reader.get<std::string>("to"));
  EIDETIC_TRY(asked.name, reader.get_or<std::string>("as", ""));
  EIDETIC_TRY(asked.index, reader.get_or<std::string>("index", ""));
  EIDETIC_TRY(const auto searches, reader.get_or<std::int64_t>("searches", asked.searches));
  // Out of the engine's bounds as it is; it says so.
  asked.searches = static_cast<std::uint32_t>(std::clamp<std::int64_t>(searches, 0, UINT32_MAX));
  EIDETIC_TRY(asked.min_agreement, reader.get_or<double>("min_agreement", asked.min_agreement));
  EIDETIC_CHECK(reader.finish());
  return asked;
}

Answer copy(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const Json body, json_body(request));
  EIDETIC_ANSWER_TRY(const auto asked, copy_request(body));
  EIDETIC_ANSWER_TRY(const auto job, api.engine.start_copy(request.captures[0], asked));
  return job_response(job);
}

Answer compare_models(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const Json body, json_body(request));
  EIDETIC_ANSWER_TRY(auto reader, JsonReader::of(body, "the body"));
  CompareRequest asked;
  EIDETIC_ANSWER_TRY(const auto sample, reader.get_or<std::int64_t>("sample", asked.sample));
  EIDETIC_ANSWER_TRY(const auto seed, reader.get_or<std::int64_t>("seed", 1));
  EIDETIC_ANSWER_TRY(asked.label, reader.get_or<std::string>("label", ""));
  EIDETIC_ANSWER_CHECK(reader.finish());
  // Out of the engine's bounds as it is; it says so.
  asked.sample = static_cast<std::uint32_t>(std::clamp<std::int64_t>(sample, 0, UINT32_MAX));
  asked.seed = static_cast<std::uint64_t>(seed);
  EIDETIC_ANSWER_TRY(const auto comparison, api.engine.compare_models(request.captures[0], asked));
  return json_response(to_json(comparison));
}

template <auto Verb>
Answer end_migration(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const auto info, (api.engine.*Verb)(request.captures[0]));
  EIDETIC_ANSWER_TRY(const Json json, describe_collection(api, info));
  return json_response(json);
}

constexpr Route kRoutes[] = {
    {"GET", "/v1/collections", Role::read, LaneKind::search, BodyKind::none, list},
    {"GET", "/v1/collections/{collection}", Role::read, LaneKind::search, BodyKind::none, show},
    {"PUT", "/v1/collections/{collection}", Role::admin, LaneKind::slow, BodyKind::json, put},
    {"PATCH", "/v1/collections/{collection}", Role::admin, LaneKind::slow, BodyKind::json, patch},
    {"DELETE", "/v1/collections/{collection}", Role::admin, LaneKind::slow, BodyKind::none, drop},
    {"GET", "/v1/collections/{collection}/export", Role::admin, LaneKind::slow, BodyKind::none, export_file},
    {"POST", "/v1/import", Role::admin, LaneKind::slow, BodyKind::file, import_file},
    {"POST", "/v1/collections/{collection}/merge", Role::write, LaneKind::slow, BodyKind::json, merge},
    {"POST", "/v1/collections/{collection}/evaluate", Role::read, LaneKind::slow, BodyKind::json, evaluate},
    {"POST", "/v1/collections/{collection}/regions", Role::write, LaneKind::slow, BodyKind::json, regions},
    {"POST", "/v1/collections/{collection}/copy", Role::admin, LaneKind::slow, BodyKind::json, copy},
    {"POST", "/v1/collections/{collection}/migrate", Role::admin, LaneKind::slow, BodyKind::json, migrate},
    {"POST", "/v1/collections/{collection}/migrate/compare", Role::read, LaneKind::slow, BodyKind::json,
     compare_models},
    {"POST", "/v1/collections/{collection}/migrate/cancel", Role::admin, LaneKind::slow, BodyKind::none,
     end_migration<&Engine::cancel_migration>},
    {"POST", "/v1/collections/{collection}/migrate/finish", Role::admin, LaneKind::slow, BodyKind::none,
     end_migration<&Engine::finish_migration>},
    {"POST", "/v1/collections/{collection}/duplicates", Role::read, LaneKind::slow, BodyKind::json, duplicates},
};

}  // namespace

std::span<const Route> collection_routes() { return kRoutes; }

}  // namespace eidetic
