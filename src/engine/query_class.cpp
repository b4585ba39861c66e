#include "engine/query_class.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/filter_node.h"
#include "base/text.h"
#include "engine/settings.h"

namespace eidetic {
namespace {

constexpr std::size_t kToldClasses = 5;

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      out += c;
    }
  }
  return out + '"';
}

// Of what is asked for by name; an item may be labelled with a class that the classifier has not learnt.
Result<void> check_class(const QueryParts& parts, const CollectionSpec& collection, const Query& query,
                         const Classifier& classifier) {
  if (classifier.index_of(query.class_name)) return {};
  EIDETIC_TRY(const auto filter, within_class({}, query.classify, query.class_name));
  EIDETIC_TRY(const auto items, parts.backend.count(collection.name, filter));
  if (items > 0) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("the classifier '{}' of collection '{}' has no class '{}'{}", query.classify, collection.name,
                          query.class_name, did_you_mean(query.class_name, classifier.class_names())));
}

std::vector<std::pair<std::string, double>> most_probable(const Classifier& classifier, const Prediction& prediction) {
  std::vector<std::pair<std::string, double>> classes;
  for (std::size_t i = 0; i < prediction.probabilities.size(); ++i) {
    classes.emplace_back(classifier.class_names()[i], static_cast<double>(prediction.probabilities[i]));
  }
  const auto told = std::min(kToldClasses, classes.size());
  std::ranges::partial_sort(classes, classes.begin() + static_cast<std::ptrdiff_t>(told), std::greater<>(),
                            &std::pair<std::string, double>::second);
  classes.resize(told);
  return classes;
}

}  // namespace

Result<Classification> classify_query(const QueryParts& parts, const CollectionSpec& collection, const Query& query,
                                      std::span<const Vector> vectors) {
  EIDETIC_TRY(const auto settings, parse_settings(collection.settings, collection.name));
  EIDETIC_TRY(const auto setting, find_classifier(settings, collection.name, query.classify));
  EIDETIC_TRY(const auto classifier, parts.learnt.classifier(parts.backend, collection.name, setting));
  std::vector<Prediction> predictions;
  for (const Vector& vector : vectors) {
    EIDETIC_TRY(predictions.emplace_back(), classifier->classify(vector));
  }
  EIDETIC_TRY(const auto prediction, vote(predictions));
  Classification told{.classifier = query.classify,
                      .class_name = prediction.name,
                      .confidence = prediction.confidence,
                      .classes = most_probable(*classifier, prediction)};
  if (!query.class_name.empty()) {
    EIDETIC_CHECK(check_class(parts, collection, query, *classifier));
    const auto index = classifier->index_of(query.class_name);
    told.given = true;
    told.class_name = query.class_name;
    told.confidence = index ? static_cast<double>(prediction.probabilities[*index]) : 0;
  } else if (told.confidence < query.min_class_confidence.value_or(setting.info.min_confidence)) {
    told.fallback = "unsure";
  }
  return told;
}

Result<Filter> within_class(const Filter& filter, std::string_view classifier, std::string_view class_name) {
  const auto of_class = fmt::format("{} = {}", to_string(FieldName{std::string(classifier)}), quoted(class_name));
  return parse_filter(filter.empty() ? of_class : fmt::format("({}) and {}", filter.text(), of_class));
}

Result<std::vector<Hit>> search_class(Classification& told, Filter& filter, std::uint32_t k, Metric metric,
                                      const FindHits& find) {
  if (!told.fallback.empty()) return find(filter, k);
  EIDETIC_TRY(auto within, within_class(filter, told.classifier, told.class_name));
  EIDETIC_TRY(auto hits, find(within, k));
  if (hits.empty()) {
    told.fallback = "empty";
    return find(filter, k);
  }
  if (metric != Metric::dot) {  // whose distances have no zero to be compared with
    EIDETIC_TRY(const auto nearest, find(filter, 1));
    constexpr double kMuchNearer = 2;
    constexpr double kSame = 1e-6;  // what rounding leaves of 0
    if (!nearest.empty() && nearest.front().distance * kMuchNearer + kSame < hits.front().distance) {
      told.fallback = "nearer";
      return find(filter, k);
    }
  }
  filter = std::move(within);
  return hits;
}

}  // namespace eidetic
