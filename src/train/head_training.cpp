#include "train/head_training.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>
#include <random>
#include <set>
#include <sstream>
#include <utility>

#include "base/threads.h"
#include "index/vector_math.h"
#include "learn/ranking.h"

namespace eidetic {
namespace {

constexpr std::size_t kMostLayers = 8, kWidest = 16'384;
constexpr std::size_t kRowsAtOnce = 512;  // embedded together, held out

std::unexpected<Error> refuse(std::string message) { return fail(ErrorCode::invalid_argument, std::move(message)); }

Result<void> check(const Examples& examples, std::string_view which) {
  const auto& [features, views, classes] = examples;
  if (views < 1 || features.rows() != classes.size() * views) {
    return refuse(fmt::format("{} rows of {} items in {} views", features.rows(), classes.size(), views));
  }
  EIDETIC_CHECK(check_classes(classes, which));
  for (std::size_t row = 0; row < features.rows(); ++row) {
    if (!all_finite(features[row])) return refuse(fmt::format("row {} of the items {} is not finite", row, which));
  }
  return {};
}

// The learning rate at a moment, in epochs.
double rate_at(const HeadTrainingOptions& options, double moment) {
  if (moment < options.warmup_epochs) return options.learning_rate * moment / options.warmup_epochs;
  if (!options.cosine) return options.learning_rate;
  const double left = std::max(1e-9, options.epochs - options.warmup_epochs);
  const double share = std::min(1.0, (moment - options.warmup_epochs) / left);
  return options.learning_rate * (1 + std::cos(std::numbers::pi * share)) / 2;
}

RetrievalMeasures quality(MatrixView rows, std::span<const std::uint32_t> classes, ThreadPool& pool) {
  LabelledVectors vectors(static_cast<std::uint32_t>(rows.columns), Metric::cosine);
  for (std::size_t i = 0; i < classes.size(); ++i) vectors.add(rows[i], classes[i]);
  return rank_all(vectors, {}, pool).mean;
}

class Training {
 public:
  Training(const Examples& learnt, const Examples& held_out, const HeadTrainingOptions& options)
      : learnt_(learnt),
        held_out_(held_out),
        options_(options),
        shape_{.inputs = learnt.features.columns, .layers = options.layers},
        network_(shape_, options.pool),
        loss_(make_loss(options.loss, std::ranges::max(learnt.classes) + std::size_t{1}, shape_.outputs(),
                        options.seed ^ kProxySeed)),
        adam_(shape_.parameters(), options.weight_decay, options.decoupled_decay, options.pool),
        loss_adam_(loss_->parameters().size(), options.weight_decay, options.decoupled_decay, options.pool),
        random_(options.seed) {}

  Result<void> begin(std::optional<HeadCheckpoint> from) {
    now_.parameters = fresh_parameters(shape_, options_.seed ^ kLayerSeed);
    now_.best = now_.parameters;
    if (!from) return {};
    if (from->parameters.size() != now_.parameters.size() || from->best.size() != now_.best.size() ||
        from->loss_parameters.size() != loss_->parameters().size() ||
        from->optimizer.first.size() != now_.parameters.size() ||
        from->loss_optimizer.first.size() != loss_->parameters().size()) {
      return refuse("the checkpoint is of another head: begin anew, or give the options that it was made with");
    }
    now_ = *std::move(from);
    std::ranges::copy(now_.loss_parameters, loss_->parameters().begin());
    adam_.set_state(now_.optimizer);
    loss_adam_.set_state(now_.loss_optimizer);
    std::istringstream(now_.random) >> random_;
    return {};
  }

  [[nodiscard]] bool done() const {
    const auto past = static_cast<unsigned>(now_.epochs.size());
    return past >= options_.epochs || (options_.patience > 0 && past >= now_.best_epoch + options_.patience);
  }

  Result<void> epoch() {
    const auto start = std::chrono::steady_clock::now();
    Epoch& report = now_.epochs.emplace_back();
    report.number = static_cast<unsigned>(now_.epochs.size());
    const auto batches = draw_batches(learnt_.classes, options_.batch, random_);
    for (std::size_t i = 0; i < batches.size(); ++i) {
      if (options_.stop != nullptr && *options_.stop) return fail(ErrorCode::unavailable, "the training was stopped");
      report.learning_rate =
          rate_at(options_, report.number - 1 + (static_cast<double>(i) + 1) / static_cast<double>(batches.size()));
      EIDETIC_CHECK(step(batches[i], report));
    }
    report.loss /= static_cast<double>(batches.size());
    report.mined /= static_cast<double>(batches.size());
    report.held_out = judge();
    if (report.held_out.map_at_r > now_.best_map_at_r || now_.best_epoch == 0) {
      now_.best = now_.parameters;
      now_.best_epoch = report.number;
      now_.best_map_at_r = report.held_out.map_at_r;
    }
    report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return {};
  }

  // As of the end of an epoch.
  const HeadCheckpoint& checkpoint() {
    now_.loss_parameters.assign(loss_->parameters().begin(), loss_->parameters().end());
    now_.optimizer = adam_.state();
    now_.loss_optimizer = loss_adam_.state();
    std::ostringstream random;
    random << random_;
    now_.random = random.str();
    return now_;
  }

  TrainedHead result() {
    return {.shape = std::move(shape_),
            .parameters = std::move(now_.best),
            .before = before(),
            .best_epoch = now_.best_epoch,
            .epochs = std::move(now_.epochs)};
  }

 private:
  static constexpr std::uint64_t kProxySeed = 0x70726F78, kLayerSeed = 0x6C617965;

  Result<void> step(std::span<const std::uint32_t> items, Epoch& report) {
    Matrix rows(items.size(), shape_.inputs);
    std::vector<std::uint32_t> classes;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::size_t view = learnt_.views == 1 ? 0 : random_() % learnt_.views;
      std::ranges::copy(learnt_.features[items[i] * learnt_.views + view], rows[i].begin());
      classes.push_back(learnt_.classes[items[i]]);
    }
    const Matrix& embeddings = network_.forward(now_.parameters, rows);
    const Mined mined = loss_->parameters().empty() ? mine(options_.miner, cosines_of(embeddings), classes) : Mined{};
    Loss::Gradients gradients;
    const double value = loss_->at(embeddings, classes, mined, gradients);
    if (!std::isfinite(value)) {
      return fail(ErrorCode::internal,
                  fmt::format("epoch {}: the loss is no number any more; a smaller learning rate than {} is needed",
                              report.number, options_.learning_rate));
    }
    report.loss += value;
    report.mined += static_cast<double>(mined.positives.size() + mined.negatives.size() + mined.triplets.size());
    gradient_.resize(now_.parameters.size());
    network_.backward(now_.parameters, std::move(gradients.embeddings), gradient_);
    adam_.step(now_.parameters, gradient_, report.learning_rate);
    if (!gradients.parameters.empty()) {
      loss_adam_.step(loss_->parameters(), gradients.parameters, report.learning_rate);
    }
    return {};
  }

  // The first view of each held-out item.
  [[nodiscard]] Matrix held_out_rows() const {
    Matrix rows(held_out_.classes.size(), shape_.inputs);
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      std::ranges::copy(held_out_.features[i * held_out_.views], rows[i].begin());
    }
    return rows;
  }
  [[nodiscard]] RetrievalMeasures rank(MatrixView rows) const {
    if (options_.pool != nullptr) return quality(rows, held_out_.classes, *options_.pool);
    ThreadPool alone(1);
    return quality(rows, held_out_.classes, alone);
  }
  [[nodiscard]] RetrievalMeasures before() const { return rank(held_out_rows()); }
  [[nodiscard]] RetrievalMeasures judge() {
    const Matrix rows = held_out_rows();
    Matrix embeddings(rows.rows(), shape_.outputs());
    for (std::size_t from = 0; from < rows.rows(); from += kRowsAtOnce) {
      const std::size_t count = std::min(kRowsAtOnce, rows.rows() - from);
      const Matrix& some = network_.forward(
          now_.parameters, {rows.values().subspan(from * rows.columns(), count * rows.columns()), rows.columns()});
      std::ranges::copy(some.values(),
                        embeddings.values().begin() + static_cast<std::ptrdiff_t>(from * embeddings.columns()));
    }
    return rank(embeddings);
  }

  const Examples& learnt_;
  const Examples& held_out_;
  const HeadTrainingOptions& options_;
  PerceptronShape shape_;
  Perceptron network_;
  std::unique_ptr<Loss> loss_;
  Adam adam_, loss_adam_;
  std::mt19937_64 random_;
  HeadCheckpoint now_;
  std::vector<float> gradient_;
};

}  // namespace

Result<void> check_options(const HeadTrainingOptions& options) {
  const auto& [size, per_class] = options.batch;
  if (options.layers.empty() || options.layers.size() > kMostLayers ||
      std::ranges::any_of(options.layers, [](auto width) { return width < 1 || width > kWidest; })) {
    return refuse(fmt::format("layers: 1 to {} of 1 to {} values are possible", kMostLayers, kWidest));
  }
  if (size < 2 || size > 65'536 || (per_class > 0 && size % per_class != 0)) {
    return refuse(fmt::format("a batch of {} items, {} a class: 2 to 65536 are possible, a multiple of those a class",
                              size, per_class));
  }
  if (options.epochs < 1 || options.epochs > 100'000) {
    return refuse(fmt::format("{} epochs: 1 to 100000 are possible", options.epochs));
  }
  if (!(options.learning_rate > 0 && options.learning_rate <= 100)) {
    return refuse(fmt::format("a learning rate of {}: above 0 and up to 100 is possible", options.learning_rate));
  }
  if (!(options.weight_decay >= 0 && options.weight_decay <= 100)) {
    return refuse(fmt::format("a weight decay of {}: 0 to 100 is possible", options.weight_decay));
  }
  if (!(options.warmup_epochs >= 0)) return refuse("a warm-up of less than no epoch");
  return {};
}

Result<void> check_classes(std::span<const std::uint32_t> classes, std::string_view which) {
  std::set<std::uint32_t> all;
  bool pair = false;
  for (const std::uint32_t one : classes) pair = !all.insert(one).second || pair;
  if (all.size() < 2)
    return refuse(fmt::format("the items {} are of {} classes: at least two are needed", which, all.size()));
  if (!pair) return refuse(fmt::format("no class of the items {} has two of them", which));
  return {};
}

Result<TrainedHead> train_head(const Examples& learnt, const Examples& held_out, const HeadTrainingOptions& options,
                               std::optional<HeadCheckpoint> from,
                               const std::function<Result<void>(const HeadCheckpoint&)>& after_epoch) {
  EIDETIC_CHECK(check_options(options));
  EIDETIC_CHECK(check(learnt, "to learn from"));
  EIDETIC_CHECK(check(held_out, "held out"));
  if (held_out.features.columns != learnt.features.columns) return refuse("features of two widths");
  Training training(learnt, held_out, options);
  EIDETIC_CHECK(training.begin(std::move(from)));
  while (!training.done()) {
    EIDETIC_CHECK(training.epoch());
    if (after_epoch) EIDETIC_CHECK(after_epoch(training.checkpoint()));
  }
  return training.result();
}

}  // namespace eidetic
