#include "learn/classifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "base/text.h"
#include "index/vector_math.h"

namespace eidetic {
namespace {

std::unexpected<Error> refuse(std::string message) { return fail(ErrorCode::invalid_argument, std::move(message)); }

Result<void> check_names(std::span<const std::string> names) {
  if (names.size() < 2 || names.size() > kMaxClasses) {
    return refuse(fmt::format("{} classes: a classifier has 2 to {}", names.size(), kMaxClasses));
  }
  std::unordered_set<std::string_view> seen;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > kMaxClassName || !is_utf8(name)) {
      return refuse(fmt::format("'{}' is no name of a class: 1 to {} bytes of UTF-8 are",
                                is_utf8(name) ? name.substr(0, 40) : "(not UTF-8)", kMaxClassName));
    }
    if (!seen.insert(name).second) return refuse(fmt::format("there are two classes '{}'", name));
  }
  return {};
}

bool within_limits(const HeadShape& shape) {
  return shape.inputs >= 1 && shape.inputs <= kMaxClassifierInputs && shape.hidden <= kMaxHidden &&
         shape.parameters() <= kMaxClassifierParameters;
}

Result<void> check_parts(const ClassifierParts& parts) {
  EIDETIC_CHECK(check_names(parts.names));
  const HeadShape& shape = parts.shape;
  if (!within_limits(shape)) {
    return refuse(fmt::format(
        "a classifier of {} dimensions, {} hidden and {} classes is too large: up to {} dimensions, "
        "{} hidden and {} numbers in all are possible",
        shape.inputs, shape.hidden, shape.classes, kMaxClassifierInputs, kMaxHidden, kMaxClassifierParameters));
  }
  if (shape.classes != parts.names.size() || parts.parameters.size() != shape.parameters()) {
    return refuse("the names, sizes and parameters of a classifier do not fit together");
  }
  const auto usable = [](float value) { return std::abs(value) <= kMaxClassifierNumber; };
  if (!std::ranges::all_of(parts.parameters, usable)) {
    return refuse(fmt::format("a parameter of a classifier is beyond {} or not a number", kMaxClassifierNumber));
  }
  if (!(parts.temperature >= 1e-6 && parts.temperature <= 1e6)) {
    return refuse(fmt::format("the temperature of a classifier is {}: 1e-6 to 1e6 is possible", parts.temperature));
  }
  return {};
}

// What of a prediction follows from its class.
void settle(Prediction& prediction, std::size_t index) {
  prediction.index = index;
  prediction.confidence = std::clamp(static_cast<double>(prediction.probabilities[index]), 0.0, 1.0);
}

}  // namespace

std::string_view to_string(ClassifierKind kind) noexcept {
  switch (kind) {
    case ClassifierKind::text: return "text";
    case ClassifierKind::clusters: return "clusters";
    case ClassifierKind::labels: break;
  }
  return "labels";
}

Result<Classifier> Classifier::make(ClassifierParts parts) {
  EIDETIC_CHECK(check_parts(parts));
  return Classifier(std::move(parts));
}

std::optional<std::size_t> Classifier::index_of(std::string_view name) const {
  const auto place = std::ranges::find(parts_.names, name);
  if (place == parts_.names.end()) return std::nullopt;
  return static_cast<std::size_t>(place - parts_.names.begin());
}

Result<Prediction> Classifier::classify(std::span<const float> vector) const {
  if (vector.size() != dimensions()) {
    return refuse(fmt::format("the vector has {} dimensions, the classifier is of {}", vector.size(), dimensions()));
  }
  if (!all_finite(vector)) return refuse("the vector to be classified has values that are not finite");
  std::vector<float> scaled(vector.begin(), vector.end());
  if (const double norm = std::sqrt(dot_product(vector, vector)); parts_.unit && norm > 0) to_unit(scaled, norm);
  const Matrix scores = head_scores(parts_.shape, parts_.parameters, {scaled, dimensions()});
  if (!all_finite(scores.values())) return refuse("the vector to be classified is too large");
  Prediction prediction{.name = {}, .probabilities = {scores.values().begin(), scores.values().end()}};
  // Of scores, as differences that probabilities round away count.
  const auto best = std::ranges::max_element(scores.values()) - scores.values().begin();
  (void)to_probabilities(prediction.probabilities, parts_.temperature);
  settle(prediction, static_cast<std::size_t>(best));
  prediction.name = parts_.names[prediction.index];
  return prediction;
}

Result<Prediction> vote(std::span<const Prediction> predictions) {
  if (predictions.empty()) return refuse("a vote needs at least one prediction");
  const std::size_t classes = predictions.front().probabilities.size();
  std::vector<std::size_t> votes(classes);
  std::vector<double> sums(classes);
  for (const Prediction& prediction : predictions) {
    if (prediction.probabilities.size() != classes || prediction.index >= classes) {
      return refuse("a vote is between predictions of one classifier");
    }
    ++votes[prediction.index];
    for (std::size_t i = 0; i < classes; ++i) sums[i] += prediction.probabilities[i];
  }
  const auto winner = static_cast<std::size_t>(std::ranges::max_element(votes) - votes.begin());
  Prediction result{.name = std::ranges::find(predictions, winner, &Prediction::index)->name, .probabilities = {}};
  for (const double sum : sums) {
    result.probabilities.push_back(static_cast<float>(sum / static_cast<double>(predictions.size())));
  }
  settle(result, winner);
  return result;
}

}  // namespace eidetic
