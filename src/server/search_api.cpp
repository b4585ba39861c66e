// Searching: one query in any of its forms, or several at once; and looking inside.
#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <limits>

#include "base/text.h"
#include "server/api.h"
#include "server/json_in.h"
#include "server/parameters.h"
#include "server/pictures_in.h"
#include "server/wire.h"

namespace eidetic {
namespace {

constexpr std::string_view kVectorType = "application/vnd.eidetic.vector";
static_assert(std::endian::native == std::endian::little, "vectors travel in little-endian order");

Result<Crop> parse_crop_parameter(const std::string& text) {
  std::array<double, 4> sides{};
  const auto parts = split(text, ',');
  bool fine = parts.size() == sides.size();
  for (std::size_t i = 0; fine && i < sides.size(); ++i) {
    const Parameters::Values one = {{"crop", std::string(trim(parts[i]))}};
    const auto side = Parameters(one).number("crop", 0, 1e9);
    fine = side && *side;
    if (fine) sides[i] = **side;
  }
  if (!fine) return fail(ErrorCode::invalid_argument, fmt::format("crop = '{}' is not x,y,width,height", text));
  return Crop{.x = sides[0], .y = sides[1], .width = sides[2], .height = sides[3]};
}

// What is asked for beside the terms, which are there already.
Result<void> read_options(const Parameters::Values& values, Query& query) {
  Parameters parameters(values);
  EIDETIC_TRY(const auto k, parameters.integer("k", 1, kMaxK));
  EIDETIC_TRY(query.min_similarity_pct, parameters.number("min_similarity", 0, 100));
  EIDETIC_TRY(const auto exclude, parameters.boolean("exclude_self"));
  EIDETIC_TRY(const auto regions, parameters.boolean("regions"));
  EIDETIC_TRY(const auto collapse, parameters.boolean("collapse"));
  EIDETIC_TRY(const auto ef, parameters.integer("ef", 0, kMaxEf));
  EIDETIC_TRY(const auto nprobe, parameters.integer("nprobe", 0, kMaxNprobe));
  EIDETIC_TRY(const auto rescore, parameters.integer("rescore", 0, kMaxEf));
  EIDETIC_TRY(const auto seed, parameters.integer("seed", 0, UINT32_MAX));
  EIDETIC_TRY(const auto verify, parameters.integer("verify", 0, kMaxVerify));
  if (parameters.text("min_confidence") == "auto") {
    query.min_confidence = kRecommendedConfidence;
  } else {
    EIDETIC_TRY(query.min_confidence, parameters.number("min_confidence", 0, 1));
  }
  query.classify = parameters.text("classify").value_or("");
  query.class_name = parameters.text("class").value_or("");
  EIDETIC_TRY(query.min_class_confidence, parameters.number("class_confidence", 0, 1));
  query.filter = parameters.text("filter").value_or("");
  EIDETIC_TRY(query.augment, parse_augmentation(parameters.text("augment").value_or("none")));
  const auto crop = parameters.text("crop");
  EIDETIC_CHECK(parameters.finish());
  if (seed) query.seed = static_cast<std::uint64_t>(*seed);
  if (verify) query.verify = static_cast<std::uint32_t>(*verify);
  if (k) query.k = static_cast<std::uint32_t>(*k);
  if (ef) query.depth.ef = static_cast<std::uint32_t>(*ef);
  if (nprobe) query.depth.nprobe = static_cast<std::uint32_t>(*nprobe);
  if (rescore) query.depth.rescore = static_cast<std::uint32_t>(*rescore);
  query.exclude_terms = exclude.value_or(false);
  query.regions = regions.value_or(false);
  query.collapse = collapse.value_or(false);
  if (!crop) return {};
  EIDETIC_TRY(const Crop box, parse_crop_parameter(*crop));
  for (Term& term : query.terms) {
    if (term.kind != Term::Kind::bytes) return fail(ErrorCode::invalid_argument, "crop: only pictures can be cropped");
    term.crop = box;
  }
  return {};
}

Term term_of(std::vector<std::byte> bytes) {
  Term term;
  term.kind = Term::Kind::bytes;
  term.bytes = std::move(bytes);
  return term;
}

Result<Term> term_of_floats(std::string_view body) {
  Term term;
  term.kind = Term::Kind::vector;
  if (body.empty() || body.size() % sizeof(float) != 0) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the body has {} bytes; a vector is 32-bit floats, 4 bytes each", body.size()));
  }
  term.vector.resize(body.size() / sizeof(float));
  std::memcpy(term.vector.data(), body.data(), body.size());
  return term;
}

std::expected<Query, Problem> read_query(const HttpRequest& request) {
  const std::string type = media_type(request.content_type);
  Query query;
  if (type == "application/json") {
    EIDETIC_ANSWER_CHECK(no_parameters(request));
    EIDETIC_ANSWER_TRY(query, parse_query(request.body));
    return query;
  }
  if (type == "multipart/form-data") {
    EIDETIC_ANSWER_TRY(Form form, read_form(request));
    for (auto& file : form.files) query.terms.push_back(term_of(std::move(file.bytes)));
    EIDETIC_ANSWER_CHECK(read_options(form.fields, query));
    return query;
  }
  if (type == kVectorType) {
    EIDETIC_ANSWER_TRY(query.terms.emplace_back(), term_of_floats(request.body));
  } else if (is_raw_picture(type)) {
    if (request.body.empty()) return std::unexpected(Problem(400, "invalid_argument", "the body is empty"));
    query.terms.push_back(term_of(to_bytes(request.body)));
  } else {
    return wrong_media_type(
        request,
        fmt::format("image/*, application/octet-stream, application/json, multipart/form-data and {}", kVectorType));
  }
  EIDETIC_ANSWER_CHECK(read_options(request.uri.query, query));
  return query;
}

void observe(Metrics& metrics, const SearchResult& result) {
  constexpr double kMilliseconds = 1e-3;
  for (const Timing& timing : result.timings) {
    for (const RequestStage stage : {RequestStage::read, RequestStage::decode, RequestStage::preprocess,
                                     RequestStage::inference, RequestStage::search}) {
      if (timing.ms > 0 && timing.stage == to_string(stage)) metrics.observe(stage, timing.ms * kMilliseconds);
    }
  }
}

Answer search(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_TRY(const Query query, read_query(request));
  const auto result = api.engine.search(request.captures[0], query);
  if (!result) return std::unexpected(search_problem(api, request.captures[0], result.error()));
  observe(api.metrics, *result);
  return text_response(search_json(*result), "application/json");
}

Answer search_batch(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  if (media_type(request.content_type) != "application/json") return wrong_media_type(request, "application/json");
  EIDETIC_ANSWER_TRY(auto read, parse_queries(request.body, api.config.limits.batch_queries));
  std::vector<Query> queries;
  for (auto& query : read) {
    if (query) queries.push_back(*std::move(query));
  }
  EIDETIC_ANSWER_TRY(const auto results, api.engine.search(request.captures[0], queries));
  std::string out = "{\"results\":[";
  auto next = results.begin();
  for (const auto& query : read) {
    if (out.back() != '[') out += ',';
    if (!query) {
      out += dump_json({{"error", to_json(query.error())}});
      continue;
    }
    const auto& result = *next++;
    if (!result) {
      out += dump_json({{"error", to_json(result.error())}});
      continue;
    }
    observe(api.metrics, *result);
    out += search_json(*result);
  }
  return text_response(out + "]}", "application/json");
}

HttpResponse jpeg_response(const EncodedPicture& picture) {
  return text_response({reinterpret_cast<const char*>(picture.bytes.data()), picture.bytes.size()}, "image/jpeg");
}

Answer contact_sheet(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_TRY(const Query query, read_query(request));
  const auto sheet = api.engine.contact_sheet(query);
  if (!sheet) return std::unexpected(picture_problem(sheet.error()));
  return jpeg_response(*sheet);
}

Answer preview(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_TRY(const auto size, read_size(request));
  PictureSource source;
  if (media_type(request.content_type) == "application/json") {
    EIDETIC_ANSWER_TRY(source, parse_picture_source(request.body));
  } else {
    EIDETIC_ANSWER_TRY(source.picture, read_picture(request));
  }
  const auto& [collection, given] = source;
  const auto picture = !collection.empty() ? api.engine.thumbnail(collection, given.id, size)
                       : given.uri.empty() ? api.engine.preview(given.bytes, size)
                                           : api.engine.preview(given.uri, size);
  if (picture) return jpeg_response(*picture);
  return std::unexpected(picture_problem(picture.error()));
}

Answer alignment(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_TRY(const Query query, read_query(request));
  const auto picture = api.engine.alignment(request.captures[0], query, request.captures[1]);
  if (!picture) return std::unexpected(search_problem(api, request.captures[0], picture.error()));
  return jpeg_response(*picture);
}

// --- looking inside ---

Answer inspect(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const auto view, api.engine.inspect(request.captures[0]));
  return json_response(to_json(view, request.captures[0]));
}

Answer walk(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_TRY(const Query query, read_query(request));
  const auto walk = api.engine.walk(request.captures[0], query);
  if (!walk) return std::unexpected(search_problem(api, request.captures[0], walk.error()));
  return json_response(to_json(*walk, request.captures[0]));
}

Answer map(Api& api, HttpRequest& request) {
  MapRequest asked;
  Parameters parameters(request.uri.query);
  const auto method = parameters.text("method");
  if (method) {
    EIDETIC_ANSWER_TRY(asked.method, parse_map_method(*method));
  }
  EIDETIC_ANSWER_TRY(const auto limit, parameters.integer("limit", 1, kMaxMapItems));
  EIDETIC_ANSWER_TRY(const auto neighbors, parameters.integer("neighbors", 2, kMaxMapNeighbors));
  EIDETIC_ANSWER_TRY(const auto seed, parameters.integer("seed", 0, std::numeric_limits<std::int64_t>::max()));
  asked.label = parameters.text("label").value_or("");
  EIDETIC_ANSWER_CHECK(parameters.finish());
  if (limit) asked.limit = static_cast<std::uint32_t>(*limit);
  if (neighbors) asked.neighbors = static_cast<std::uint32_t>(*neighbors);
  if (seed) asked.seed = static_cast<std::uint64_t>(*seed);
  EIDETIC_ANSWER_CHECK(api.engine.describe(request.captures[0]));
  const auto map = api.engine.map(request.captures[0], asked);
  if (!map) return std::unexpected(picture_problem(map.error()));  // not found is the label
  return text_response(map_json(*map, request.captures[0]), "application/json");
}

constexpr Route kRoutes[] = {
    {"POST", "/v1/collections/{collection}/search", Role::read, LaneKind::search, BodyKind::picture, search},
    {"POST", "/v1/collections/{collection}/search/batch", Role::read, LaneKind::search, BodyKind::picture,
     search_batch},
    {"POST", "/v1/contact-sheet", Role::read, LaneKind::search, BodyKind::picture, contact_sheet},
    {"POST", "/v1/preview", Role::read, LaneKind::search, BodyKind::picture, preview},
    {"POST", "/v1/collections/{collection}/items/{id}/alignment", Role::read, LaneKind::search, BodyKind::picture,
     alignment},
    {"GET", "/v1/collections/{collection}/inspect", Role::read, LaneKind::slow, BodyKind::none, inspect},
    {"POST", "/v1/collections/{collection}/walk", Role::read, LaneKind::search, BodyKind::picture, walk},
    {"GET", "/v1/collections/{collection}/map", Role::read, LaneKind::slow, BodyKind::none, map},
};

}  // namespace

Problem search_problem(Api& api, std::string_view collection, const Error& error) {
  // Not found is the collection or an item (404), or a picture (422); the engine's error does not tell which.
  if (error.code == ErrorCode::not_found && !api.engine.describe(collection)) return {error};
  return picture_problem(error);
}

std::span<const Route> search_routes() { return kRoutes; }

}  // namespace eidetic
