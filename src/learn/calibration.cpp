#include "learn/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <random>

#include "index/vector_math.h"

namespace eidetic {
namespace {

constexpr std::size_t kParts = 5;        // that classes are held out in
constexpr std::size_t kNoPart = kParts;  // nothing is held out
constexpr std::size_t kLeastDrop = 3;    // hits that are taken as matches at least, where there are no labels
constexpr std::size_t kMostDrop = 100;   // and at most
constexpr double kFirstWeight =
    kCalibrationRanks;  // of a first hit; of each later one 1: the answer hangs on the first
constexpr double kRidge = 1e-3;
constexpr int kIterations = 100;

// What one search found.
struct List {
  std::vector<double> values;  // similarities as they are measured (CalibrationCurve), best first; not empty
  std::vector<bool> matches;
  bool present = true;        // false: as if nothing of its kind were there
  std::size_t part = kParts;  // that it is held out in

  [[nodiscard]] bool right() const { return present && matches.front(); }
};

// A similarity as a straight line can be laid through it.
double measure(double similarity, Metric metric, double query_length) {
  if (metric == Metric::euclidean) return 1 - 1 / similarity;
  return metric == Metric::dot ? similarity / query_length : similarity;
}

double sigmoid(double value) { return 1 / (1 + std::exp(-value)); }

double confidence(const CalibrationCurve& curve, double value, double best) {
  const double sum = curve.similarity * value + curve.best * best + curve.offset;
  return std::isnan(sum) ? 0 : sigmoid(sum);
}

std::unexpected<Error> nothing_to_learn() {
  return fail(ErrorCode::invalid_argument,
              "no confidence can be learnt here: the similarities of matches are not above those of other items");
}

Result<void> check_options(const CalibrationOptions& options) {
  if (!(options.absent_share > 0 && options.absent_share < 1)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the share of searches for what is absent is {}: give one above 0 and below 1",
                            options.absent_share));
  }
  if (!(options.lost_share >= 0 && options.lost_share <= 0.5)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the share of matches that may be lost is {}: give one from 0 to 0.5", options.lost_share));
  }
  return {};
}

bool usable(std::span<const double> similarities, Metric metric) {
  const auto good = [metric](double value) {
    return std::abs(value) <= kMaxNorm * kMaxNorm && (metric != Metric::euclidean || value > 0);
  };
  return std::ranges::all_of(similarities, good) && std::ranges::is_sorted(similarities, std::greater{});
}

Result<void> check_cases(std::span<const CalibrationCase> cases, Metric metric) {
  if (cases.size() < kLeastCalibrationCases) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} items to calibrate by are too few: {} are needed",
                                                         cases.size(), kLeastCalibrationCases));
  }
  if (cases.size() > kMaxCalibrationCases) {
    return fail(ErrorCode::overloaded,
                fmt::format("{} searches to calibrate by: up to {} are possible", cases.size(), kMaxCalibrationCases));
  }
  const bool labelled = cases.front().label != kNoLabel;
  std::map<std::uint32_t, std::size_t> labels;
  for (const CalibrationCase& each : cases) {
    if ((each.label != kNoLabel) != labelled) {
      return fail(ErrorCode::invalid_argument, "some searches to calibrate by have a label and some have none");
    }
    if (!usable(each.similarities, metric) || !usable(each.strangers, metric) || !(each.query_length > 0)) {
      return fail(ErrorCode::invalid_argument,
                  "a search to calibrate by has similarities that are none, or not best first");
    }
    if (labelled && each.matches.size() != each.similarities.size()) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("a search to calibrate by has {} hits and says of {} whether "
                              "they match",
                              each.similarities.size(), each.matches.size()));
    }
    if (!labelled && each.similarities.size() < kLeastCalibrationReach) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("a search to calibrate by found {} items: without labels {} are needed",
                              each.similarities.size(), kLeastCalibrationReach));
    }
    if (labelled && !each.similarities.empty()) ++labels[each.label];
  }
  if (labelled && std::ranges::all_of(cases, [](const CalibrationCase& each) { return each.strangers.empty(); })) {
    return fail(ErrorCode::invalid_argument, "no search to calibrate by says which items of other labels are near");
  }
  if (labelled && labels.size() < kLeastCalibrationLabels) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("{} labels of two items or more are too few to calibrate by: {} are needed; leave labels out",
                    labels.size(), kLeastCalibrationLabels));
  }
  return {};
}

// The part that each label is held out in.
std::map<std::uint32_t, std::size_t> parts_of(std::span<const CalibrationCase> cases, std::uint64_t seed) {
  std::map<std::uint32_t, std::size_t> parts;
  for (const CalibrationCase& each : cases) parts[each.label] = 0;
  std::vector<std::size_t> places(parts.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  std::mt19937_64 random(seed);
  for (std::size_t i = 0; i < places.size(); ++i) std::swap(places[i], places[i + random() % (places.size() - i)]);
  std::size_t i = 0;
  for (auto& [label, part] : parts) part = places[i++] % kParts;
  return parts;
}

// How many hits lie before the widest drop.
std::size_t before_widest_drop(std::span<const double> values) {
  const std::size_t end = std::min(kMostDrop, values.size() - kCalibrationRanks);
  std::size_t widest = kLeastDrop;
  for (std::size_t count = kLeastDrop; count <= end; ++count) {
    if (values[count - 1] - values[count] > values[widest - 1] - values[widest]) widest = count;
  }
  return widest;
}

void add_list(std::vector<List>& lists, std::span<const double> values, std::vector<bool> matches, bool present,
              std::size_t part) {
  const std::size_t count = std::min(values.size(), kCalibrationRanks);
  if (count == 0) return;
  matches.resize(count);
  lists.push_back({.values = {values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count)},
                   .matches = std::move(matches),
                   .present = present,
                   .part = part});
}

std::vector<List> lists_of(std::span<const CalibrationCase> cases, const CalibrationOptions& options) {
  const auto parts = parts_of(cases, options.seed);
  std::vector<List> lists;
  lists.reserve(2 * cases.size());
  for (const CalibrationCase& each : cases) {
    const auto measured = [&](std::span<const double> similarities) {
      std::vector<double> values;
      for (const double similarity : similarities.first(std::min(similarities.size(), kCalibrationReach))) {
        values.push_back(measure(similarity, options.metric, each.query_length));
      }
      return values;
    };
    const std::vector<double> values = measured(each.similarities);
    if (each.label != kNoLabel) {
      const std::size_t part = parts.at(each.label);
      add_list(lists, values, each.matches, true, part);
      add_list(lists, measured(each.strangers), {}, false, part);
    } else {
      const std::size_t alike = before_widest_drop(values);
      add_list(lists, values, std::vector<bool>(alike, true), true, kParts);
      add_list(lists, std::span(values).subspan(alike), {}, false, kParts);
    }
  }
  return lists;
}

struct Example {
  std::array<double, 3> x;  // the hit's similarity, the first hit's, 1
  bool match;
  double weight;  // all together 1
};

// Of all lists that are not held out; searches for what is absent weigh `absent_share` together.
std::vector<Example> examples_of(std::span<const List> lists, std::size_t held_out, double absent_share) {
  std::vector<Example> examples;
  std::array<double, 2> sums{};
  for (const List& list : lists) {
    if (list.part == held_out && held_out != kNoPart) continue;
    for (std::size_t i = 0; i < list.values.size(); ++i) {
      const double weight = i == 0 ? kFirstWeight : 1;
      examples.push_back({.x = {list.values[i], list.values.front(), list.present ? 1.0 : 0.0},
                          .match = list.matches[i],
                          .weight = weight});
      sums[list.present ? 1 : 0] += weight;
    }
  }
  for (Example& example : examples) {
    const bool present = example.x[2] > 0;
    example.weight *= present ? (1 - absent_share) / sums[1] : absent_share / sums[0];
    example.x[2] = 1;
  }
  return examples;
}

using Vector3 = std::array<double, 3>;

// Gauss's elimination of a positive definite system.
Vector3 solved(std::array<Vector3, 3> matrix, Vector3 right) {
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t row = i + 1; row < 3; ++row) {
      const double share = matrix[row][i] / matrix[i][i];
      for (std::size_t column = i; column < 3; ++column) matrix[row][column] -= share * matrix[i][column];
      right[row] -= share * right[i];
    }
  }
  for (std::size_t i = 3; i-- > 0;) {
    for (std::size_t column = i + 1; column < 3; ++column) right[i] -= matrix[i][column] * right[column];
    right[i] /= matrix[i][i];
  }
  return right;
}

double product(const Vector3& a, const Vector3& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

// Logistic regression with a ridge, by Newton's method with steps that are halved until they help.
class Regression {
 public:
  Regression(std::vector<Example> examples, bool with_best) : examples_(std::move(examples)) {
    // To mean 0 and variance 1, so that the ridge means the same under every metric and model.
    for (std::size_t i = 0; i < 2; ++i) {
      for (const Example& example : examples_) mean_[i] += example.weight * example.x[i];
      double variance = 0;
      for (const Example& example : examples_) variance += example.weight * std::pow(example.x[i] - mean_[i], 2);
      const bool used = variance > 0 && (i == 0 || with_best);
      scale_[i] = used ? 1 / std::sqrt(variance) : 0;
      for (Example& example : examples_) example.x[i] = (example.x[i] - mean_[i]) * scale_[i];
    }
  }

  [[nodiscard]] CalibrationCurve solve() const {
    Vector3 weights{};
    double loss = loss_of(weights);
    for (int i = 0; i < kIterations; ++i) {
      const Vector3 step = step_at(weights);
      double share = 1;
      Vector3 next = weights;
      double next_loss = loss;
      for (; share > 1e-6; share /= 2) {
        for (std::size_t j = 0; j < 3; ++j) next[j] = weights[j] - share * step[j];
        next_loss = loss_of(next);
        if (next_loss < loss) break;
      }
      if (!(next_loss < loss)) break;
      weights = next;
      loss = next_loss;
    }
    CalibrationCurve curve{.similarity = weights[0] * scale_[0], .best = weights[1] * scale_[1], .offset = weights[2]};
    curve.offset -= curve.similarity * mean_[0] + curve.best * mean_[1];
    return curve;
  }

 private:
  static constexpr Vector3 kRidges = {kRidge, kRidge, 1e-9};

  [[nodiscard]] double loss_of(const Vector3& weights) const {
    double loss = 0;
    for (std::size_t i = 0; i < 3; ++i) loss += kRidges[i] * weights[i] * weights[i] / 2;
    for (const Example& example : examples_) {
      const double sum = product(weights, example.x) * (example.match ? -1 : 1);
      loss += example.weight * (std::max(sum, 0.0) + std::log1p(std::exp(-std::abs(sum))));
    }
    return loss;
  }
  [[nodiscard]] Vector3 step_at(const Vector3& weights) const {
    Vector3 gradient{};
    std::array<Vector3, 3> curvature{};
    for (std::size_t i = 0; i < 3; ++i) {
      gradient[i] = kRidges[i] * weights[i];
      curvature[i][i] = kRidges[i];
    }
    for (const Example& example : examples_) {
      const double chance = sigmoid(product(weights, example.x));
      for (std::size_t i = 0; i < 3; ++i) {
        gradient[i] += example.weight * (chance - (example.match ? 1 : 0)) * example.x[i];
        for (std::size_t j = 0; j < 3; ++j) {
          curvature[i][j] += example.weight * chance * (1 - chance) * example.x[i] * example.x[j];
        }
      }
    }
    return solved(curvature, gradient);
  }

  std::vector<Example> examples_;
  std::array<double, 2> mean_{};
  std::array<double, 2> scale_{};
};

Result<CalibrationCurve> learnt(std::span<const List> lists, std::size_t held_out, double absent_share) {
  const auto examples = examples_of(lists, held_out, absent_share);
  if (std::ranges::none_of(examples, &Example::match) || std::ranges::all_of(examples, &Example::match)) {
    return nothing_to_learn();
  }
  CalibrationCurve curve = Regression(examples, true).solve();
  // A hit must not lose by being more similar, nor the first of two lists.
  if (curve.similarity < 0 || curve.similarity + curve.best <= 0) curve = Regression(examples, false).solve();
  const auto good = [](double value) { return std::abs(value) <= kMaxCalibrationNumber; };
  if (!(curve.similarity > 0 || curve.best > 0) || !good(curve.similarity) || !good(curve.best) ||
      !good(curve.offset)) {
    return nothing_to_learn();
  }
  return curve;
}

// First hits as a calibration judges them.
struct Judged {
  struct First {
    double confidence;
    bool match;
    bool present;
  };
  std::vector<First> firsts;

  void add(const List& list, const CalibrationCurve& curve) {
    const double first = list.values.front();
    firsts.push_back({.confidence = confidence(curve, first, first), .match = list.right(), .present = list.present});
  }

  // What the first hits of at least `minimum` mean.
  [[nodiscard]] CalibrationRate rate(double minimum) const {
    std::array<double, 2> below{};
    std::array<double, 2> all{};
    for (const First& first : firsts) {
      if (first.present && !first.match) continue;
      const std::size_t side = first.match ? 1 : 0;
      ++all[side];
      if (first.confidence < minimum) ++below[side];
    }
    return {
        .minimum = minimum, .lost = all[1] > 0 ? below[1] / all[1] : 0, .refused = all[0] > 0 ? below[0] / all[0] : 0};
  }
  // The largest minimum that costs no more than this share of right hits.
  [[nodiscard]] double minimum_that_loses(double share) const {
    std::vector<double> right;
    for (const First& first : firsts) {
      if (first.match) right.push_back(first.confidence);
    }
    if (right.empty()) return 1;
    std::ranges::sort(right);
    const auto place = static_cast<std::size_t>(share * static_cast<double>(right.size()));
    return right[std::min(place, right.size() - 1)];
  }
  void fill_bins(CalibrationReport& report, double absent_share) const {
    std::array<double, 2> counts{};
    for (const First& first : firsts) ++counts[first.present ? 1 : 0];
    std::array<double, kCalibrationBins> weights{};
    report.bins.assign(kCalibrationBins, {});
    for (const First& first : firsts) {
      const auto tenth = static_cast<std::size_t>(first.confidence * kCalibrationBins);
      const std::size_t place = std::min(tenth, kCalibrationBins - 1);
      const double weight = first.present ? (1 - absent_share) / counts[1] : absent_share / counts[0];
      ReliabilityBin& bin = report.bins[place];
      bin.predicted += weight * first.confidence;
      bin.observed += first.match ? weight : 0;
      ++bin.count;
      weights[place] += weight;
    }
    double error = 0;
    for (std::size_t i = 0; i < kCalibrationBins; ++i) {
      ReliabilityBin& bin = report.bins[i];
      if (bin.count == 0) continue;
      error += std::abs(bin.predicted - bin.observed);
      bin.predicted = std::min(1.0, bin.predicted / weights[i]);
      bin.observed = std::min(1.0, bin.observed / weights[i]);
    }
    report.calibration_error = std::min(1.0, error);
  }
};

}  // namespace

Result<Calibration> Calibration::fit(MatrixView vectors, std::span<const std::uint32_t> labels,
                                     const CalibrationOptions& options, const std::stop_token& stop) {
  EIDETIC_CHECK(check_options(options));
  if (vectors.rows() < kLeastCalibrationCases) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} items to calibrate by are too few: {} are needed",
                                                         vectors.rows(), kLeastCalibrationCases));
  }
  EIDETIC_TRY(const auto cases, calibration_cases(vectors, labels, options, stop));
  return fit(cases, vectors.rows(), options, stop);
}

Result<Calibration> Calibration::fit(std::span<const CalibrationCase> cases, std::uint64_t items,
                                     const CalibrationOptions& options, const std::stop_token& stop) {
  EIDETIC_CHECK(check_options(options));
  EIDETIC_CHECK(check_cases(cases, options.metric));
  const auto lists = lists_of(cases, options);
  Calibration calibration;
  calibration.metric_ = options.metric;
  EIDETIC_TRY(calibration.curve_, learnt(lists, kNoPart, options.absent_share));

  CalibrationReport& report = calibration.report_;
  report.labelled = cases.front().label != kNoLabel;
  report.items = items;
  report.cases = cases.size();
  Judged judged;
  if (report.labelled) {
    report.labels = parts_of(cases, options.seed).size();
    for (std::size_t part = 0; part < kParts; ++part) {
      if (stop.stop_requested()) return fail(ErrorCode::unavailable, "stopped");
      EIDETIC_TRY(const CalibrationCurve curve, learnt(lists, part, options.absent_share));
      for (const List& list : lists) {
        if (list.part == part) judged.add(list, curve);
      }
    }
    judged.fill_bins(report, options.absent_share);
  } else {
    for (const List& list : lists) judged.add(list, calibration.curve_);
  }
  for (int i = 0; i <= 20; ++i) report.rates.push_back(judged.rate(i / 20.0));
  report.recommended = judged.rate(judged.minimum_that_loses(options.lost_share));
  return calibration;
}

std::vector<double> Calibration::confidences(std::span<const float> query, std::span<const double> similarities) const {
  const double length = metric_ == Metric::dot ? std::sqrt(dot_product(query, query)) : 1;
  std::vector<double> result;
  result.reserve(similarities.size());
  double least = 1;
  for (const double similarity : similarities) {
    const double best = measure(similarities.front(), metric_, length);
    least = std::min(least, confidence(curve_, measure(similarity, metric_, length), best));
    result.push_back(least);
  }
  return result;
}

}  // namespace eidetic
