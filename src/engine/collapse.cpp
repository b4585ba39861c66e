#include "engine/collapse.h"

#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "engine/copies.h"
#include "index/vector_math.h"
#include "refine/copy_score.h"

namespace eidetic {
namespace {

std::vector<CopyPair> near_pairs(const std::vector<std::optional<Item>>& items) {
  std::vector<double> lengths;
  for (const auto& item : items) {
    lengths.push_back(item ? std::sqrt(dot_product(item->vector, item->vector)) : 0);
  }
  std::vector<CopyPair> pairs;
  for (std::uint32_t b = 1; b < items.size(); ++b) {
    for (std::uint32_t a = 0; a < b; ++a) {
      if (!(lengths[a] > 0 && lengths[b] > 0)) continue;
      const double similarity = dot_product(items[a]->vector, items[b]->vector) / (lengths[a] * lengths[b]);
      if (similarity < kLeastCopySimilarity) continue;
      pairs.push_back({.a = a, .b = b, .similarity = static_cast<float>(similarity)});
    }
  }
  return pairs;
}

}  // namespace

Result<std::uint32_t> collapse_copies(const QueryParts& parts, std::string_view collection,
                                      std::vector<SearchHit>& hits) {
  std::vector<std::string> ids;
  for (const SearchHit& hit : hits) ids.push_back(hit.id);
  EIDETIC_TRY(const auto items, parts.backend.get(collection, ids, true));
  auto pairs = near_pairs(items);
  CopyJudge judge(parts.copies, items.size(), [&](std::span<const std::uint32_t> wanted) {
    std::vector<PictureSource> sources;
    for (const std::uint32_t i : wanted) sources.push_back({items[i]->uri, items[i]->content_hash});
    return Result<std::vector<PictureSource>>(std::move(sources));
  });
  EIDETIC_CHECK(judge.judge(pairs, Verify::never, {}, {}));

  // Pairs come by their worse hit: whether the better one stays is known by then.
  std::vector<const CopyPair*> best(hits.size());
  for (CopyPair& pair : pairs) {
    if (!items[pair.a]->content_hash.empty() && items[pair.a]->content_hash == items[pair.b]->content_hash) {
      pair.copy_score = 1;
      pair.evidence = CopyEvidence::content;
    }
    const CopyPair*& now = best[pair.b];
    if (pair.copy_score < kDefaultCopyScore || best[pair.a] != nullptr) continue;
    if (now == nullptr || pair.copy_score > now->copy_score) now = &pair;
  }
  std::vector<SearchHit> kept;
  std::vector<std::size_t> places(hits.size());
  for (std::size_t i = 0; i < hits.size(); ++i) {
    if (best[i] == nullptr) {
      places[i] = kept.size();
      kept.push_back(std::move(hits[i]));
    } else {
      kept[places[best[i]->a]].copies.push_back(
          {.id = std::move(hits[i].id), .copy_score = best[i]->copy_score, .evidence = best[i]->evidence});
    }
  }
  const auto moved = static_cast<std::uint32_t>(hits.size() - kept.size());
  hits = std::move(kept);
  return moved;
}

}  // namespace eidetic
