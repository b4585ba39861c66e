#include "recipes/results.h"

#include <fmt/format.h>

#include <algorithm>

namespace eidetic {
namespace {

Json text_or_null(const std::optional<std::string>& text) { return text ? Json(*text) : Json(); }

Json to_json(const Classification& told) {
  return {{"name", told.class_name}, {"confidence", told.confidence}, {"fallback", told.fallback}};
}

Json to_json(const SampleHit& hit) {
  Json json = {{"id", hit.hit.id},
               {"similarity", hit.hit.similarity},
               {"distance", hit.hit.distance},
               {"label", text_or_null(hit.label)},
               {"right", hit.right ? Json(*hit.right) : Json()}};
  if (hit.hit.confidence) json["confidence"] = *hit.hit.confidence;
  if (hit.hit.verification) json["verified"] = hit.hit.verification->verified;
  return json;
}

Json to_json(const Sample& sample) {
  Json hits = Json::array();
  for (const SampleHit& hit : sample.hits) hits.push_back(to_json(hit));
  return {{"id", sample.id},
          {"label", text_or_null(sample.label)},
          {"class", sample.classification ? to_json(*sample.classification) : Json()},
          {"ms", sample.ms},
          {"sheet", sample.sheet},
          {"notes", sample.notes},
          {"hits", std::move(hits)}};
}

}  // namespace

void summarize(const std::vector<Sample>& samples, std::uint32_t k, RecipeReport& report) {
  report.searches = samples.size();
  report.k = k;
  report.judged = 0;
  report.p_at_1 = report.p_at_k = report.median_ms = 0;
  double plain_at_1 = 0;
  double plain_at_k = 0;
  bool plain = false;
  std::vector<double> times;
  for (const Sample& sample : samples) {
    times.push_back(sample.ms);
    if (!sample.label) continue;
    ++report.judged;
    const auto right = [](const SampleHit& hit) { return hit.right.value_or(false); };
    report.p_at_1 += !sample.hits.empty() && right(sample.hits.front()) ? 1 : 0;
    report.p_at_k += static_cast<double>(std::ranges::count_if(sample.hits, right)) / k;
    plain = plain || sample.plain_right;
    plain_at_1 += sample.plain_first ? 1 : 0;
    plain_at_k += static_cast<double>(sample.plain_right.value_or(0)) / k;
  }
  if (report.judged > 0) {
    const auto judged = static_cast<double>(report.judged);
    report.p_at_1 /= judged;
    report.p_at_k /= judged;
    if (plain) {
      report.plain_p_at_1 = plain_at_1 / judged;
      report.plain_p_at_k = plain_at_k / judged;
    }
  }
  if (times.empty()) return;
  std::ranges::sort(times);
  const std::size_t middle = times.size() / 2;
  report.median_ms = times.size() % 2 == 1 ? times[middle] : (times[middle - 1] + times[middle]) / 2;
}

Json results_json(const Results& results, const RecipeReport& report) {
  Json searches = Json::array();
  for (const Sample& sample : results.samples) searches.push_back(to_json(sample));
  const bool judged = report.judged > 0;
  return {{"collection", results.collection.spec.name},
          {"items", results.collection.items},
          {"model", results.collection.spec.space.model},
          {"index", results.collection.index_kind},
          {"dataset", results.dataset},
          {"label", results.search.label},
          {"seed", results.search.seed},
          {"k", report.k},
          {"searches", report.searches},
          {"judged", report.judged},
          {"p_at_1", judged ? Json(report.p_at_1) : Json()},
          {"p_at_k", judged ? Json(report.p_at_k) : Json()},
          {"plain_p_at_1", report.plain_p_at_1 ? Json(*report.plain_p_at_1) : Json()},
          {"plain_p_at_k", report.plain_p_at_k ? Json(*report.plain_p_at_k) : Json()},
          {"median_ms", report.median_ms},
          {"classifier",
           report.classifier
               ? Json{{"name", report.classifier->name},
                      {"classes", report.classifier->classes.size()},
                      {"items", report.classifier->items},
                      {"held_out", report.classifier->held_out},
                      {"accuracy", report.classifier->held_out > 0 ? Json(report.classifier->accuracy) : Json()}}
               : Json()},
          {"calibration", report.calibration ? Json{{"label", report.calibration->label},
                                                    {"recommended", report.calibration->recommended},
                                                    {"lost", report.calibration->lost},
                                                    {"refused", report.calibration->refused}}
                                             : Json()},
          {"results", std::move(searches)}};
}

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, 1, ',');
  return digits;
}

}  // namespace eidetic
