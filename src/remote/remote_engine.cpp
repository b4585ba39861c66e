#include "remote/remote_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/file.h"
#include "base/hash.h"
#include "blobs/listing.h"
#include "remote/shapes.h"
#include "remote/terms.h"
#include "remote/upload.h"

namespace eidetic::remote {
namespace {

constexpr std::size_t kMaxIds = 10'000;                    // in one request
constexpr std::size_t kBatchBytes = std::size_t{8} << 20;  // of JSON; a larger item goes alone
constexpr long kElsewhere = 302;
constexpr std::string_view kVectorType = "application/vnd.eidetic.vector";

// Whether a query, beside its options, is nothing but one vector, which then goes as bytes: JSON would be five times as
// long.
bool is_bare_vector(const Query& query) {
  const auto& terms = query.terms;
  return query.model.empty() && terms.size() == 1 && terms[0].kind == Term::Kind::vector && terms[0].weight == 1 &&
         !terms[0].crop;
}

ApiPath preview_path(std::uint32_t size) { return ApiPath{"v1", "preview"}.with("size", std::to_string(size)); }

std::span<const std::byte> bytes_of(const Vector& vector) {
  static_assert(std::endian::native == std::endian::little);
  return std::as_bytes(std::span(vector));
}

}  // namespace

Result<CollectionInfo> RemoteEngine::create(std::string_view name, const CreateOptions& options) {
  Json wanted = {{"index", options.index}, {"metric", to_string(options.metric)}};
  if (options.dimensions > 0) {
    wanted["dimensions"] = options.dimensions;
  } else {
    wanted["model"] = options.model;
  }
  if (options.regions != "none") wanted["regions"] = options.regions;
  if (!options.description.empty()) wanted["description"] = options.description;
  if (!options.source.empty()) wanted["source"] = options.source;
  if (!options.backend.empty()) wanted["backend"] = options.backend;
  const ApiRequest request{.method = "PUT", .path = {"v1", "collections", name}, .json = std::move(wanted)};
  EIDETIC_TRY(const auto answer, api_.send(request));
  EIDETIC_TRY(const Json json, api_.document(answer));
  if (answer.status != 201) {
    return fail(ErrorCode::already_exists, fmt::format("there is a collection '{}' already", name));
  }
  return api_.understand(json, read_collection);
}

Result<void> RemoteEngine::drop(std::string_view name) {
  EIDETIC_CHECK(api_.call({.method = "DELETE", .path = {"v1", "collections", name}}));
  return {};
}

Result<std::vector<CollectionInfo>> RemoteEngine::collections() {
  return api_.ask({.path = {"v1", "collections"}},
                  [](const Json& json) { return read_list(json.at("collections"), read_collection); });
}

Result<CollectionInfo> RemoteEngine::describe(std::string_view name) {
  return api_.ask({.path = {"v1", "collections", name}}, read_collection);
}

Result<EvalReport> RemoteEngine::evaluate(std::string_view name, std::string_view label,
                                          std::span<const std::uint32_t> recall_k) {
  const std::vector<std::uint32_t> recall(recall_k.begin(), recall_k.end());
  return api_.ask({.method = "POST",
                   .path = {"v1", "collections", name, "evaluate"},
                   .json = Json{{"label", label}, {"recall_at", recall}}},
                  [&](const Json& json) { return read_evaluation(json, recall_k); });
}

Result<ClassifierInfo> RemoteEngine::train_classifier(std::string_view name, const ClassifierRequest& request) {
  Json json = {{"kind", to_string(request.kind)},
               {"name", request.name},
               {"min_confidence", request.min_confidence},
               {"seed", request.seed}};
  switch (request.kind) {
    case ClassifierRequest::Kind::labels:
      json["label"] = request.label;
      json["hidden"] = request.hidden;
      break;
    case ClassifierRequest::Kind::clusters: json["clusters"] = request.clusters; break;
    case ClassifierRequest::Kind::text:
      if (!request.classes.empty()) json["classes"] = request.classes;
      if (!request.csv.empty()) json["csv"] = request.csv;
      break;
  }
  return api_.ask({.method = "POST", .path = {"v1", "collections", name, "classifiers"}, .json = std::move(json)},
                  read_classifier);
}

Result<std::vector<ClassifierInfo>> RemoteEngine::classifiers(std::string_view name) {
  return api_.ask({.path = {"v1", "collections", name, "classifiers"}},
                  [](const Json& json) { return read_list(json.at("classifiers"), read_classifier); });
}

Result<void> RemoteEngine::drop_classifier(std::string_view name, std::string_view classifier) {
  EIDETIC_CHECK(api_.call({.method = "DELETE", .path = {"v1", "collections", name, "classifiers", classifier}}));
  return {};
}

Result<CalibrationInfo> RemoteEngine::calibrate(std::string_view name, const CalibrationRequest& request) {
  Json json = {{"seed", request.seed}};
  if (!request.label.empty()) json["label"] = request.label;
  return api_.ask({.method = "POST", .path = {"v1", "collections", name, "calibration"}, .json = std::move(json)},
                  read_calibration);
}

Result<CalibrationInfo> RemoteEngine::calibration(std::string_view name) {
  return api_.ask({.path = {"v1", "collections", name, "calibration"}}, read_calibration);
}

Result<DuplicatesReport> RemoteEngine::duplicates(std::string_view name, const DuplicatesRequest& request,
                                                  const std::function<void(const DuplicatesProgress&)>& /*progress*/,
                                                  std::stop_token stop) {
  return api_.ask({.method = "POST",
                   .path = {"v1", "collections", name, "duplicates"},
                   .json = Json{{"min_copy_score", request.min_copy_score},
                                {"verify", to_string(request.verify)},
                                {"filter", request.filter},
                                {"neighbors", request.neighbors},
                                {"limit", request.limit}},
                   .stop = std::move(stop)},
                  read_duplicates);
}

Result<MergeReport> RemoteEngine::merge(std::string_view into, std::string_view from, bool replace) {
  return api_.ask({.method = "POST",
                   .path = {"v1", "collections", into, "merge"},
                   .json = Json{{"from", from}, {"replace", replace}}},
                  read_merge_report);
}

Result<std::uint64_t> RemoteEngine::export_collection(std::string_view name, const std::filesystem::path& file) {
  EIDETIC_TRY(const auto info, describe(name));
  EIDETIC_TRY(const auto answer, api_.send({.path = {"v1", "collections", name, "export"}, .answer_file = file}));
  if (!answer.ok()) return std::unexpected(api_.error_of(answer));
  return info.items;
}

Result<CollectionInfo> RemoteEngine::import_collection(const std::filesystem::path& file,
                                                       std::optional<std::string> name) {
  ApiPath path{"v1", "import"};
  if (name) path = std::move(path).with("name", *name);
  // Sent again, it might find itself there.
  return api_.ask({.method = "POST", .path = std::move(path), .file = file, .repeatable = false}, read_collection);
}

Result<CollectionInfo> RemoteEngine::change(std::string_view name, const CollectionChange& change) {
  Json json = Json::object();
  if (change.index) json["index"] = *change.index;
  if (change.rebuild) json["rebuild"] = true;
  if (change.description) json["description"] = *change.description;
  if (change.source) json["source"] = *change.source;
  if (change.search) {
    const auto& [ef, nprobe, rescore] = *change.search;
    json["search"] = {{"ef", ef}, {"nprobe", nprobe}, {"rescore", rescore}};
  }
  return api_.ask({.method = "PATCH", .path = {"v1", "collections", name}, .json = std::move(json)}, read_collection);
}

Result<void> RemoteEngine::watch(std::string_view name, std::span<const std::filesystem::path> folders) {
  Json list = Json::array();
  for (const auto& folder : folders) list.push_back(folder.native());
  EIDETIC_CHECK(
      api_.call({.method = "PATCH", .path = {"v1", "collections", name}, .json = Json{{"watch", std::move(list)}}}));
  return {};
}

Result<std::vector<std::filesystem::path>> RemoteEngine::watched(std::string_view name) {
  return api_.ask({.path = {"v1", "collections", name}}, [](const Json& json) {
    return read_list(json.at("watch"),
                     [](const Json& folder) { return std::filesystem::path(folder.get<std::string>()); });
  });
}

Result<void> RemoteEngine::backup(const std::filesystem::path& folder) {
  const auto& last = folder.has_filename() ? folder : folder.parent_path();
  const Json body = {{"name", last.filename().native()}};
  EIDETIC_CHECK(api_.call({.method = "POST", .path = {"v1", "backup"}, .json = body, .repeatable = false}));
  return {};
}

Result<std::vector<BackendPlace>> RemoteEngine::backends() {
  return api_.ask({.path = {"v1", "server"}}, [](const Json& json) {
    return read_list(json.at("backends"), [](const Json& place) {
      return BackendPlace{.name = place.at("name").get<std::string>(), .preferred = place.at("preferred").get<bool>()};
    });
  });
}

Result<void> RemoteEngine::forget_backend(std::string_view /*url*/) {
  return fail(ErrorCode::unsupported, "a server remembers no search engines: they are in its configuration");
}

Result<IndexReport> RemoteEngine::index(std::string_view name, const IndexRequest& request,
                                        const std::function<void(const IndexProgress&)>& progress,
                                        std::stop_token stop) {
  EIDETIC_TRY(const auto info, describe(name));
  // Their content cannot be compared from here: a server has one model of a name.
  if (const auto& model = info.spec.space.model; !request.model.empty() && request.model != model) {
    return fail(ErrorCode::invalid_argument, fmt::format("collection '{}' holds vectors of the model '{}', not of '{}'",
                                                         name, model, request.model));
  }
  return upload(api_, *this, info, request, progress, stop);
}

Result<std::uint64_t> RemoteEngine::erase(std::string_view name, std::span<const std::string> ids) {
  std::uint64_t deleted = 0;
  while (!ids.empty()) {
    const auto some = ids.first(std::min(ids.size(), kMaxIds));
    const std::vector<std::string> list(some.begin(), some.end());
    EIDETIC_TRY(const auto count,
                api_.ask({.method = "POST", .path = {"v1", "collections", name, "delete"}, .json = Json{{"ids", list}}},
                         [](const Json& json) { return json.at("deleted").get<std::uint64_t>(); }));
    deleted += count;
    ids = ids.subspan(some.size());
  }
  return deleted;
}

Result<std::uint64_t> RemoteEngine::erase_where(std::string_view name, std::string_view filter) {
  return api_.ask({.method = "POST", .path = {"v1", "collections", name, "delete"}, .json = Json{{"filter", filter}}},
                  [](const Json& json) { return json.at("deleted").get<std::uint64_t>(); });
}

Result<SearchResult> RemoteEngine::search_once(std::string_view name, const Query& query, const Json& json) const {
  if (!is_bare_vector(query)) {
    return api_.ask({.method = "POST", .path = {"v1", "collections", name, "search"}, .json = json},
                    read_search_result);
  }
  ApiPath path{"v1", "collections", name, "search"};
  for (const auto& [field, value] : json.items()) {
    path = std::move(path).with(field, value.is_string() ? value.get<std::string>() : value.dump());
  }
  return api_.ask({.method = "POST",
                   .path = std::move(path),
                   .bytes = bytes_of(query.terms[0].vector),
                   .content_type = std::string(kVectorType)},
                  read_search_result);
}

// The server leaves out the items that it knows the terms by; those made of pictures that were sent are met here, and
// more is asked for in their place.
Result<SearchResult> RemoteEngine::search(std::string_view name, const Query& query) {
  std::vector<std::string> own;
  Json json = options_json(query);
  if (!is_bare_vector(query)) {
    EIDETIC_TRY(json, query_json(query, own));
  }
  if (!query.exclude_terms) own.clear();
  const auto is_own = [&](const Hit& hit) { return std::ranges::find(own, hit.uri) != own.end(); };
  for (std::uint32_t k = query.k;;) {
    EIDETIC_TRY(auto result, search_once(name, query, json));
    const std::size_t found = result.hits.size();
    const auto dropped = static_cast<std::uint32_t>(std::erase_if(result.hits, is_own));
    if (result.hits.size() >= query.k || found < k || dropped == 0 || k == kMaxK) {
      result.hits.resize(std::min<std::size_t>(result.hits.size(), query.k));
      return result;
    }
    k = std::min(kMaxK, query.k + dropped);
    json["k"] = k;
  }
}

// Several at the same time, rather than one batch of them: the server says how long one may be, and what a query leaves
// out is known here.
Result<std::vector<Result<SearchResult>>> RemoteEngine::search(std::string_view name, std::span<const Query> queries) {
  if (queries.empty()) EIDETIC_CHECK(describe(name));
  std::vector<Result<SearchResult>> results(queries.size());
  pool_.parallel_for(queries.size(), [&](std::size_t i) { results[i] = search(name, queries[i]); });
  return results;
}

Result<IndexView> RemoteEngine::inspect(std::string_view name) {
  return api_.ask({.path = {"v1", "collections", name, "inspect"}}, read_index_view);
}

Result<SearchWalk> RemoteEngine::walk(std::string_view name, const Query& query) {
  std::vector<std::string> own;
  EIDETIC_TRY(Json json, query_json(query, own));
  return api_.ask({.method = "POST", .path = {"v1", "collections", name, "walk"}, .json = std::move(json)}, read_walk);
}

Result<CollectionMap> RemoteEngine::map(std::string_view name, const MapRequest& request) {
  auto path = ApiPath{"v1", "collections", name, "map"}
                  .with("method", std::string(to_string(request.method)))
                  .with("limit", std::to_string(request.limit))
                  .with("neighbors", std::to_string(request.neighbors))
                  .with("seed", std::to_string(request.seed));
  if (!request.label.empty()) path = std::move(path).with("label", request.label);
  return api_.ask({.path = std::move(path)}, read_map);
}

Result<std::vector<Result<PutResult>>> RemoteEngine::put_some(std::string_view name, Json items,
                                                              OnDuplicate on_duplicate) const {
  ApiPath path{"v1", "collections", name, "items"};
  if (on_duplicate != OnDuplicate::store) path = std::move(path).with("on_duplicate", to_string(on_duplicate));
  return api_.ask({.method = "POST", .path = std::move(path), .json = Json{{"items", std::move(items)}}},
                  [](const Json& json) { return read_list(json.at("results"), read_put_result); });
}

Result<std::vector<Result<PutResult>>> RemoteEngine::put(std::string_view name, std::span<const NewItem> items,
                                                         OnDuplicate on_duplicate) {
  std::vector<Result<PutResult>> results(items.size());
  std::vector<std::size_t> places;  // of those in `batch`
  Json batch = Json::array();
  std::size_t batch_bytes = 0;
  const auto send = [&]() -> Result<void> {
    if (places.empty()) return {};
    EIDETIC_TRY(auto some, put_some(name, std::exchange(batch, Json::array()), on_duplicate));
    if (some.size() != places.size()) return std::unexpected(api_.strange("it has lost an item"));
    for (std::size_t i = 0; i < some.size(); ++i) results[places[i]] = std::move(some[i]);
    places.clear();
    batch_bytes = 0;
    return {};
  };
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto item = new_item_json(items[i]);
    if (!item) {
      results[i] = std::unexpected(item.error());
      continue;
    }
    constexpr std::size_t kNumberBytes = 12;
    const std::size_t bytes =
        item->value("base64", Json("")).get_ref<const std::string&>().size() + items[i].vector.size() * kNumberBytes;
    if (batch_bytes + bytes > kBatchBytes || places.size() == kMaxIds) EIDETIC_CHECK(send());
    batch.push_back(*std::move(item));
    places.push_back(i);
    batch_bytes += bytes;
  }
  EIDETIC_CHECK(send());
  return results;
}

Result<std::vector<std::optional<Item>>> RemoteEngine::get(std::string_view name, std::span<const std::string> ids,
                                                           bool with_vectors) {
  std::vector<std::optional<Item>> items(ids.size());
  std::vector<std::optional<Error>> errors(ids.size());
  pool_.parallel_for(ids.size(), [&](std::size_t i) {
    auto path = ApiPath{"v1", "collections", name, "items", ids[i]};
    if (with_vectors) path = std::move(path).with("vectors", "true");
    auto item = api_.ask({.path = std::move(path)}, read_item);
    if (item) {
      items[i] = *std::move(item);
    } else {
      errors[i] = std::move(item.error());
    }
  });
  bool missing = false;
  for (const auto& error : errors) {
    if (error && error->code != ErrorCode::not_found) return std::unexpected(*error);
    missing = missing || error.has_value();
  }
  // An unknown collection is a not_found too, and one of the call.
  if (missing) EIDETIC_CHECK(describe(name));
  return items;
}

Result<ScrollPage> RemoteEngine::list(std::string_view name, const ListRequest& request) {
  auto path = ApiPath{"v1", "collections", name, "items"}.with("limit", std::to_string(request.limit));
  if (!request.cursor.empty()) path = std::move(path).with("cursor", request.cursor);
  if (!request.filter.empty()) path = std::move(path).with("filter", request.filter);
  if (request.with_vectors) path = std::move(path).with("vectors", "true");
  if (!request.sort.empty()) path = std::move(path).with("sort", request.sort);
  return api_.ask({.path = std::move(path)}, read_page);
}

Result<std::vector<Facet>> RemoteEngine::facets(std::string_view name, const FacetRequest& request) {
  return api_.ask(
      {.method = "POST",
       .path = {"v1", "collections", name, "facets"},
       .json = Json{{"fields", request.fields}, {"filter", request.filter.text()}, {"limit", request.limit}}},
      read_facets);
}

Result<Item> RemoteEngine::patch(std::string_view name, const std::string& id, std::string_view merge_patch) {
  EIDETIC_TRY(Json json, parse_json_object(merge_patch, "the patch"));
  return api_.ask({.method = "PATCH",
                   .path = {"v1", "collections", name, "items", id},
                   .json = std::move(json),
                   .content_type = "application/merge-patch+json"},
                  read_item);
}

Result<EncodedPicture> RemoteEngine::contact_sheet(const Query& query) {
  std::vector<std::string> own;
  EIDETIC_TRY(Json json, query_json(query, own));
  return fetch_picture({.method = "POST", .path = {"v1", "contact-sheet"}, .json = std::move(json)});
}

Result<EncodedPicture> RemoteEngine::alignment(std::string_view name, const Query& query, const std::string& id) {
  std::vector<std::string> own;
  EIDETIC_TRY(Json json, query_json(query, own));
  return fetch_picture(
      {.method = "POST", .path = {"v1", "collections", name, "items", id, "alignment"}, .json = std::move(json)});
}

Result<EncodedPicture> RemoteEngine::preview(const std::string& uri, std::uint32_t size) {
  ApiRequest request{.method = "POST", .path = preview_path(size)};
  if (auto file = local_file(uri)) {
    EIDETIC_CHECK(check_readable(*file));
    request.file = *std::move(file);
  } else {
    request.json = Json{{"uri", uri}};
  }
  return fetch_picture(request);
}

Result<EncodedPicture> RemoteEngine::preview(Bytes picture, std::uint32_t size) {
  return fetch_picture({.method = "POST", .path = preview_path(size), .bytes = picture});
}

Result<EncodedPicture> RemoteEngine::fetch_picture(const ApiRequest& request) const {
  EIDETIC_TRY(auto answer, api_.send(request));
  if (answer.status == kElsewhere) {
    // The server's pictures are in S3, and it does not pass them on itself.
    const std::string url(answer.header("location"));
    EIDETIC_TRY(answer, HttpClient().exchange({.url = url, .max_answer_bytes = kMaxPictureBytes}));
    if (!answer.ok()) {
      return fail(ErrorCode::unavailable,
                  fmt::format("'{}' answered with status {}", url.substr(0, url.find('?')), answer.status));
    }
  }
  if (!answer.ok()) return std::unexpected(api_.error_of(answer));
  const auto bytes = as_bytes(answer.body);
  return EncodedPicture{.bytes = {bytes.begin(), bytes.end()},
                        .media_type = std::string(answer.header("content-type")),
                        .content_hash = sha256_hex(bytes)};
}

Result<EncodedPicture> RemoteEngine::picture(std::string_view name, const std::string& id) {
  return fetch_picture({.path = {"v1", "collections", name, "items", id, "picture"}});
}

Result<std::string> RemoteEngine::picture_url(std::string_view name, const std::string& id) {
  EIDETIC_TRY(const auto answer, api_.send({.path = {"v1", "collections", name, "items", id, "picture"}}));
  if (answer.status == kElsewhere) return std::string(answer.header("location"));
  if (!answer.ok()) return std::unexpected(api_.error_of(answer));
  return "";
}

Result<EncodedPicture> RemoteEngine::thumbnail(std::string_view name, const std::string& id, std::uint32_t size) {
  return fetch_picture(
      {.path = ApiPath{"v1", "collections", name, "items", id, "thumbnail"}.with("size", std::to_string(size))});
}

}  // namespace eidetic::remote

namespace eidetic {

Result<std::unique_ptr<Engine>> connect_engine(const RemoteOptions& options) {
  EIDETIC_TRY(auto api, remote::Api::open(options));
  return std::make_unique<remote::RemoteEngine>(std::move(api));
}

}  // namespace eidetic
