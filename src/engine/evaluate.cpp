#include "engine/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "index/kmeans.h"
#include "learn/labels.h"
#include "learn/mutual_information.h"
#include "learn/ranking.h"

namespace eidetic {

Result<EvalReport> evaluate(Backend& backend, const CollectionInfo& collection, std::string_view label,
                            std::span<const std::uint32_t> recall_k, ThreadPool& pool) {
  if (std::ranges::find(recall_k, 0U) != recall_k.end()) {
    return fail(ErrorCode::invalid_argument, "recall@0 says nothing: give 1 or more");
  }
  const auto& [name, space, index, settings, era] = collection.spec;
  EvalReport report;
  report.label = label;
  Labels labels(label);
  LabelledVectors vectors(space.dimensions, space.metric);
  constexpr std::uint32_t kPage = 1'000;
  std::string cursor;
  do {
    EIDETIC_TRY(auto page, backend.scroll(name, cursor, kPage, true));
    for (const auto& item : page.items) {
      EIDETIC_TRY(const auto number, labels.number(item));
      if (number) {
        vectors.add(item.vector, *number);
      } else {
        ++report.unlabelled;
      }
    }
    cursor = std::move(page.next);
  } while (!cursor.empty());
  if (vectors.size() == 0) return labels.none(name);

  auto quality = rank_all(vectors, recall_k, pool);
  report.queries = quality.queries;
  report.classes = labels.classes();
  report.mean = quality.mean;
  report.margin = quality.margin;
  for (std::size_t i = 0; i < recall_k.size(); ++i) report.recall_at.emplace_back(recall_k[i], quality.recall[i]);
  if (report.classes > 1) {
    const Matrix centres = kmeans(vectors.rows(), report.classes, {.seed = 1, .pool = &pool});
    const auto shared = mutual_information(assign(vectors.rows(), centres, &pool), vectors.labels());
    report.nmi = shared.normalized;
    report.ami = shared.adjusted;
  }
  const auto names = labels.names();
  std::ranges::sort(quality.by_class, {}, [](const auto& one) { return std::pair(one.mean.map_at_r, one.label); });
  if (quality.by_class.size() > kMaxToldClasses) quality.by_class.resize(kMaxToldClasses);
  for (const auto& [number, queries, mean] : quality.by_class) {
    report.by_class.push_back({.name = names[number], .queries = queries, .mean = mean});
  }
  return report;
}

}  // namespace eidetic
