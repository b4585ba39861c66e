// Searching: one query in any of its forms, or several at once.
#include <fmt/format.h>

#include <bit>
#include <cstring>

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
  EIDETIC_TRY(const auto ef, parameters.integer("ef", 0, kMaxEf));
  EIDETIC_TRY(const auto nprobe, parameters.integer("nprobe", 0, kMaxNprobe));
  EIDETIC_TRY(const auto rescore, parameters.integer("rescore", 0, kMaxEf));
  query.filter = parameters.text("filter").value_or("");
  const auto crop = parameters.text("crop");
  EIDETIC_CHECK(parameters.finish());
  if (k) query.k = static_cast<std::uint32_t>(*k);
  if (ef) query.depth.ef = static_cast<std::uint32_t>(*ef);
  if (nprobe) query.depth.nprobe = static_cast<std::uint32_t>(*nprobe);
  if (rescore) query.depth.rescore = static_cast<std::uint32_t>(*rescore);
  query.exclude_terms = exclude.value_or(false);
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
  EIDETIC_ANSWER_TRY(const auto queries, parse_queries(request.body, api.config.limits.batch_queries));
  EIDETIC_ANSWER_CHECK(api.engine.describe(request.captures[0]));
  std::string out = "{\"results\":[";
  for (const auto& query : queries) {
    if (out.back() != '[') out += ',';
    const auto result = query ? api.engine.search(request.captures[0], *query) : std::unexpected(query.error());
    if (!result) {
      out += dump_json({{"error", to_json(result.error())}});
      continue;
    }
    observe(api.metrics, *result);
    out += search_json(*result);
  }
  return text_response(out + "]}", "application/json");
}

constexpr Route kRoutes[] = {
    {"POST", "/v1/collections/{collection}/search", Role::read, LaneKind::search, BodyKind::picture, search},
    {"POST", "/v1/collections/{collection}/search/batch", Role::read, LaneKind::search, BodyKind::picture,
     search_batch},
};

}  // namespace

Problem search_problem(Api& api, std::string_view collection, const Error& error) {
  // Not found is the collection or an item (404), or a picture (422); the engine's error does not tell which.
  if (error.code == ErrorCode::not_found && !api.engine.describe(collection)) return {error};
  return picture_problem(error);
}

std::span<const Route> search_routes() { return kRoutes; }

}  // namespace eidetic
