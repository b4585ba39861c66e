#include "base/training_json.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace eidetic {
namespace {

constexpr std::array<std::string_view, 2> kSplits = {"within", "classes"};

Json or_null(const std::optional<double>& number) { return number ? Json(*number) : Json(); }

// A whole number from 0 to what fits.
template <typename Number>
Result<void> read_whole(JsonReader& reader, const char* field, Number& number) {
  EIDETIC_TRY(const auto value, reader.get_or<std::int64_t>(field, static_cast<std::int64_t>(number)));
  if (value < 0 || static_cast<std::uint64_t>(value) > std::numeric_limits<Number>::max()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}: {}: {} is no whole number from 0", reader.where(), field, value));
  }
  number = static_cast<Number>(value);
  return {};
}

template <typename T>
Result<void> read_field(JsonReader& reader, const char* field, T& value) {
  EIDETIC_TRY(value, reader.get_or<T>(field, value));
  return {};
}

Result<void> read_field(JsonReader& reader, const char* field, std::optional<double>& value) {
  if (!reader.has(field)) {
    EIDETIC_CHECK(reader.get_or<double>(field, 0));  // known, and null
    return {};
  }
  EIDETIC_TRY(value, reader.get<double>(field));
  return {};
}

Result<std::vector<std::size_t>> read_layers(JsonReader& reader, const std::vector<std::size_t>& fallback) {
  EIDETIC_TRY(const auto asked,
              reader.get_or<std::vector<double>>("embedder_layers", {fallback.begin(), fallback.end()}));
  std::vector<std::size_t> layers;
  for (const double width : asked) {
    constexpr double kMost = 1e9;
    if (!(width >= 0 && width <= kMost) || std::trunc(width) != width) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{}: embedder_layers: {} is no number of values", reader.where(), width));
    }
    layers.push_back(static_cast<std::size_t>(width));
  }
  return layers;
}

Result<RetrievalMeasures> read_measures(const Json& json, const std::string& what) {
  EIDETIC_TRY(auto reader, JsonReader::of(json, what));
  RetrievalMeasures measures;
  for (const auto& [name, measure] : kRetrievalMeasures)
    EIDETIC_CHECK(read_field(reader, name.data(), measures.*measure));
  return measures;
}

Result<PlanePoint> read_place(JsonReader& reader, const char* field) {
  EIDETIC_TRY(const auto place, reader.get<Json>(field));
  if (!place.is_array() || place.size() != 2 || !place[0].is_number() || !place[1].is_number()) {
    return fail(ErrorCode::invalid_argument, fmt::format("{}: {} is no place of a plane", reader.where(), field));
  }
  return PlanePoint{place[0].get<float>(), place[1].get<float>()};
}

Result<RetrievalMeasures> read_measures(JsonReader& reader, const char* field) {
  EIDETIC_TRY(const Json json, reader.get<Json>(field));
  return read_measures(json, fmt::format("{}: {}", reader.where(), field));
}

}  // namespace

std::string_view to_string(TrainRequest::Split split) noexcept { return kSplits[static_cast<std::size_t>(split)]; }

Result<TrainRequest::Split> parse_split(std::string_view name) {
  for (std::size_t i = 0; i < kSplits.size(); ++i) {
    if (kSplits[i] == name) return static_cast<TrainRequest::Split>(i);
  }
  return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no way to split: within or classes", name));
}

Json to_json(const TrainRequest& request) {
  return {{"collection", request.collection},
          {"label", request.label},
          {"group", request.group},
          {"split_by", to_string(request.split)},
          {"split", request.learnt},
          {"name", request.name},
          {"trunk_model", request.trunk},
          {"input_size", request.input_size},
          {"embedder_layers", request.layers},
          {"views", request.views},
          {"loss", request.loss},
          {"margin", or_null(request.margin)},
          {"scale", or_null(request.scale)},
          {"miner", request.miner},
          {"batch_size", request.batch_size},
          {"sampler_m", request.per_class},
          {"epochs", request.epochs},
          {"lr", request.learning_rate},
          {"weight_decay", request.weight_decay},
          {"optimizer", request.optimizer},
          {"warmup", request.warmup_epochs},
          {"schedule", request.schedule},
          {"patience", request.patience},
          {"seed", request.seed}};
}

Result<TrainRequest> read_train_request(JsonReader& reader) {
  TrainRequest request;
  EIDETIC_CHECK(read_field(reader, "collection", request.collection));
  EIDETIC_CHECK(read_field(reader, "label", request.label));
  EIDETIC_CHECK(read_field(reader, "group", request.group));
  EIDETIC_TRY(const auto split, reader.get_or("split_by", std::string(to_string(request.split))));
  EIDETIC_TRY(request.split, parse_split(split));
  EIDETIC_CHECK(read_field(reader, "split", request.learnt));
  EIDETIC_CHECK(read_field(reader, "name", request.name));
  EIDETIC_CHECK(read_field(reader, "trunk_model", request.trunk));
  EIDETIC_CHECK(read_whole(reader, "input_size", request.input_size));
  EIDETIC_TRY(request.layers, read_layers(reader, request.layers));
  EIDETIC_CHECK(read_whole(reader, "views", request.views));
  EIDETIC_CHECK(read_field(reader, "loss", request.loss));
  EIDETIC_CHECK(read_field(reader, "margin", request.margin));
  EIDETIC_CHECK(read_field(reader, "scale", request.scale));
  EIDETIC_CHECK(read_field(reader, "miner", request.miner));
  EIDETIC_CHECK(read_whole(reader, "batch_size", request.batch_size));
  EIDETIC_CHECK(read_whole(reader, "sampler_m", request.per_class));
  EIDETIC_CHECK(read_whole(reader, "epochs", request.epochs));
  EIDETIC_CHECK(read_field(reader, "lr", request.learning_rate));
  EIDETIC_CHECK(read_field(reader, "weight_decay", request.weight_decay));
  EIDETIC_CHECK(read_field(reader, "optimizer", request.optimizer));
  EIDETIC_CHECK(read_field(reader, "warmup", request.warmup_epochs));
  EIDETIC_CHECK(read_field(reader, "schedule", request.schedule));
  EIDETIC_CHECK(read_whole(reader, "patience", request.patience));
  EIDETIC_CHECK(read_whole(reader, "seed", request.seed));
  return request;
}

Json to_json(const RetrievalMeasures& measures) {
  Json json = Json::object();
  for (const auto& [name, measure] : kRetrievalMeasures) json[name] = measures.*measure;
  return json;
}

Json to_json(const TrainEpoch& epoch) {
  Json json = to_json(epoch.held_out);
  json.update({{"epoch", epoch.number},
               {"loss", epoch.loss},
               {"lr", epoch.learning_rate},
               {"mined", epoch.mined},
               {"seconds", epoch.seconds}});
  return json;
}

Result<TrainEpoch> read_train_epoch(const Json& json) {
  EIDETIC_TRY(auto reader, JsonReader::of(json, "an epoch"));
  TrainEpoch epoch;
  EIDETIC_CHECK(read_whole(reader, "epoch", epoch.number));
  EIDETIC_TRY(epoch.loss, reader.get<double>("loss"));
  EIDETIC_TRY(epoch.learning_rate, reader.get<double>("lr"));
  EIDETIC_TRY(epoch.mined, reader.get<double>("mined"));
  EIDETIC_TRY(epoch.seconds, reader.get<double>("seconds"));
  EIDETIC_TRY(epoch.held_out, read_measures(json, "an epoch"));
  return epoch;
}

Json to_json(const TrainReport& report) {
  Json json = {{"name", report.name},
               {"model", report.model},
               {"folder", report.folder.native()},
               {"items", report.items},
               {"classes", report.classes},
               {"learnt", report.learnt},
               {"held_out", report.held_out},
               {"failed", report.failed},
               {"before", to_json(report.before)},
               {"before_margin", to_json(report.before_margin)},
               {"after", to_json(report.after)},
               {"after_margin", to_json(report.after_margin)},
               {"best_epoch", report.best_epoch},
               {"epochs", Json::array()},
               {"worst", Json::array()},
               {"confusions", Json::array()},
               {"map", Json::array()},
               {"seconds", report.seconds},
               {"interrupted", report.interrupted}};
  for (const TrainEpoch& epoch : report.epochs) json["epochs"].push_back(to_json(epoch));
  for (const auto& [name, queries, mean] : report.worst) {
    Json& one = json["worst"].emplace_back(to_json(mean));
    one.update({{"class", name}, {"queries", queries}});
  }
  for (const TrainConfusion& one : report.confusions) {
    json["confusions"].push_back({{"class", one.label},
                                  {"taken_for", one.taken_for},
                                  {"count", one.count},
                                  {"id", one.id},
                                  {"nearest", one.nearest},
                                  {"similarity", one.similarity}});
  }
  for (const auto& [label, before, after] : report.map) {
    json["map"].push_back({{"class", label}, {"before", {before.x, before.y}}, {"after", {after.x, after.y}}});
  }
  return json;
}

Result<TrainReport> read_train_report(const Json& json, std::string_view what) {
  EIDETIC_TRY(auto reader, JsonReader::of(json, std::string(what)));
  TrainReport report;
  EIDETIC_TRY(report.name, reader.get<std::string>("name"));
  EIDETIC_TRY(report.model, reader.get<std::string>("model"));
  EIDETIC_TRY(report.folder, reader.get<std::string>("folder"));
  EIDETIC_CHECK(read_whole(reader, "items", report.items));
  EIDETIC_CHECK(read_whole(reader, "classes", report.classes));
  EIDETIC_CHECK(read_whole(reader, "learnt", report.learnt));
  EIDETIC_CHECK(read_whole(reader, "held_out", report.held_out));
  EIDETIC_CHECK(read_whole(reader, "failed", report.failed));
  EIDETIC_TRY(report.before, read_measures(reader, "before"));
  EIDETIC_TRY(report.before_margin, read_measures(reader, "before_margin"));
  EIDETIC_TRY(report.after, read_measures(reader, "after"));
  EIDETIC_TRY(report.after_margin, read_measures(reader, "after_margin"));
  EIDETIC_CHECK(read_whole(reader, "best_epoch", report.best_epoch));
  EIDETIC_CHECK(read_field(reader, "seconds", report.seconds));
  EIDETIC_CHECK(read_field(reader, "interrupted", report.interrupted));
  // Lists of the API leave the epochs and the map out.
  EIDETIC_TRY(const auto epochs, reader.get_or<Json>("epochs", Json::array()));
  for (const Json& epoch : epochs) {
    EIDETIC_TRY(report.epochs.emplace_back(), read_train_epoch(epoch));
  }
  EIDETIC_TRY(const auto worst, reader.get<Json>("worst"));
  for (const Json& one : worst) {
    EIDETIC_TRY(auto entry, JsonReader::of(one, reader.where()));
    EvalReport::Class& told = report.worst.emplace_back();
    EIDETIC_TRY(told.name, entry.get<std::string>("class"));
    EIDETIC_CHECK(read_whole(entry, "queries", told.queries));
    EIDETIC_TRY(told.mean, read_measures(one, reader.where()));
  }
  EIDETIC_TRY(const auto confusions, reader.get<Json>("confusions"));
  for (const Json& one : confusions) {
    EIDETIC_TRY(auto entry, JsonReader::of(one, reader.where()));
    TrainConfusion& told = report.confusions.emplace_back();
    EIDETIC_TRY(told.label, entry.get<std::string>("class"));
    EIDETIC_TRY(told.taken_for, entry.get<std::string>("taken_for"));
    EIDETIC_CHECK(read_whole(entry, "count", told.count));
    EIDETIC_TRY(told.id, entry.get<std::string>("id"));
    EIDETIC_TRY(told.nearest, entry.get<std::string>("nearest"));
    EIDETIC_TRY(told.similarity, entry.get<double>("similarity"));
  }
  EIDETIC_TRY(const auto map, reader.get_or<Json>("map", Json::array()));
  for (const Json& one : map) {
    EIDETIC_TRY(auto entry, JsonReader::of(one, reader.where()));
    TrainPlace& told = report.map.emplace_back();
    EIDETIC_TRY(told.label, entry.get<std::string>("class"));
    EIDETIC_TRY(told.before, read_place(entry, "before"));
    EIDETIC_TRY(told.after, read_place(entry, "after"));
  }
  return report;
}

}  // namespace eidetic
