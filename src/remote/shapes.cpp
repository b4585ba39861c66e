#include "remote/shapes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/training_json.h"
#include "remote/times.h"

namespace eidetic::remote {
namespace {

// What throws as nlohmann does for a field of another type.
[[noreturn]] void refuse(const std::string& what, const Json& json) {
  throw Json::other_error::create(501, what, &json);
}

// What readers of base give.
template <typename T>
T needed(Result<T> read, const Json& json) {
  if (!read) refuse(read.error().message, json);
  return *std::move(read);
}

std::string text(const Json& json, const char* field) { return json.at(field).get<std::string>(); }
std::uint64_t count(const Json& json, const char* field) { return json.at(field).get<std::uint64_t>(); }
double number(const Json& json, const char* field) { return json.at(field).get<double>(); }

std::int64_t nanoseconds(const Json& json, const char* field) {
  const auto found = json.find(field);
  if (found == json.end() || found->is_null()) return 0;
  const auto time = parse_time(found->get<std::string>());
  if (!time) refuse(fmt::format("'{}' is no point in time", field), json);
  return *time;
}

std::int64_t milliseconds(const Json& json, const char* field) { return nanoseconds(json, field) / 1'000'000; }

Metric metric(const Json& json) {
  const auto parsed = parse_metric(text(json, "metric"));
  if (!parsed) refuse("no metric", json);
  return *parsed;
}

Precision precision(const Json& json) {
  const std::string name = text(json, "precision");
  for (const Precision known : {Precision::f32, Precision::bf16}) {
    if (to_string(known) == name) return known;
  }
  refuse("no precision", json);
}

IndexProgress read_progress(const Json& json) {
  return {.total = count(json, "total"),
          .done = count(json, "done"),
          .indexed = count(json, "indexed"),
          .skipped = count(json, "skipped"),
          .failed = count(json, "failed"),
          .seconds = number(json, "seconds")};
}

std::uint32_t small(const Json& json, const char* field) {
  const std::uint64_t value = count(json, field);
  if (value > UINT32_MAX) refuse(fmt::format("'{}' is too large", field), json);
  return static_cast<std::uint32_t>(value);
}

PlanePoint place(const Json& json) { return {.x = json.at("x").get<float>(), .y = json.at("y").get<float>()}; }

template <typename Node>
std::uint32_t place_in(const std::vector<Node>& nodes, const Json& json, const char* field) {
  const std::uint32_t at = small(json, field);
  if (at >= nodes.size()) refuse(fmt::format("'{}' is no place among the nodes", field), json);
  return at;
}

std::string object_text(const Json& json, const char* field) {
  const Json& object = json.at(field);
  if (!object.is_object()) refuse(fmt::format("'{}' is no object", field), json);
  return dump_json(object);
}

Hit read_hit(const Json& hit) {
  return {.id = text(hit, "id"),
          .similarity = number(hit, "similarity"),
          .distance = number(hit, "distance"),
          .uri = text(hit, "uri"),
          .metadata = object_text(hit, "metadata")};
}

PicturePoint picture_point(const Json& json) { return {.x = number(json, "x"), .y = number(json, "y")}; }

Verification read_verification(const Json& json) {
  Verification found;
  found.verified = json.at("verified").get<bool>();
  found.matches = small(json, "matches");
  found.note = json.value("note", "");
  if (!found.verified) return found;
  found.inliers = small(json, "inliers");
  found.score = number(json, "score");
  found.mirrored = json.at("mirrored").get<bool>();
  found.whole_query = json.at("whole_query").get<bool>();
  found.quad = read_list(json.at("quad"), picture_point);
  found.query_quad = read_list(json.at("query_quad"), picture_point);
  found.hit_overlap_pct = number(json, "hit_overlap_pct");
  found.query_overlap_pct = number(json, "query_overlap_pct");
  return found;
}

Crop read_crop(const Json& json) {
  return {
      .x = number(json, "x"), .y = number(json, "y"), .width = number(json, "width"), .height = number(json, "height")};
}

CopyEvidence read_evidence(const Json& json) {
  const auto evidence = parse_copy_evidence(text(json, "judged_by"));
  if (!evidence) refuse("no evidence of a copy", json);
  return *evidence;
}

CopyOf read_copy(const Json& json) {
  return {.id = text(json, "id"), .copy_score = number(json, "copy_score"), .evidence = read_evidence(json)};
}

SearchHit read_search_hit(const Json& json) {
  SearchHit hit{read_hit(json)};
  if (const auto found = json.find("confidence"); found != json.end()) hit.confidence = found->get<double>();
  if (const auto found = json.find("region"); found != json.end()) hit.region = read_crop(*found);
  if (const auto found = json.find("query_region"); found != json.end()) hit.query_region = read_crop(*found);
  if (const auto found = json.find("copies"); found != json.end()) hit.copies = read_list(*found, read_copy);
  if (const auto found = json.find("verification"); found != json.end()) hit.verification = read_verification(*found);
  return hit;
}

Explanation read_explanation(const Json& json) {
  Explanation explanation;
  explanation.terms = read_list(json.at("terms"), [](const Json& term) {
    return Explanation::Term{.kind = text(term, "kind"),
                             .value = text(term, "value"),
                             .weight = number(term, "weight"),
                             .vectors = small(term, "vectors")};
  });
  explanation.filter = text(json, "filter");
  explanation.candidates = small(json, "candidates");
  explanation.own = small(json, "own");
  explanation.copies = small(json, "copies");
  explanation.below_similarity = small(json, "below_similarity");
  explanation.below_confidence = small(json, "below_confidence");
  if (const auto told = json.find("classification"); told != json.end()) {
    explanation.classification = {.classifier = text(*told, "classifier"),
                                  .class_name = text(*told, "class"),
                                  .confidence = number(*told, "confidence"),
                                  .given = told->at("given").get<bool>(),
                                  .fallback = text(*told, "fallback")};
    explanation.classification->classes = read_list(
        told->at("classes"), [](const Json& one) { return std::pair(text(one, "class"), number(one, "probability")); });
  }
  explanation.verified = small(json, "verified");
  explanation.notes = json.at("notes").get<std::vector<std::string>>();
  return explanation;
}

}  // namespace

CollectionInfo read_collection(const Json& json) {
  CollectionInfo info;
  info.spec.name = text(json, "name");
  info.spec.space = {.model = text(json, "model"),
                     .hash = text(json, "space"),
                     .dimensions = json.at("dimensions").get<std::uint32_t>(),
                     .metric = metric(json),
                     .precision = precision(json)};
  info.spec.index = text(json, "index");
  info.items = count(json, "items");
  info.index_kind = text(json, "index_kind");
  info.index_building = text(json, "index_building");
  if (const Json& training = json.at("index_training"); !training.is_null()) {
    info.index_training = {.rows = count(training, "items"),
                           .sampled = count(training, "sampled"),
                           .explained_variance = number(training, "explained_variance"),
                           .seconds = number(training, "seconds")};
  }
  info.index_note = text(json, "index_note");
  info.backend = text(json, "backend");
  const Json& search = json.at("search");
  const auto depth = [&search](const char* field) { return search.at(field).get<std::uint32_t>(); };
  info.search = {.ef = depth("ef"), .nprobe = depth("nprobe"), .rescore = depth("rescore")};
  info.regions = text(json, "regions");
  if (info.regions == "none") info.regions.clear();
  info.parts = count(json, "region_vectors");
  info.description = text(json, "description");
  info.source = text(json, "source");
  if (const Json& migration = json.at("migration"); !migration.is_null()) info.migration = read_migration(migration);
  info.memory_bytes = count(json, "memory_bytes");
  info.disk_bytes = count(json, "disk_bytes");
  info.created_ms = milliseconds(json, "created");
  return info;
}

Item read_item(const Json& json) {
  Item item;
  item.id = text(json, "id");
  item.uri = text(json, "uri");
  item.content_hash = text(json, "content_hash");
  item.size_bytes = count(json, "size_bytes");
  item.modified_ns = nanoseconds(json, "modified");
  item.metadata = object_text(json, "metadata");
  if (const auto vector = json.find("vector"); vector != json.end()) item.vector = vector->get<Vector>();
  return item;
}

ScrollPage read_page(const Json& json) {
  ScrollPage page;
  page.items = read_list(json.at("items"), read_item);
  if (const Json& next = json.at("next"); !next.is_null()) page.next = next.get<std::string>();
  return page;
}

Error read_error(const Json& json) {
  using enum ErrorCode;
  const std::string name = text(json, "code");
  Error error{internal, text(json, "message")};
  for (const ErrorCode code : {invalid_argument, not_found, already_exists, unsupported, corrupt, unavailable,
                               overloaded, unreachable, conflict}) {
    if (to_string(code) == name) error.code = code;
  }
  if (name == "too_large") error.code = overloaded;
  return error;
}

DuplicatesReport read_duplicates(const Json& json) {
  DuplicatesReport report{.collection = text(json, "collection"),
                          .items = count(json, "items"),
                          .groups = count(json, "groups"),
                          .duplicates = count(json, "duplicates"),
                          .exact = count(json, "exact"),
                          .pairs = count(json, "pairs"),
                          .verified = count(json, "verified"),
                          .unreadable = count(json, "unreadable"),
                          .seconds = number(json, "seconds"),
                          .found = {}};
  const auto side = [](const Json& value) { return value.is_null() ? 0 : value.get<std::int32_t>(); };
  for (const Json& entry : json.at("found")) {
    DuplicateGroup& group = report.found.emplace_back();
    group.centre = text(entry, "centre");
    for (const Json& one : entry.at("members")) {
      auto& member = group.members.emplace_back();
      member.id = text(one, "id");
      member.size_bytes = count(one, "bytes");
      member.width = side(one.at("width"));
      member.height = side(one.at("height"));
      member.similarity = number(one, "similarity");
      if (!one.at("hash_distance").is_null()) member.hash_distance = one.at("hash_distance").get<int>();
      member.copy_score = number(one, "copy_score");
      member.evidence = read_evidence(one);
    }
    if (group.members.size() < 2) refuse("a group of fewer than two", entry);
  }
  return report;
}

Result<PutResult> read_put_result(const Json& json) {
  if (const auto error = json.find("error"); error != json.end()) return std::unexpected(read_error(*error));
  PutResult result{.id = text(json, "id")};
  const std::string outcome = text(json, "outcome");
  if (const auto copy = json.find("copy_of"); copy != json.end()) result.copy_of = read_copy(*copy);
  for (const PutOutcome known :
       {PutOutcome::created, PutOutcome::replaced, PutOutcome::unchanged, PutOutcome::skipped}) {
    if (to_string(known) == outcome) {
      result.outcome = known;
      return result;
    }
  }
  refuse("no outcome", json);
}

SearchResult read_search_result(const Json& json) {
  SearchResult result{.collection = text(json, "collection"),
                      .model = text(json, "model"),
                      .hits = read_list(json.at("hits"), read_search_hit),
                      .timings = {}};
  const Json& rates = json.at("items_per_s");
  for (const auto& [stage, ms] : json.at("timings_ms").items()) {
    Timing timing{.stage = stage, .ms = ms.get<double>()};
    constexpr double kMilliseconds = 1e3;
    const double items = rates.value(stage, 0.0) * timing.ms / kMilliseconds;
    timing.items = static_cast<std::uint64_t>(std::max(0LL, std::llround(items)));
    result.timings.push_back(std::move(timing));
  }
  result.nothing_similar = json.at("nothing_similar").get<bool>();
  result.explanation = read_explanation(json.at("explain"));
  return result;
}

ClassifierInfo read_classifier(const Json& json) {
  const auto kind = parse_classifier_kind(text(json, "kind"));
  if (!kind) refuse("no kind of a classifier", json);
  return {.name = text(json, "name"),
          .kind = *kind,
          .label = text(json, "label"),
          .classes = json.at("classes").get<std::vector<std::string>>(),
          .min_confidence = number(json, "min_confidence"),
          .items = count(json, "items"),
          .held_out = count(json, "held_out"),
          .accuracy = number(json, "accuracy"),
          .calibration_error = number(json, "calibration_error")};
}

CalibrationInfo read_calibration(const Json& json) {
  CalibrationInfo info{.label = text(json, "label"),
                       .items = count(json, "items"),
                       .searches = count(json, "searches"),
                       .labels = count(json, "labels"),
                       .recommended = number(json, "recommended"),
                       .lost = number(json, "lost"),
                       .refused = number(json, "refused")};
  if (const Json& error = json.at("calibration_error"); !error.is_null()) info.calibration_error = error.get<double>();
  info.bins = read_list(json.at("bins"), [](const Json& bin) {
    return CalibrationInfo::Bin{
        .predicted = number(bin, "predicted"), .observed = number(bin, "observed"), .count = count(bin, "count")};
  });
  return info;
}

IndexView read_index_view(const Json& json) {
  IndexView view{.kind = text(json, "kind"),
                 .items = count(json, "items"),
                 .dimensions = small(json, "dimensions"),
                 .cells = {},
                 .layers = {},
                 .nodes = {},
                 .links = {}};
  view.cells = read_list(json.at("cells"), [](const Json& cell) {
    return IndexView::Cell{.items = count(cell, "items"),
                           .mean_distance = number(cell, "mean_distance"),
                           .radius = number(cell, "radius"),
                           .place = place(cell)};
  });
  view.layers = read_list(json.at("layers"), [](const Json& layer) {
    return IndexView::Layer{.items = count(layer, "items"), .mean_links = number(layer, "mean_links")};
  });
  view.nodes = read_list(json.at("nodes"), [](const Json& node) {
    return IndexView::Node{.id = text(node, "id"), .layer = small(node, "layer"), .place = place(node)};
  });
  view.links = read_list(json.at("links"), [&view](const Json& link) {
    return IndexView::Link{.from = place_in(view.nodes, link, "from"),
                           .to = place_in(view.nodes, link, "to"),
                           .layer = small(link, "layer")};
  });
  return view;
}

SearchWalk read_walk(const Json& json) {
  SearchWalk walk;
  walk.kind = text(json, "kind");
  walk.query = place(json.at("query"));
  walk.nodes = read_list(json.at("nodes"), [](const Json& node) {
    return SearchWalk::Node{.id = text(node, "id"), .place = place(node)};
  });
  walk.steps = read_list(json.at("steps"), [&walk](const Json& step) {
    return SearchWalk::Step{.node = place_in(walk.nodes, step, "node"),
                            .from = place_in(walk.nodes, step, "from"),
                            .layer = small(step, "layer"),
                            .similarity = number(step, "similarity")};
  });
  walk.visits = read_list(json.at("visits"), [](const Json& visit) {
    return SearchWalk::Visit{
        .cell = small(visit, "cell"), .distance = number(visit, "distance"), .items = count(visit, "items")};
  });
  walk.candidates = read_list(json.at("candidates"), [&walk](const Json& candidate) {
    return SearchWalk::Candidate{.node = place_in(walk.nodes, candidate, "node"),
                                 .estimate = number(candidate, "estimate"),
                                 .similarity = number(candidate, "similarity"),
                                 .rank = candidate.at("rank").is_null() ? 0 : small(candidate, "rank")};
  });
  walk.scanned = json.at("scanned").get<bool>();
  walk.hits = read_list(json.at("hits"), read_hit);
  return walk;
}

CollectionMap read_map(const Json& json) {
  CollectionMap map;
  const auto method = parse_map_method(text(json, "method"));
  if (!method) refuse("no method of a map", json);
  map.method = *method;
  map.kind = text(json, "kind");
  map.items = count(json, "items");
  if (!json.at("explained_variance").is_null()) map.explained_variance = number(json, "explained_variance");
  map.points = read_list(json.at("points"), [](const Json& point) {
    return CollectionMap::Point{.id = text(point, "id"),
                                .place = place(point),
                                .cell = point.contains("cell") ? small(point, "cell") : kNoCell,
                                .layer = small(point, "layer"),
                                .label = point.value("label", "")};
  });
  return map;
}

std::vector<Facet> read_facets(const Json& json) {
  const auto number = [](const Json& value) {
    return value.is_null() ? std::nullopt : std::optional(value.get<double>());
  };
  return read_list(json.at("facets"), [&](const Json& each) {
    return Facet{.field = text(each, "field"),
                 .items = count(json, "items"),
                 .without = count(each, "without"),
                 .distinct = count(each, "distinct"),
                 .values = read_list(each.at("values"),
                                     [](const Json& value) {
                                       return Facet::Value{.value = dump_json(value.at("value")),
                                                           .items = count(value, "items")};
                                     }),
                 .least = number(each.at("least")),
                 .largest = number(each.at("largest"))};
  });
}

MergeReport read_merge_report(const Json& json) {
  return {.added = count(json, "added"), .replaced = count(json, "replaced"), .kept = count(json, "kept")};
}

JobInfo read_job(const Json& json) {
  const auto state = parse_job_state(text(json, "state"));
  if (!state) refuse("no state of a job", json);
  JobInfo job{.id = text(json, "id"),
              .kind = text(json, "kind"),
              .subject = text(json, "subject"),
              .state = *state,
              .created_ms = milliseconds(json, "created"),
              .started_ms = milliseconds(json, "started"),
              .finished_ms = milliseconds(json, "finished"),
              .progress = read_progress(json.at("progress")),
              .error = {},
              .starts = json.at("starts").get<std::uint32_t>(),
              .stage = json.value("stage", "")};
  if (const Json& error = json.at("error"); !error.is_null()) job.error = read_error(error);
  if (const auto epochs = json.find("epochs"); epochs != json.end()) {
    job.epochs = read_list(*epochs, [](const Json& epoch) { return needed(read_train_epoch(epoch), epoch); });
  }
  return job;
}

TrainingInfo read_training(const Json& json) {
  const Json& request = json.at("request");
  auto reader = needed(JsonReader::of(request, "request"), request);
  TrainingInfo info{.request = needed(read_train_request(reader), request),
                    .job = {},
                    .report = needed(read_train_report(json.at("report"), "report"), json)};
  if (const Json& job = json.at("job"); !job.is_null()) info.job = read_job(job);
  return info;
}

std::vector<ItemError> read_item_errors(const Json& json) {
  return read_list(json, [](const Json& entry) { return ItemError{text(entry, "uri"), read_error(entry)}; });
}

ModelInfo read_model(const Json& json) {
  ModelInfo model{.name = text(json, "name"), .folder = text(json, "folder")};
  if (const auto bundle = json.find("bundle"); bundle != json.end()) model.bundle = dump_json(*bundle);
  if (const auto labels = json.find("labels"); labels != json.end()) {
    model.labels = labels->get<std::vector<std::string>>();
  }
  if (const auto error = json.find("error"); error != json.end()) model.error = read_error(*error);
  return model;
}

std::vector<LayerInfo> read_layers(const Json& json) {
  return read_list(json, [](const Json& layer) {
    return LayerInfo{.name = text(layer, "name"),
                     .op = text(layer, "op"),
                     .shape = text(layer, "shape"),
                     .type = text(layer, "type"),
                     .output = layer.at("output").get<bool>()};
  });
}

BundleCheck read_check(const Json& json, Metric metric) {
  BundleCheck check;
  check.space = {.model = text(json, "model"),
                 .hash = text(json, "space"),
                 .dimensions = json.at("dimensions").get<std::uint32_t>(),
                 .metric = metric,
                 .precision = precision(json)};
  check.has_text = json.at("text").get<bool>();
  check.labels = count(json, "labels");
  check.load_ms = number(json, "load_ms");
  check.images_per_s = number(json, "images_per_s");
  if (const Json& golden = json.at("golden_difference"); !golden.is_null()) {
    check.golden_difference = golden.get<double>();
  }
  return check;
}

}  // namespace eidetic::remote
