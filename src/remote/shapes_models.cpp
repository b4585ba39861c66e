// What is said of models in JSON: how well they do, and what a collection does with two of them.
#include <string>

#include "remote/shapes.h"
#include "remote/times.h"

namespace eidetic::remote {
namespace {

std::string text(const Json& json, const char* field) { return json.at(field).get<std::string>(); }
std::uint64_t count(const Json& json, const char* field) { return json.at(field).get<std::uint64_t>(); }
double number(const Json& json, const char* field) { return json.at(field).get<double>(); }

RetrievalMeasures measures(const Json& json) {
  RetrievalMeasures read;
  for (const auto& [name, measure] : kRetrievalMeasures) read.*measure = json.at(name).get<double>();
  return read;
}

}  // namespace

EvalReport read_evaluation(const Json& json, std::span<const std::uint32_t> recall_k) {
  EvalReport report{.label = text(json, "label"),
                    .queries = count(json, "queries"),
                    .classes = count(json, "classes"),
                    .unlabelled = count(json, "unlabelled"),
                    .mean = measures(json),
                    .margin = measures(json.at("margin")),
                    .recall_at = {},
                    .nmi = number(json, "nmi"),
                    .ami = number(json, "ami"),
                    .by_class = read_list(json.at("by_class"), [](const Json& one) {
                      return EvalReport::Class{
                          .name = text(one, "class"), .queries = count(one, "queries"), .mean = measures(one)};
                    })};
  for (const std::uint32_t k : recall_k) {
    report.recall_at.emplace_back(k, json.at("recall_at").at(std::to_string(k)).get<double>());
  }
  return report;
}

MigrationInfo read_migration(const Json& json) {
  constexpr std::int64_t kNanoseconds = 1'000'000;  // of a millisecond
  const auto state = parse_migration_state(text(json, "state"));
  return {.model = text(json, "model"),
          .hash = text(json, "space"),
          .state = state.value_or(MigrationInfo::State::embedding),
          .total = count(json, "total"),
          .done = count(json, "done"),
          .failed = count(json, "failed"),
          .until_ms = json.at("until").is_null() ? 0 : parse_time(text(json, "until")).value_or(0) / kNanoseconds,
          .notes = json.at("notes").get<std::vector<std::string>>()};
}

MigrationComparison read_comparison(const Json& json) {
  const auto found = [&](const Json& hit) {
    return MigrationComparison::Found{.id = text(hit, "id"), .similarity = hit.at("similarity").get<double>()};
  };
  MigrationComparison comparison{.collection = text(json, "collection"),
                                 .model = text(json, "model"),
                                 .other_model = text(json, "other_model"),
                                 .items = count(json, "items"),
                                 .compared = count(json, "compared"),
                                 .searches = read_list(json.at("searches"),
                                                       [&](const Json& one) {
                                                         return MigrationComparison::Search{
                                                             .id = text(one, "id"),
                                                             .overlap = one.at("overlap").get<double>(),
                                                             .hits = read_list(one.at("hits"), found),
                                                             .other_hits = read_list(one.at("other_hits"), found)};
                                                       }),
                                 .overlap = number(json, "overlap"),
                                 .overlap_margin = number(json, "overlap_margin"),
                                 .same_first = number(json, "same_first"),
                                 .report = {},
                                 .other_report = {}};
  if (!json.at("report").is_null()) comparison.report = read_evaluation(json.at("report"), {});
  if (!json.at("other_report").is_null()) comparison.other_report = read_evaluation(json.at("other_report"), {});
  return comparison;
}

}  // namespace eidetic::remote
