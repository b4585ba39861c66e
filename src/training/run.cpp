#include "training/run.h"

#include <fmt/format.h>

#include <array>
#include <span>
#include <string_view>

#include "base/text.h"

namespace eidetic {
namespace {

constexpr std::array<std::string_view, 6> kLosses = {"circle",       "triplet", "multi_similarity",
                                                     "proxy_anchor", "arcface", "contrastive"};
constexpr std::array<std::string_view, 4> kMiners = {"none", "multi_similarity", "semi_hard", "hard"};
constexpr std::array<std::string_view, 2> kOptimizers = {"adam", "adamw"};
constexpr std::array<std::string_view, 2> kSchedules = {"constant", "cosine"};
constexpr std::array<std::string_view, 2> kSplits = {"within", "classes"};

Result<std::size_t> place_of(std::string_view name, std::span<const std::string_view> names, std::string_view what) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return i;
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("{}: '{}' is not known; there are {}", what, name, fmt::join(names, ", ")));
}

Json measures_json(const RetrievalMeasures& measures) {
  Json json = Json::object();
  for (const auto& [name, measure] : kRetrievalMeasures) json[name] = measures.*measure;
  return json;
}

Json or_null(const std::optional<double>& number) { return number ? Json(*number) : Json(); }

}  // namespace

std::string_view to_string(TrainRequest::Split split) noexcept { return kSplits[static_cast<std::size_t>(split)]; }

Result<TrainRequest::Split> parse_split(std::string_view name) {
  EIDETIC_TRY(const auto place, place_of(name, kSplits, "split"));
  return static_cast<TrainRequest::Split>(place);
}

Result<HeadTrainingOptions> head_options(const TrainRequest& request) {
  EIDETIC_TRY(const auto loss, place_of(request.loss, kLosses, "loss"));
  EIDETIC_TRY(const auto miner, place_of(request.miner, kMiners, "miner"));
  EIDETIC_TRY(const auto optimizer, place_of(request.optimizer, kOptimizers, "optimizer"));
  EIDETIC_TRY(const auto schedule, place_of(request.schedule, kSchedules, "schedule"));
  if (!(request.learnt > 0 && request.learnt < 1)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} of the items to learn from: above 0 and below 1 is possible", request.learnt));
  }
  return HeadTrainingOptions{
      .layers = request.layers,
      .loss = {.kind = static_cast<LossKind>(loss), .margin = request.margin, .scale = request.scale},
      .miner = static_cast<Miner>(miner),
      .batch = {.size = request.batch_size, .per_class = request.per_class},
      .epochs = request.epochs,
      .learning_rate = request.learning_rate,
      .weight_decay = request.weight_decay,
      .decoupled_decay = optimizer == 1,
      .warmup_epochs = request.warmup_epochs,
      .cosine = schedule == 1,
      .patience = request.patience,
      .seed = request.seed};
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
          {"warmup_epochs", request.warmup_epochs},
          {"schedule", request.schedule},
          {"patience", request.patience},
          {"seed", request.seed}};
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
               {"before", measures_json(report.before)},
               {"before_margin", measures_json(report.before_margin)},
               {"after", measures_json(report.after)},
               {"after_margin", measures_json(report.after_margin)},
               {"best_epoch", report.best_epoch},
               {"epochs", Json::array()},
               {"worst", Json::array()},
               {"confusions", Json::array()},
               {"map", Json::array()},
               {"seconds", report.seconds},
               {"interrupted", report.interrupted}};
  for (const TrainEpoch& epoch : report.epochs) {
    Json& one = json["epochs"].emplace_back(measures_json(epoch.held_out));
    one.update({{"epoch", epoch.number},
                {"loss", epoch.loss},
                {"lr", epoch.learning_rate},
                {"mined", epoch.mined},
                {"seconds", epoch.seconds}});
  }
  for (const auto& [name, queries, mean] : report.worst) {
    Json& one = json["worst"].emplace_back(measures_json(mean));
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

std::string epochs_csv(const TrainReport& report) {
  std::string text = "epoch,loss,lr,mined,seconds";
  for (const auto& [name, measure] : kRetrievalMeasures) text += fmt::format(",{}", name);
  text += "\n";
  for (const TrainEpoch& epoch : report.epochs) {
    text +=
        fmt::format("{},{},{},{},{:.3f}", epoch.number, epoch.loss, epoch.learning_rate, epoch.mined, epoch.seconds);
    for (const auto& [name, measure] : kRetrievalMeasures) text += fmt::format(",{}", epoch.held_out.*measure);
    text += "\n";
  }
  return text;
}

}  // namespace eidetic
