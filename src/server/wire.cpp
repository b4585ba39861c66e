#include "server/wire.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <iterator>

#include "base/training_json.h"

namespace eidetic {
namespace {

template <typename Duration>
std::string utc(Duration since_1970) {
  const std::chrono::sys_time<std::chrono::milliseconds> time(
      std::chrono::duration_cast<std::chrono::milliseconds>(since_1970));
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                     (time - seconds).count());
}

bool is_plain(unsigned char c) { return c >= ' ' && c < 0x80 && c != '"' && c != '\\'; }

void append_string(std::string& out, const std::string& text) {
  if (std::ranges::all_of(text, is_plain)) {
    out.append("\"").append(text).append("\"");
  } else {
    out += dump_json(text);
  }
}

void append_number(std::string& out, double value) {
  if (std::isfinite(value)) {
    fmt::format_to(std::back_inserter(out), "{}", value);
  } else {
    out += "null";
  }
}

// null: nothing was learnt.
Json migration_json(const std::optional<MigrationInfo>& migration) {
  if (!migration) return nullptr;
  return {{"model", migration->model},
          {"space", migration->hash},
          {"state", to_string(migration->state)},
          {"total", migration->total},
          {"done", migration->done},
          {"failed", migration->failed},
          {"notes", migration->notes},
          {"until", time_json(migration->until_ms)}};
}

Json training_json(const TrainingReport& training) {
  if (training.rows == 0) return {};
  return {{"items", training.rows},
          {"sampled", training.sampled},
          {"explained_variance", training.explained_variance},
          {"seconds", training.seconds}};
}

Json points_json(std::span<const PicturePoint> points) {
  Json list = Json::array();
  for (const auto& [x, y] : points) list.push_back({{"x", x}, {"y", y}});
  return list;
}

Json to_json(const Verification& found) {
  Json json = {{"verified", found.verified}, {"matches", found.matches}};
  if (!found.note.empty()) json["note"] = found.note;
  if (!found.verified) return json;
  json["inliers"] = found.inliers;
  json["score"] = found.score;
  json["mirrored"] = found.mirrored;
  json["whole_query"] = found.whole_query;
  json["quad"] = points_json(found.quad);
  json["query_quad"] = points_json(found.query_quad);
  json["hit_overlap_pct"] = found.hit_overlap_pct;
  json["query_overlap_pct"] = found.query_overlap_pct;
  return json;
}

Json to_json(const Explanation& explanation) {
  Json terms = Json::array();
  for (const auto& [kind, value, weight, vectors] : explanation.terms) {
    terms.push_back({{"kind", kind}, {"value", value}, {"weight", weight}, {"vectors", vectors}});
  }
  Json json = {{"terms", std::move(terms)},
               {"filter", explanation.filter},
               {"candidates", explanation.candidates},
               {"own", explanation.own},
               {"copies", explanation.copies},
               {"below_similarity", explanation.below_similarity},
               {"below_confidence", explanation.below_confidence},
               {"verified", explanation.verified},
               {"notes", explanation.notes}};
  if (const auto& told = explanation.classification) {
    Json classes = Json::array();
    for (const auto& [name, probability] : told->classes) {
      classes.push_back({{"class", name}, {"probability", probability}});
    }
    json["classification"] = {{"classifier", told->classifier}, {"class", told->class_name},
                              {"confidence", told->confidence}, {"given", told->given},
                              {"fallback", told->fallback},     {"classes", std::move(classes)}};
  }
  return json;
}

Json crop_json(const Crop& crop) {
  return {{"x", crop.x}, {"y", crop.y}, {"width", crop.width}, {"height", crop.height}};
}

void append_extras(std::string&, const Hit&) {}
void append_extras(std::string& out, const SearchHit& hit) {
  if (hit.confidence) {
    out += ",\"confidence\":";
    append_number(out, *hit.confidence);
  }
  if (hit.region) out.append(",\"region\":").append(dump_json(crop_json(*hit.region)));
  if (hit.query_region) out.append(",\"query_region\":").append(dump_json(crop_json(*hit.query_region)));
  if (!hit.copies.empty()) {
    Json copies = Json::array();
    for (const CopyOf& copy : hit.copies) copies.push_back(to_json(copy));
    out.append(",\"copies\":").append(dump_json(copies));
  }
  if (hit.verification) out.append(",\"verification\":").append(dump_json(to_json(*hit.verification)));
}

template <typename AnyHit>
void append_hits(std::string& out, const std::vector<AnyHit>& hits) {
  out += '[';
  for (const AnyHit& hit : hits) {
    if (out.back() != '[') out += ',';
    out += "{\"id\":";
    append_string(out, hit.id);
    out += ",\"similarity\":";
    append_number(out, hit.similarity);
    out += ",\"distance\":";
    append_number(out, hit.distance);
    out += ",\"uri\":";
    append_string(out, hit.uri);
    out.append(",\"metadata\":").append(hit.metadata.empty() ? "{}" : hit.metadata);
    append_extras(out, hit);
    out += '}';
  }
  out += ']';
}

Json place_json(const PlanePoint& place) { return {{"x", place.x}, {"y", place.y}}; }

}  // namespace

Json time_json(std::int64_t milliseconds_since_1970) {
  return milliseconds_since_1970 == 0 ? Json() : Json(utc(std::chrono::milliseconds(milliseconds_since_1970)));
}

// What is stored was checked when it came in.
Json metadata_object(const std::string& metadata) {
  Json object = Json::parse(metadata, nullptr, false);
  return object.is_object() ? object : Json::object();
}

Json to_json(const MigrationReport& report) {
  return {{"collection", report.collection},
          {"embedded", report.embedded},
          {"kept", report.kept},
          {"failed", report.failed},
          {"dropped", report.dropped},
          {"switched", report.switched},
          {"notes", report.notes},
          {"seconds", report.seconds},
          {"errors", to_json(std::span(report.errors))},
          {"interrupted", report.interrupted}};
}

Json to_json(const MigrationComparison& comparison) {
  const auto list = [](const std::vector<MigrationComparison::Found>& hits) {
    Json json = Json::array();
    for (const auto& [id, similarity] : hits) json.push_back({{"id", id}, {"similarity", similarity}});
    return json;
  };
  Json searches = Json::array();
  for (const auto& [id, overlap, hits, other_hits] : comparison.searches) {
    searches.push_back({{"id", id}, {"overlap", overlap}, {"hits", list(hits)}, {"other_hits", list(other_hits)}});
  }
  const auto report = [&](const std::optional<EvalReport>& one) {
    return one ? to_json(*one, comparison.collection) : Json();
  };
  return {{"collection", comparison.collection},
          {"model", comparison.model},
          {"other_model", comparison.other_model},
          {"items", comparison.items},
          {"compared", comparison.compared},
          {"overlap", comparison.overlap},
          {"overlap_margin", comparison.overlap_margin},
          {"same_first", comparison.same_first},
          {"searches", std::move(searches)},
          {"report", report(comparison.report)},
          {"other_report", report(comparison.other_report)}};
}

Json to_json(const CollectionInfo& info) {
  const Space& space = info.spec.space;
  return {{"name", info.spec.name},
          {"items", info.items},
          {"backend", info.backend},
          {"model", space.model},
          {"space", space.hash},
          {"dimensions", space.dimensions},
          {"metric", to_string(space.metric)},
          {"precision", to_string(space.precision)},
          {"index", info.spec.index},
          {"index_kind", info.index_kind},
          {"index_building", info.index_building},
          {"index_training", training_json(info.index_training)},
          {"index_note", info.index_note},
          {"search", {{"ef", info.search.ef}, {"nprobe", info.search.nprobe}, {"rescore", info.search.rescore}}},
          {"regions", info.regions.empty() ? "none" : info.regions},
          {"region_vectors", info.parts},
          {"description", info.description},
          {"source", info.source},
          {"migration", migration_json(info.migration)},
          {"memory_bytes", info.memory_bytes},
          {"disk_bytes", info.disk_bytes},
          {"created", utc(std::chrono::milliseconds(info.created_ms))}};
}

Json to_json(const Item& item) {
  Json json = {{"id", item.id},
               {"uri", item.uri},
               {"content_hash", item.content_hash},
               {"size_bytes", item.size_bytes},
               {"modified", item.modified_ns == 0 ? Json() : Json(utc(std::chrono::nanoseconds(item.modified_ns)))},
               {"metadata", metadata_object(item.metadata)}};
  if (!item.vector.empty()) json["vector"] = item.vector;
  return json;
}

Json to_json(const Error& error) { return {{"code", to_string(error.code)}, {"message", error.message}}; }

Json to_json(const Result<PutResult>& result) {
  if (!result) return {{"error", to_json(result.error())}};
  Json json = {{"id", result->id}, {"outcome", to_string(result->outcome)}};
  if (result->copy_of) json["copy_of"] = to_json(*result->copy_of);
  return json;
}

Json to_json(const CopyOf& copy) {
  return {{"id", copy.id}, {"copy_score", copy.copy_score}, {"judged_by", to_string(copy.evidence)}};
}

Json to_json(const DuplicatesReport& report) {
  Json groups = Json::array();
  for (const DuplicateGroup& group : report.found) {
    Json members = Json::array();
    for (const auto& member : group.members) {
      const auto pixels = [](std::int32_t side) { return side > 0 ? Json(side) : Json(); };
      members.push_back({{"id", member.id},
                         {"bytes", member.size_bytes},
                         {"width", pixels(member.width)},
                         {"height", pixels(member.height)},
                         {"similarity", member.similarity},
                         {"hash_distance", member.hash_distance ? Json(*member.hash_distance) : Json()},
                         {"copy_score", member.copy_score},
                         {"judged_by", to_string(member.evidence)}});
    }
    groups.push_back({{"keep", group.members.front().id}, {"centre", group.centre}, {"members", std::move(members)}});
  }
  return {{"collection", report.collection}, {"items", report.items},           {"groups", report.groups},
          {"duplicates", report.duplicates}, {"exact", report.exact},           {"pairs", report.pairs},
          {"verified", report.verified},     {"unreadable", report.unreadable}, {"seconds", report.seconds},
          {"found", std::move(groups)}};
}

Json to_json(const JobInfo& job) {
  const IndexProgress& progress = job.progress;
  Json json = {{"id", job.id},
               {"kind", job.kind},
               {"subject", job.subject},
               {"state", to_string(job.state)},
               {"created", utc(std::chrono::milliseconds(job.created_ms))},
               {"started", time_json(job.started_ms)},
               {"finished", time_json(job.finished_ms)},
               {"progress",
                {{"total", progress.total},
                 {"done", progress.done},
                 {"indexed", progress.indexed},
                 {"skipped", progress.skipped},
                 {"failed", progress.failed},
                 {"seconds", progress.seconds}}},
               {"error", job.error ? to_json(*job.error) : Json()},
               {"starts", job.starts}};
  if (!job.stage.empty()) json["stage"] = job.stage;
  for (const TrainEpoch& epoch : job.epochs) json["epochs"].push_back(to_json(epoch));
  return json;
}

Json to_json(const TrainingInfo& info) {
  return {{"name", info.request.name},
          {"request", to_json(info.request)},
          {"job", info.job ? to_json(*info.job) : Json()},
          {"report", to_json(info.report)}};
}

Json to_json(std::span<const ItemError> failures) {
  Json list = Json::array();
  for (const ItemError& failure : failures) {
    list.push_back({{"uri", failure.uri}, {"code", to_string(failure.error.code)}, {"message", failure.error.message}});
  }
  return list;
}

Json to_json(const ModelInfo& model) {
  Json json = {{"name", model.name}, {"folder", model.folder}};
  if (model.error) {
    json["error"] = to_json(*model.error);
  } else {
    json["bundle"] = metadata_object(model.bundle);
    if (!model.labels.empty()) json["labels"] = model.labels;
  }
  return json;
}

Json to_json(const EvalReport& report, std::string_view collection) {
  Json recall = Json::object();
  for (const auto& [k, share] : report.recall_at) recall[std::to_string(k)] = share;
  Json json = to_json(report.mean);
  json.update({{"collection", collection},
               {"label", report.label},
               {"queries", report.queries},
               {"classes", report.classes},
               {"unlabelled", report.unlabelled},
               {"margin", to_json(report.margin)},
               {"recall_at", std::move(recall)},
               {"nmi", report.nmi},
               {"ami", report.ami},
               {"by_class", Json::array()}});
  for (const auto& [name, queries, mean] : report.by_class) {
    Json& one = json["by_class"].emplace_back(to_json(mean));
    one["class"] = name;
    one["queries"] = queries;
  }
  return json;
}

Json to_json(std::span<const Facet> facets, std::string_view collection) {
  const auto number = [](std::optional<double> value) { return value ? Json(*value) : Json(); };
  Json list = Json::array();
  for (const Facet& facet : facets) {
    Json values = Json::array();
    for (const auto& [value, items] : facet.values) {
      values.push_back({{"value", Json::parse(value)}, {"items", items}});
    }
    list.push_back({{"field", facet.field},
                    {"without", facet.without},
                    {"distinct", facet.distinct},
                    {"least", number(facet.least)},
                    {"largest", number(facet.largest)},
                    {"values", std::move(values)}});
  }
  return {
      {"collection", collection}, {"items", facets.empty() ? 0 : facets.front().items}, {"facets", std::move(list)}};
}

Json to_json(const ClassifierInfo& info) {
  return {{"name", info.name},
          {"kind", to_string(info.kind)},
          {"label", info.label},
          {"classes", info.classes},
          {"min_confidence", info.min_confidence},
          {"items", info.items},
          {"held_out", info.held_out},
          {"accuracy", info.accuracy},
          {"calibration_error", info.calibration_error}};
}

Json to_json(const CalibrationInfo& info, std::string_view collection) {
  Json bins = Json::array();
  for (const auto& [predicted, observed, count] : info.bins) {
    bins.push_back({{"predicted", predicted}, {"observed", observed}, {"count", count}});
  }
  return {{"collection", collection},
          {"label", info.label},
          {"items", info.items},
          {"searches", info.searches},
          {"labels", info.labels},
          {"recommended", info.recommended},
          {"lost", info.lost},
          {"refused", info.refused},
          {"calibration_error", info.calibration_error ? Json(*info.calibration_error) : Json()},
          {"bins", std::move(bins)}};
}

Json to_json(const MergeReport& report, std::string_view collection) {
  return {{"collection", collection}, {"added", report.added}, {"replaced", report.replaced}, {"kept", report.kept}};
}

Json to_json(const IndexView& view, std::string_view collection) {
  Json cells = Json::array();
  for (const auto& [items, mean_distance, radius, place] : view.cells) {
    cells.push_back(
        {{"items", items}, {"mean_distance", mean_distance}, {"radius", radius}, {"x", place.x}, {"y", place.y}});
  }
  Json layers = Json::array();
  for (const auto& layer : view.layers) layers.push_back({{"items", layer.items}, {"mean_links", layer.mean_links}});
  Json nodes = Json::array();
  for (const auto& [id, layer, place] : view.nodes) {
    nodes.push_back({{"id", id}, {"layer", layer}, {"x", place.x}, {"y", place.y}});
  }
  Json links = Json::array();
  for (const auto& link : view.links) {
    links.push_back({{"from", link.from}, {"to", link.to}, {"layer", link.layer}});
  }
  return {{"collection", collection},      {"kind", view.kind},         {"items", view.items},
          {"dimensions", view.dimensions}, {"cells", std::move(cells)}, {"layers", std::move(layers)},
          {"nodes", std::move(nodes)},     {"links", std::move(links)}};
}

Json to_json(const SearchWalk& walk, std::string_view collection) {
  Json nodes = Json::array();
  for (const auto& [id, place] : walk.nodes) nodes.push_back({{"id", id}, {"x", place.x}, {"y", place.y}});
  Json steps = Json::array();
  for (const auto& [node, from, layer, similarity] : walk.steps) {
    steps.push_back({{"node", node}, {"from", from}, {"layer", layer}, {"similarity", similarity}});
  }
  Json visits = Json::array();
  for (const auto& [cell, distance, items] : walk.visits) {
    visits.push_back({{"cell", cell}, {"distance", distance}, {"items", items}});
  }
  Json candidates = Json::array();
  for (const auto& [node, estimate, similarity, rank] : walk.candidates) {
    candidates.push_back({{"node", node},
                          {"estimate", estimate},
                          {"similarity", similarity},
                          {"rank", rank == 0 ? Json() : Json(rank)}});
  }
  std::string hits;
  append_hits(hits, walk.hits);
  return {{"collection", collection},
          {"kind", walk.kind},
          {"query", place_json(walk.query)},
          {"nodes", std::move(nodes)},
          {"steps", std::move(steps)},
          {"visits", std::move(visits)},
          {"candidates", std::move(candidates)},
          {"scanned", walk.scanned},
          {"hits", Json::parse(hits)}};
}

std::string map_json(const CollectionMap& map, std::string_view collection) {
  std::string out = "{\"collection\":";
  append_string(out, std::string(collection));
  out.append(",\"method\":\"").append(to_string(map.method)).append("\",\"kind\":");
  append_string(out, map.kind);
  fmt::format_to(std::back_inserter(out), ",\"items\":{},\"explained_variance\":", map.items);
  append_number(out, map.method == MapMethod::pca ? map.explained_variance : std::nan(""));
  out += ",\"points\":[";
  for (const auto& point : map.points) {
    if (out.back() != '[') out += ',';
    out += "{\"id\":";
    append_string(out, point.id);
    fmt::format_to(std::back_inserter(out), ",\"x\":{},\"y\":{}", point.place.x, point.place.y);
    if (point.cell != kNoCell) fmt::format_to(std::back_inserter(out), ",\"cell\":{}", point.cell);
    fmt::format_to(std::back_inserter(out), ",\"layer\":{}", point.layer);
    if (!point.label.empty()) {
      out += ",\"label\":";
      append_string(out, point.label);
    }
    out += '}';
  }
  return out + "]}";
}

std::string search_json(const SearchResult& result) {
  std::string out = "{\"collection\":";
  append_string(out, result.collection);
  out += ",\"model\":";
  append_string(out, result.model);
  out += ",\"hits\":";
  append_hits(out, result.hits);
  out += ",\"timings_ms\":{";
  for (const Timing& timing : result.timings) {
    if (out.back() != '{') out += ',';
    append_string(out, timing.stage);
    out += ':';
    append_number(out, timing.ms);
  }
  out += "},\"items_per_s\":{";
  for (const Timing& timing : result.timings) {
    if (timing.items == 0 || timing.ms <= 0) continue;
    if (out.back() != '{') out += ',';
    append_string(out, timing.stage);
    constexpr double kMilliseconds = 1e3;
    fmt::format_to(std::back_inserter(out), ":{:.3f}", static_cast<double>(timing.items) * kMilliseconds / timing.ms);
  }
  out.append("},\"nothing_similar\":").append(result.nothing_similar ? "true" : "false");
  return out.append(",\"explain\":").append(dump_json(to_json(result.explanation))).append("}");
}

}  // namespace eidetic
