#include "learn/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <tuple>

#include "index/vector_math.h"
#include "learn/head.h"
#include "learn/hold_out.h"
#include "learn/lbfgs.h"
#include "learn/temperature.h"

namespace eidetic {
namespace {

constexpr std::array kDecays = {1e-4, 1e-3, 1e-2, 1e-1, 1.0};
constexpr std::size_t kFirstDecay = 2;
constexpr unsigned kPatience = 15;  // iterations without a better held-out part
// Of a single layer, held-out items are told apart no better beyond it. Two layers end early instead: what they begin
// with, at random, is no measure.
constexpr double kTolerance = 1e-3;
constexpr double kHiddenTolerance = 1e-5;
constexpr std::size_t kMostConfusions = 10;

std::unexpected<Error> refuse(std::string message) { return fail(ErrorCode::invalid_argument, std::move(message)); }

Result<void> check_options(const LearnOptions& options) {
  if (options.hidden > kMaxHidden) {
    return refuse(fmt::format("a hidden layer of {}: up to {} is possible", options.hidden, kMaxHidden));
  }
  if (!(options.decay >= 0 && options.decay <= 1e6)) {
    return refuse(fmt::format("weight decay is {}: 0 (chosen) to 1e6 is possible", options.decay));
  }
  if (options.iterations < 1 || options.iterations > 10'000) {
    return refuse(fmt::format("{} iterations: 1 to 10000 are possible", options.iterations));
  }
  if (!(options.hold_out > 0 && options.hold_out <= 0.5)) {
    return refuse(fmt::format("{} of each class held out: above 0 and up to 0.5 is possible", options.hold_out));
  }
  if (options.max_items < 4) return refuse(fmt::format("at most {} items: 4 or more are needed", options.max_items));
  return {};
}

// Rows of one width, with their classes.
struct Examples {
  Matrix rows;
  std::vector<std::uint32_t> classes;
};

// Each dimension is moved and stretched to mean 0 and variance 1, as weight decay treats all alike; those that hardly
// vary are not blown up.
class Scaling {
 public:
  Scaling(MatrixView rows, std::span<const std::uint32_t> of) : mean_(rows.columns), factor_(rows.columns) {
    std::vector<double> sums(rows.columns);
    std::vector<double> squares(rows.columns);
    const auto count = static_cast<double>(of.size());
    for (const std::uint32_t row : of) {
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += rows[row][i];
    }
    for (double& sum : sums) sum /= count;
    for (const std::uint32_t row : of) {
      for (std::size_t i = 0; i < sums.size(); ++i) squares[i] += std::pow(rows[row][i] - sums[i], 2);
    }
    const double all = std::accumulate(squares.begin(), squares.end(), 0.0) / static_cast<double>(squares.size());
    constexpr double kLeastShare = 1e-4;  // of the mean variance
    for (std::size_t i = 0; i < sums.size(); ++i) {
      mean_[i] = static_cast<float>(sums[i]);
      const double variance = std::max(squares[i], kLeastShare * all) / count;
      factor_[i] = variance > 0 ? static_cast<float>(1 / std::sqrt(variance)) : 0;
    }
  }

  [[nodiscard]] Matrix gather(MatrixView rows, std::span<const std::uint32_t> of) const {
    Matrix out(of.size(), rows.columns);
    for (std::size_t row = 0; row < of.size(); ++row) {
      const auto from = rows[of[row]];
      const auto to = out[row];
      for (std::size_t i = 0; i < to.size(); ++i) to[i] = (from[i] - mean_[i]) * factor_[i];
    }
    return out;
  }

  // Parameters for rows as they were, of those for scaled ones.
  void undo(const HeadShape& shape, std::span<float> parameters) const {
    const std::size_t outputs = shape.hidden == 0 ? shape.classes : shape.hidden;
    const auto biases = parameters.subspan(outputs * shape.inputs, outputs);
    for (std::size_t output = 0; output < outputs; ++output) {
      const auto weights = parameters.subspan(output * shape.inputs, shape.inputs);
      for (std::size_t i = 0; i < weights.size(); ++i) weights[i] *= factor_[i];
      biases[output] = static_cast<float>(biases[output] - dot_product(weights, mean_));
    }
  }

 private:
  std::vector<float> mean_, factor_;
};

// One call of learn().
class Learning {
 public:
  Learning(MatrixView rows, std::span<const std::uint32_t> classes, HeadShape shape, const LearnOptions& options)
      : rows_(rows), classes_(classes), shape_(shape), options_(&options), decay_(options.decay) {}

  // What is chosen by a part of `rows`.
  void choose(std::span<const std::uint32_t> rows) {
    const HoldOut parts = hold_out(rows, classes_, options_->hold_out, options_->seed + 1);
    iterations_ = options_->iterations;
    if (parts.held.empty()) {
      if (decay_ == 0) decay_ = kDecays[kFirstDecay];
      return;
    }
    const Scaling scaling(rows_, parts.kept);
    const Examples kept = examples(scaling, parts.kept);
    const Examples held = examples(scaling, parts.held);
    Trial best = decay_ > 0 ? attempt(decay_, kept, held) : search(kept, held);
    decay_ = best.decay;
    iterations_ = best.iterations;
    set_aside(best.scores, held.classes);
  }

  // A head learnt on `rows` alone, for rows as they are.
  [[nodiscard]] std::vector<float> fit(std::span<const std::uint32_t> rows) {
    const Scaling scaling(rows_, rows);
    const Examples kept = examples(scaling, rows);
    auto parameters = fresh_parameters(shape_, options_->seed);
    lessen(loss_of(kept, decay_), parameters, iterations_,
           [&](unsigned iteration, auto) { return tell(iteration, iterations_); });
    scaling.undo(shape_, parameters);
    return parameters;
  }

  [[nodiscard]] Examples judged(std::span<const float> parameters, std::span<const std::uint32_t> rows) const {
    Examples all{.rows = Matrix(rows.size(), rows_.columns), .classes = classes_of(rows)};
    for (std::size_t row = 0; row < rows.size(); ++row) std::ranges::copy(rows_[rows[row]], all.rows[row].begin());
    return {.rows = head_scores(shape_, parameters, all.rows), .classes = std::move(all.classes)};
  }

  // Adds scores of rows that nothing was learnt from to what the temperature is fitted to.
  void set_aside(MatrixView scores, std::span<const std::uint32_t> classes) {
    aside_.insert(aside_.end(), scores.values.begin(), scores.values.end());
    aside_classes_.insert(aside_classes_.end(), classes.begin(), classes.end());
  }
  [[nodiscard]] double temperature() const { return fit_temperature({aside_, shape_.classes}, aside_classes_); }

  [[nodiscard]] double decay() const { return decay_; }
  // Of the last fit.
  [[nodiscard]] unsigned iterations() const { return used_iterations_; }
  [[nodiscard]] bool stopped() const { return options_->stop != nullptr && *options_->stop; }

 private:
  struct Trial {
    double decay = 0;
    unsigned iterations = 0;
    double loss = 0;  // of the held-out part at its best temperature
    Matrix scores;    // of the held-out part
  };

  [[nodiscard]] std::vector<std::uint32_t> classes_of(std::span<const std::uint32_t> rows) const {
    std::vector<std::uint32_t> result;
    result.reserve(rows.size());
    for (const std::uint32_t row : rows) result.push_back(classes_[row]);
    return result;
  }
  [[nodiscard]] Examples examples(const Scaling& scaling, std::span<const std::uint32_t> rows) const {
    return {.rows = scaling.gather(rows_, rows), .classes = classes_of(rows)};
  }
  [[nodiscard]] HeadLoss loss_of(const Examples& examples, double decay) const {
    return {.shape = shape_,
            .rows = examples.rows,
            .classes = examples.classes,
            .decay = decay,
            .pool = options_->pool,
            .stop = options_->stop};
  }

  void lessen(const HeadLoss& loss, std::vector<float>& parameters, unsigned iterations, const Watcher& watch) {
    used_iterations_ = minimize(
        parameters, [&](auto at, auto gradient) { return loss.at(at, gradient); },
        {.iterations = iterations, .tolerance = shape_.hidden == 0 ? kTolerance : kHiddenTolerance}, watch);
    report_progress(1);
    ++fits_;
  }

  // From the middle towards where it gets better; the stronger one of equals.
  Trial search(const Examples& kept, const Examples& held) {
    Trial best = attempt(kDecays[kFirstDecay], kept, held);
    bool weaker_helps = false;
    for (std::size_t i = kFirstDecay; i-- > 0 && !stopped();) {
      Trial trial = attempt(kDecays[i], kept, held);
      if (!(trial.loss < best.loss)) break;
      best = std::move(trial);
      weaker_helps = true;
    }
    for (std::size_t i = kFirstDecay + 1; i < kDecays.size() && !weaker_helps && !stopped(); ++i) {
      Trial trial = attempt(kDecays[i], kept, held);
      if (trial.loss > best.loss) break;
      best = std::move(trial);
    }
    return best;
  }

  // Of a single layer, to the end: there is one best head, and decay alone says how closely it follows its examples.
  // Otherwise until the held-out part gets no better; what was best of it.
  Trial attempt(double decay, const Examples& kept, const Examples& held) {
    Trial trial{.decay = decay, .iterations = options_->iterations, .scores = {}};
    double least = std::numeric_limits<double>::infinity();
    auto parameters = fresh_parameters(shape_, options_->seed);
    const auto watch = [&](unsigned iteration, std::span<const float> at) {
      if (shape_.hidden == 0) return tell(iteration, options_->iterations);
      Matrix scores = head_scores(shape_, at, held.rows);
      const double now = cross_entropy(scores, held.classes, 1);
      if (now < least) {
        least = now;
        trial.iterations = iteration;
        trial.scores = std::move(scores);
      }
      return tell(iteration, options_->iterations) && iteration < trial.iterations + kPatience;
    };
    lessen(loss_of(kept, decay), parameters, options_->iterations, watch);
    if (trial.scores.rows() == 0) trial.scores = head_scores(shape_, parameters, held.rows);
    trial.loss = cross_entropy(trial.scores, held.classes, fit_temperature(trial.scores, held.classes));
    return trial;
  }

  // False: stopped.
  [[nodiscard]] bool tell(unsigned iteration, unsigned of) const {
    report_progress(static_cast<double>(iteration) / of);
    return !stopped();
  }
  // Fits are about as long as each other; how many there will be is not known before.
  void report_progress(double share_of_fit) const {
    if (!options_->progress) return;
    const double most = (options_->decay > 0 ? 1 : kDecays.size() - 1) + 2;
    options_->progress(std::min(1.0, (fits_ + share_of_fit) / most));
  }

  MatrixView rows_;
  std::span<const std::uint32_t> classes_;
  HeadShape shape_;
  const LearnOptions* options_;
  double decay_;
  unsigned iterations_ = 0;  // of fit(), at most
  unsigned used_iterations_ = 0;
  unsigned fits_ = 0;
  std::vector<float> aside_;
  std::vector<std::uint32_t> aside_classes_;
};

// What the held-out part says.
void judge(const Examples& scores, std::span<const std::string> names, LearnReport& report) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> wrong;
  std::uint64_t correct = 0;
  for (std::size_t row = 0; row < scores.classes.size(); ++row) {
    const auto values = scores.rows[row];
    const auto best = static_cast<std::uint32_t>(std::ranges::max_element(values) - values.begin());
    const std::uint32_t truth = scores.classes[row];
    ++report.classes[truth].held_out;
    if (best == truth) {
      ++report.classes[truth].correct;
      ++correct;
    } else {
      ++wrong[{truth, best}];
    }
  }
  report.held_out = scores.classes.size();
  report.accuracy = static_cast<double>(correct) / static_cast<double>(report.held_out);
  for (const auto& [pair, count] : wrong) report.confusions.push_back({names[pair.first], names[pair.second], count});
  std::ranges::sort(report.confusions, [](const Confusion& a, const Confusion& b) {
    return std::tie(b.count, a.truth, a.predicted) < std::tie(a.count, b.truth, b.predicted);
  });
  report.confusions.resize(std::min(report.confusions.size(), kMostConfusions));
}

Result<HeadShape> check_input(MatrixView features, std::span<const std::uint32_t> classes,
                              std::span<const std::string> names, const LearnOptions& options) {
  EIDETIC_CHECK(check_options(options));
  if (features.columns == 0 || features.rows() != classes.size()) {
    return refuse(fmt::format("{} vectors and {} classes: one each is needed", features.rows(), classes.size()));
  }
  if (names.size() < 2) {
    return refuse(names.empty()
                      ? std::string("no items to learn from")
                      : fmt::format("all items are of the class '{}': at least two classes are needed", names.front()));
  }
  const HeadShape shape{.inputs = features.columns, .hidden = options.hidden, .classes = names.size()};
  // Before hours are spent on what would be refused at the end.
  EIDETIC_CHECK(
      Classifier::make({.names = {names.begin(), names.end()},
                        .shape = shape,
                        .parameters = std::vector<float>(std::min(shape.parameters(), kMaxClassifierParameters))}));
  return shape;
}

}  // namespace

Result<Matrix> unit_rows(MatrixView rows) {
  Matrix units(rows.rows(), rows.columns);
  for (std::size_t row = 0; row < units.rows(); ++row) {
    if (!all_finite(rows[row])) return refuse(fmt::format("vector {} has values that are not finite", row));
    std::ranges::copy(rows[row], units[row].begin());
    if (const double norm = std::sqrt(dot_product(rows[row], rows[row])); norm > 0) to_unit(units[row], norm);
  }
  return units;
}

Result<LearntClassifier> learn(MatrixView features, std::span<const std::uint32_t> classes,
                               std::vector<std::string> names, ClassifierKind kind, const LearnOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  EIDETIC_TRY(const HeadShape shape, check_input(features, classes, names, options));
  std::vector<std::uint32_t> rows(features.rows());
  std::iota(rows.begin(), rows.end(), 0U);
  LearnReport report;
  if (rows.size() > options.max_items) {
    const double share = static_cast<double>(options.max_items) / static_cast<double>(rows.size());
    rows = hold_out(rows, classes, 1 - share, options.seed + 2).kept;
  }
  EIDETIC_TRY(const Matrix units, options.unit ? unit_rows(features) : Matrix());
  for (std::size_t row = 0; !options.unit && row < features.rows(); ++row) {
    if (!all_finite(features[row])) return refuse(fmt::format("vector {} has values that are not finite", row));
  }
  report.left_out = features.rows() - rows.size();
  report.items = rows.size();
  for (const std::string& name : names) report.classes.push_back({.name = name});
  for (const std::uint32_t row : rows) ++report.classes[classes[row]].items;
  for (const ClassReport& of : report.classes) {
    if (of.items == 1) report.single_classes.push_back(of.name);
  }

  const HoldOut parts = hold_out(rows, classes, options.hold_out, options.seed);
  if (parts.held.empty()) {
    return refuse(
        fmt::format("{} classes of one item each: at least one class needs two, so that what is learnt can be "
                    "judged",
                    names.size()));
  }
  Learning learning(options.unit ? MatrixView(units) : features, classes, shape, options);
  learning.choose(parts.kept);
  const double temperature = learning.temperature();
  const Examples scores = learning.judged(learning.fit(parts.kept), parts.held);
  judge(scores, names, report);
  report.raw_calibration_error = expected_calibration_error(scores.rows, scores.classes, 1);
  report.calibration_error = expected_calibration_error(scores.rows, scores.classes, temperature);
  // Twice the rows for the classifier's own temperature: those held out are new to the head that they were scored with.
  learning.set_aside(scores.rows, scores.classes);
  report.temperature = learning.temperature();
  report.decay = learning.decay();
  auto parameters = learning.fit(rows);
  report.iterations = learning.iterations();
  if (learning.stopped()) return fail(ErrorCode::unavailable, "stopped");
  if (options.progress) options.progress(1);
  EIDETIC_TRY(Classifier classifier, Classifier::make({.kind = kind,
                                                       .names = std::move(names),
                                                       .shape = shape,
                                                       .parameters = std::move(parameters),
                                                       .unit = options.unit,
                                                       .temperature = report.temperature}));
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return LearntClassifier{.classifier = std::move(classifier), .report = std::move(report)};
}

}  // namespace eidetic
