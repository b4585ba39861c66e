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

Result<std::size_t> place_of(std::string_view name, std::span<const std::string_view> names, std::string_view what) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return i;
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("{}: '{}' is not known; there are {}", what, name, fmt::join(names, ", ")));
}

}  // namespace

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
