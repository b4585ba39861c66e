// Items of a collection: adding, listing, changing, removing, and their pictures.
#include <fmt/format.h>

#include <algorithm>

#include "server/api.h"
#include "server/json_in.h"
#include "server/parameters.h"
#include "server/pictures_in.h"
#include "server/wire.h"

namespace eidetic {
namespace {

constexpr std::uint32_t kDefaultPage = 100;
constexpr std::uint32_t kMaxPage = 10'000;

Answer list(Api& api, HttpRequest& request) {
  Parameters parameters(request.uri.query);
  ListRequest asked;
  asked.cursor = parameters.text("cursor").value_or("");
  asked.filter = parameters.text("filter").value_or("");
  asked.sort = parameters.text("sort").value_or("");
  EIDETIC_ANSWER_TRY(const auto limit, parameters.integer("limit", 1, kMaxPage));
  EIDETIC_ANSWER_TRY(const auto vectors, parameters.boolean("vectors"));
  EIDETIC_ANSWER_CHECK(parameters.finish());
  asked.limit = static_cast<std::uint32_t>(limit.value_or(kDefaultPage));
  asked.with_vectors = vectors.value_or(false);
  EIDETIC_ANSWER_TRY(const auto page, api.engine.list(request.captures[0], asked));
  Json items = Json::array();
  for (const Item& item : page.items) items.push_back(to_json(item));
  return json_response({{"items", std::move(items)}, {"next", page.next.empty() ? Json() : Json(page.next)}});
}

Answer facets(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const Json body, json_body(request));
  EIDETIC_ANSWER_TRY(auto reader, JsonReader::of(body, "the body"));
  FacetRequest asked;
  EIDETIC_ANSWER_TRY(asked.fields, reader.get<std::vector<std::string>>("fields"));
  EIDETIC_ANSWER_TRY(const auto filter, reader.get_or<std::string>("filter", ""));
  EIDETIC_ANSWER_TRY(const auto limit, reader.get_or<std::int64_t>("limit", asked.limit));
  EIDETIC_ANSWER_CHECK(reader.finish());
  EIDETIC_ANSWER_TRY(asked.filter, parse_filter(filter));
  asked.limit = static_cast<std::uint32_t>(std::clamp<std::int64_t>(limit, 0, UINT32_MAX));
  EIDETIC_ANSWER_TRY(const auto found, api.engine.facets(request.captures[0], asked));
  return json_response(to_json(found, request.captures[0]));
}

// The metadata that came beside a picture, checked to be an object.
Result<std::optional<std::string>> metadata_of(Parameters& parameters) {
  const auto text = parameters.text("metadata");
  if (!text) return std::nullopt;
  EIDETIC_TRY(const Json object, parse_json_object(*text, "metadata"));
  return dump_json(object);
}

// What an item is to have beside its picture: `metadata` and `exif`.
Result<void> read_facts(Parameters& parameters, NewItem& item) {
  EIDETIC_TRY(item.metadata, metadata_of(parameters));
  EIDETIC_TRY(item.exif, parse_exif_fields(parameters.text("exif").value_or("none")));
  return {};
}

// Several files of a form are told apart by their names; a single one by the parameter or its content.
Result<NewItems> items_of_form(std::vector<Form::File> files, Parameters& parameters) {
  NewItems result;
  result.single = files.size() == 1;
  const auto id = parameters.text("id");
  NewItem said;
  EIDETIC_CHECK(read_facts(parameters, said));
  if (id && !result.single) {
    return fail(ErrorCode::invalid_argument, "id: of several files, each one's own name is its id");
  }
  for (auto& file : files) {
    NewItem item;
    item.id = result.single ? id.value_or("") : file.name;
    item.bytes = std::move(file.bytes);
    item.metadata = said.metadata;
    item.exif = said.exif;
    result.items.push_back(std::move(item));
  }
  return result;
}

struct Adding {
  NewItems items;
  bool as_job = false;
  OnDuplicate on_duplicate = OnDuplicate::store;
};

Result<OnDuplicate> on_duplicate_of(Parameters& parameters) {
  return parse_on_duplicate(parameters.text("on_duplicate").value_or("store"));
}

std::expected<Adding, Problem> read_items(const HttpRequest& request) {
  const std::string type = media_type(request.content_type);
  Adding adding;
  Form form{.files = {}, .fields = request.uri.query};
  if (type == "multipart/form-data") {
    EIDETIC_ANSWER_TRY(form, read_form(request));
  }
  Parameters parameters(form.fields);
  EIDETIC_ANSWER_TRY(const auto as_job, parameters.boolean("job"));
  adding.as_job = as_job.value_or(false);
  EIDETIC_ANSWER_TRY(adding.on_duplicate, on_duplicate_of(parameters));
  if (type == "application/json") {
    EIDETIC_ANSWER_TRY(adding.items, parse_new_items(request.body));
  } else if (type == "application/x-ndjson") {
    EIDETIC_ANSWER_TRY(adding.items, parse_item_lines(request.body));
  } else if (type == "multipart/form-data") {
    EIDETIC_ANSWER_TRY(adding.items, items_of_form(std::move(form.files), parameters));
  } else if (is_raw_picture(type)) {
    if (request.body.empty()) return std::unexpected(Problem(400, "invalid_argument", "the body is empty"));
    NewItem item;
    item.id = parameters.text("id").value_or("");
    EIDETIC_ANSWER_CHECK(read_facts(parameters, item));
    item.bytes = to_bytes(request.body);
    adding.items.single = true;
    adding.items.items.emplace_back(std::move(item));
  } else {
    return wrong_media_type(request,
                            "image/*, application/octet-stream, application/json, application/x-ndjson and "
                            "multipart/form-data");
  }
  EIDETIC_ANSWER_CHECK(parameters.finish());
  return adding;
}

// Results in the order of the request; items that could not even be read stay where they were.
Result<std::vector<Result<PutResult>>> store(Engine& engine, std::string_view collection,
                                             std::vector<Result<NewItem>> items, OnDuplicate on_duplicate) {
  std::vector<NewItem> readable;
  for (auto& item : items) {
    if (item) readable.push_back(std::move(*item));
  }
  EIDETIC_TRY(auto stored, engine.put(collection, readable, on_duplicate));
  std::vector<Result<PutResult>> results;
  auto next = stored.begin();
  for (auto& item : items) {
    if (item) {
      results.push_back(std::move(*next++));
    } else {
      results.push_back(std::unexpected(item.error()));
    }
  }
  return results;
}

Answer add_as_job(Api& api, const std::string& collection, std::vector<Result<NewItem>> items,
                  OnDuplicate on_duplicate) {
  std::vector<NewItem> readable;
  for (auto& item : items) {
    EIDETIC_ANSWER_TRY(readable.emplace_back(), std::move(item));
  }
  EIDETIC_ANSWER_TRY(const JobInfo job, api.engine.start_put(collection, readable, on_duplicate));
  return job_response(job);
}

Answer add(Api& api, HttpRequest& request) {
  const std::string& collection = request.captures[0];
  EIDETIC_ANSWER_TRY(Adding adding, read_items(request));
  auto& items = adding.items.items;
  if (adding.items.single && !items.front()) return std::unexpected(Problem(items.front().error()));
  EIDETIC_ANSWER_CHECK(api.engine.describe(collection));
  if (adding.as_job) return add_as_job(api, collection, std::move(items), adding.on_duplicate);
  EIDETIC_ANSWER_TRY(const auto results, store(api.engine, collection, std::move(items), adding.on_duplicate));
  if (adding.items.single && !results.front()) return std::unexpected(picture_problem(results.front().error()));
  Json list = Json::array();
  std::size_t failed = 0;
  std::size_t skipped = 0;
  for (const auto& result : results) {
    list.push_back(to_json(result));
    if (!result) ++failed;
    if (result && result->outcome == PutOutcome::skipped) ++skipped;
  }
  Json answer = {{"results", std::move(list)}, {"stored", results.size() - failed - skipped}, {"failed", failed}};
  if (adding.on_duplicate == OnDuplicate::skip) answer["skipped"] = skipped;
  return json_response(answer);
}

struct Putting {
  NewItem item;
  OnDuplicate on_duplicate = OnDuplicate::store;
};

std::expected<Putting, Problem> read_item(const HttpRequest& request) {
  const std::string type = media_type(request.content_type);
  Putting putting;
  NewItem& item = putting.item;
  if (type == "application/json") {
    Parameters parameters(request.uri.query);
    EIDETIC_ANSWER_TRY(putting.on_duplicate, on_duplicate_of(parameters));
    EIDETIC_ANSWER_CHECK(parameters.finish());
    EIDETIC_ANSWER_TRY(auto items, parse_new_items(request.body));
    if (!items.single)
      return std::unexpected(Problem(400, "invalid_argument", "one item is expected here, not a list"));
    EIDETIC_ANSWER_TRY(item, std::move(items.items.front()));
    return putting;
  }
  Form form{.files = {}, .fields = request.uri.query};
  if (type == "multipart/form-data") {
    EIDETIC_ANSWER_TRY(form, read_form(request));
    if (form.files.size() > 1)
      return std::unexpected(Problem(400, "invalid_argument", "the form has more than one file"));
    item.bytes = std::move(form.files.front().bytes);
  } else {
    EIDETIC_ANSWER_TRY(item, read_picture(request));
  }
  Parameters parameters(form.fields);
  EIDETIC_ANSWER_CHECK(read_facts(parameters, item));
  EIDETIC_ANSWER_TRY(putting.on_duplicate, on_duplicate_of(parameters));
  EIDETIC_ANSWER_CHECK(parameters.finish());
  return putting;
}

Answer put(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_TRY(Putting putting, read_item(request));
  NewItem& item = putting.item;
  const std::string& id = request.captures[1];
  if (!item.id.empty() && item.id != id) {
    return std::unexpected(
        Problem(400, "invalid_argument", fmt::format("id: '{}' in the body is not '{}' in the path", item.id, id)));
  }
  item.id = id;
  EIDETIC_ANSWER_TRY(const auto results,
                     api.engine.put(request.captures[0], std::span(&item, 1), putting.on_duplicate));
  const auto& result = results.front();
  if (!result) return std::unexpected(picture_problem(result.error()));
  return json_response(to_json(result), result->outcome == PutOutcome::created ? 201 : 200);
}

Answer get(Api& api, HttpRequest& request) {
  Parameters parameters(request.uri.query);
  EIDETIC_ANSWER_TRY(const auto vectors, parameters.boolean("vectors"));
  EIDETIC_ANSWER_CHECK(parameters.finish());
  const auto& id = request.captures[1];
  EIDETIC_ANSWER_TRY(const auto items, api.engine.get(request.captures[0], std::span(&id, 1), vectors.value_or(false)));
  if (!items.front()) {
    return std::unexpected(
        Problem(404, "not_found", fmt::format("collection '{}' has no item '{}'", request.captures[0], id)));
  }
  return json_response(to_json(*items.front()));
}

Answer patch(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  const std::string type = media_type(request.content_type);
  if (type != "application/json" && type != "application/merge-patch+json") {
    return wrong_media_type(request, "application/merge-patch+json");
  }
  EIDETIC_ANSWER_CHECK(parse_json_object(request.body, "the body"));
  EIDETIC_ANSWER_TRY(const Item item, api.engine.patch(request.captures[0], request.captures[1], request.body));
  return json_response(to_json(item));
}

Answer erase(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  const auto& id = request.captures[1];
  EIDETIC_ANSWER_TRY(const std::uint64_t erased, api.engine.erase(request.captures[0], std::span(&id, 1)));
  if (erased == 0) {
    return std::unexpected(
        Problem(404, "not_found", fmt::format("collection '{}' has no item '{}'", request.captures[0], id)));
  }
  return empty_response();
}

Answer erase_many(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  const std::string& collection = request.captures[0];
  EIDETIC_ANSWER_TRY(const Json body, json_body(request));
  EIDETIC_ANSWER_TRY(auto reader, JsonReader::of(body, "the body"));
  const bool by_filter = reader.has("filter");
  if (by_filter == reader.has("ids")) {
    return std::unexpected(Problem(400, "invalid_argument", "the body: either ids or filter is expected"));
  }
  std::uint64_t deleted = 0;
  if (by_filter) {
    EIDETIC_ANSWER_TRY(const auto filter, reader.get<std::string>("filter"));
    EIDETIC_ANSWER_CHECK(reader.finish());
    EIDETIC_ANSWER_TRY(deleted, api.engine.erase_where(collection, filter));
  } else {
    EIDETIC_ANSWER_TRY(const auto ids, reader.get<std::vector<std::string>>("ids"));
    EIDETIC_ANSWER_CHECK(reader.finish());
    if (ids.empty() || ids.size() > kMaxNewItems) {
      return std::unexpected(Problem(400, "invalid_argument", fmt::format("ids: 1 to {} are expected", kMaxNewItems)));
    }
    EIDETIC_ANSWER_TRY(deleted, api.engine.erase(collection, ids));
  }
  return json_response({{"deleted", deleted}});
}

// Pictures are cached by clients; their content is their version.
HttpResponse picture_response(const HttpRequest& request, EncodedPicture picture, std::string_view variant) {
  HttpResponse response;
  const std::string tag = fmt::format("\"{}{}\"", picture.content_hash, variant);
  response.headers.emplace_back("ETag", tag);
  response.headers.emplace_back("Cache-Control", "private, max-age=60");
  // What is served may come from anywhere; it is a picture and nothing else.
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("Content-Security-Policy", "default-src 'none'; sandbox");
  if (!request.if_none_match.empty() && request.if_none_match.find(tag) != std::string::npos) {
    response.status = 304;
    return response;
  }
  response.content_type = picture.media_type;
  response.body.assign(reinterpret_cast<const char*>(picture.bytes.data()), picture.bytes.size());
  return response;
}

// The collection and the item are there; what is wrong is the picture.
Answer picture_or_problem(const HttpRequest& request, Result<EncodedPicture> picture, std::string_view variant) {
  if (picture) return picture_response(request, *std::move(picture), variant);
  const Error& error = picture.error();
  if (error.code == ErrorCode::not_found || error.code == ErrorCode::invalid_argument)
    return std::unexpected(Problem(error));
  return std::unexpected(picture_problem(error));
}

// For less than the URL holds.
Answer elsewhere(const std::string& url) {
  HttpResponse response = empty_response();
  response.status = 302;
  response.headers.emplace_back("Location", url);
  response.headers.emplace_back("Cache-Control", "private, max-age=60");
  return response;
}

Answer picture(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  if (api.config.s3.presign) {
    EIDETIC_ANSWER_TRY(const auto url, api.engine.picture_url(request.captures[0], request.captures[1]));
    if (!url.empty()) return elsewhere(url);
  }
  return picture_or_problem(request, api.engine.picture(request.captures[0], request.captures[1]), "");
}

Answer thumbnail(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_TRY(const auto size, read_size(request));
  return picture_or_problem(request, api.engine.thumbnail(request.captures[0], request.captures[1], size),
                            fmt::format("-{}", size));
}

// A folder job: nothing of it is looked at before it runs, but for what is plainly wrong.
Answer index_folder(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const Json body, json_body(request));
  EIDETIC_ANSWER_TRY(auto reader, JsonReader::of(body, "the body"));
  IndexRequest asked;
  EIDETIC_ANSWER_TRY(asked.paths, reader.get<std::vector<std::string>>("paths"));
  EIDETIC_ANSWER_TRY(const auto metadata_csv, reader.get_or<std::string>("metadata_csv", ""));  // its older name
  EIDETIC_ANSWER_TRY(const auto metadata_file, reader.get_or<std::string>("metadata_file", ""));
  EIDETIC_ANSWER_TRY(asked.sidecars, reader.get_or<bool>("sidecars", false));
  EIDETIC_ANSWER_TRY(const auto exif, reader.get_or<std::string>("exif", "none"));
  EIDETIC_ANSWER_TRY(asked.exif, parse_exif_fields(exif));
  EIDETIC_ANSWER_TRY(asked.prune, reader.get_or<bool>("prune", false));
  EIDETIC_ANSWER_TRY(const auto batch, reader.get_or<std::int64_t>("batch", 256));
  EIDETIC_ANSWER_TRY(const auto on_duplicate, reader.get_or<std::string>("on_duplicate", "store"));
  EIDETIC_ANSWER_TRY(asked.on_duplicate, parse_on_duplicate(on_duplicate));
  if (asked.on_duplicate == OnDuplicate::report) {
    return std::unexpected(Problem(400, "invalid_argument", "on_duplicate: a job can store or skip, not report"));
  }
  EIDETIC_ANSWER_CHECK(reader.finish());
  if (asked.paths.empty() || asked.paths.size() > 1000 || std::ranges::any_of(asked.paths, &std::string::empty)) {
    return std::unexpected(Problem(400, "invalid_argument", "paths: 1 to 1000 paths or URLs are expected"));
  }
  if (batch < 1 || batch > 10'000) {
    return std::unexpected(Problem(400, "invalid_argument", "batch: a whole number from 1 to 10000 is expected"));
  }
  if (!metadata_csv.empty() && !metadata_file.empty()) {
    return std::unexpected(
        Problem(400, "invalid_argument", "metadata_csv is the older name of metadata_file: give one"));
  }
  asked.metadata_file = metadata_file.empty() ? metadata_csv : metadata_file;
  asked.batch = static_cast<std::uint32_t>(batch);
  EIDETIC_ANSWER_CHECK(api.engine.describe(request.captures[0]));
  const auto job = api.engine.start_index(request.captures[0], asked);
  if (job) return job_response(*job);
  const bool of_a_path = job.error().code != ErrorCode::overloaded;
  return std::unexpected(of_a_path ? picture_problem(job.error()) : Problem(job.error()));
}

constexpr Route kRoutes[] = {
    {"POST", "/v1/collections/{collection}/facets", Role::read, LaneKind::search, BodyKind::json, facets},
    {"GET", "/v1/collections/{collection}/items", Role::read, LaneKind::search, BodyKind::none, list},
    {"POST", "/v1/collections/{collection}/items", Role::write, LaneKind::write, BodyKind::picture, add},
    {"GET", "/v1/collections/{collection}/items/{id}", Role::read, LaneKind::search, BodyKind::none, get},
    {"PUT", "/v1/collections/{collection}/items/{id}", Role::write, LaneKind::write, BodyKind::picture, put},
    {"PATCH", "/v1/collections/{collection}/items/{id}", Role::write, LaneKind::write, BodyKind::json, patch},
    {"DELETE", "/v1/collections/{collection}/items/{id}", Role::write, LaneKind::write, BodyKind::none, erase},
    {"GET", "/v1/collections/{collection}/items/{id}/picture", Role::read, LaneKind::search, BodyKind::none, picture},
    {"GET", "/v1/collections/{collection}/items/{id}/thumbnail", Role::read, LaneKind::search, BodyKind::none,
     thumbnail},
    {"POST", "/v1/collections/{collection}/delete", Role::write, LaneKind::write, BodyKind::json, erase_many},
    {"POST", "/v1/collections/{collection}/index", Role::write, LaneKind::write, BodyKind::json, index_folder},
};

}  // namespace

std::span<const Route> item_routes() { return kRoutes; }

}  // namespace eidetic
