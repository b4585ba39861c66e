// The documents of docs/openapi.yaml as the types of the library, both ways. Where a document has not the shape it is
// to have, the functions that read throw Json::exception: call them through Api::ask. Pure functions; internal to this
// room.
#pragma once

#include <string>
#include <vector>

#include "eidetic/engine.h"

#include "base/json.h"

namespace eidetic::remote {

[[nodiscard]] CollectionInfo read_collection(const Json& json);
[[nodiscard]] Item read_item(const Json& json);
[[nodiscard]] ScrollPage read_page(const Json& json);
[[nodiscard]] Error read_error(const Json& json);
[[nodiscard]] Result<PutResult> read_put_result(const Json& json);
[[nodiscard]] SearchResult read_search_result(const Json& json);
[[nodiscard]] ClassifierInfo read_classifier(const Json& json);
[[nodiscard]] CalibrationInfo read_calibration(const Json& json);
[[nodiscard]] IndexView read_index_view(const Json& json);
[[nodiscard]] SearchWalk read_walk(const Json& json);
[[nodiscard]] CollectionMap read_map(const Json& json);
[[nodiscard]] std::vector<Facet> read_facets(const Json& json);
[[nodiscard]] MergeReport read_merge_report(const Json& json);
[[nodiscard]] DuplicatesReport read_duplicates(const Json& json);
[[nodiscard]] EvalReport read_evaluation(const Json& json, std::span<const std::uint32_t> recall_k);
[[nodiscard]] MigrationInfo read_migration(const Json& json);
[[nodiscard]] MigrationComparison read_comparison(const Json& json);
[[nodiscard]] JobInfo read_job(const Json& json);
[[nodiscard]] TrainingInfo read_training(const Json& json);
[[nodiscard]] std::vector<ItemError> read_item_errors(const Json& json);
[[nodiscard]] ModelInfo read_model(const Json& json);
[[nodiscard]] std::vector<LayerInfo> read_layers(const Json& json);
[[nodiscard]] BundleCheck read_check(const Json& json, Metric metric);

// read_collection and the like of every entry.
template <typename Read>
[[nodiscard]] auto read_list(const Json& list, const Read& read) {
  std::vector<std::invoke_result_t<Read, const Json&>> values;
  values.reserve(list.size());
  for (const Json& entry : list) values.push_back(read(entry));
  return values;
}

}  // namespace eidetic::remote
