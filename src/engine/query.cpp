#include "engine/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>
#include <utility>

#include "eidetic/filter.h"

#include "base/hash.h"
#include "blobs/listing.h"
#include "engine/collapse.h"
#include "engine/known_fields.h"
#include "engine/pictures.h"
#include "engine/query_class.h"
#include "engine/query_terms.h"
#include "engine/regions.h"
#include "engine/settings.h"
#include "engine/stages.h"
#include "engine/verify.h"
#include "image/crop.h"
#include "refine/augment.h"

namespace eidetic {
namespace {

Result<void> check(const Query& query) {
  if (query.terms.empty()) return fail(ErrorCode::invalid_argument, "the query has no term");
  if (query.terms.size() > kMaxTerms) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the query has {} terms; at most {} are taken", query.terms.size(), kMaxTerms));
  }
  if (query.k < 1 || query.k > kMaxK) {
    return fail(ErrorCode::invalid_argument, fmt::format("k = {} is outside 1 to {}", query.k, kMaxK));
  }
  if (const auto pct = query.min_similarity_pct; pct && !(*pct >= 0 && *pct <= 100)) {
    return fail(ErrorCode::invalid_argument, fmt::format("a minimal similarity of {} % is outside 0 to 100", *pct));
  }
  for (const auto share : {query.min_confidence, query.min_class_confidence}) {
    if (share && !(*share >= 0 && *share <= 1) && share != kRecommendedConfidence) {
      return fail(ErrorCode::invalid_argument, fmt::format("a least confidence of {} is outside 0 to 1", *share));
    }
  }
  if (query.classify.empty() && (!query.class_name.empty() || query.min_class_confidence)) {
    return fail(ErrorCode::invalid_argument, "a class is asked for, but not by which classifier; name it");
  }
  if (query.verify > kMaxVerify) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} hits are to be verified; at most {} are", query.verify, kMaxVerify));
  }
  if (query.collapse && query.k > kMaxCollapse) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("copies are collapsed among up to {} hits, not {}; lower k", kMaxCollapse, query.k));
  }
  for (const auto& term : query.terms) {
    if (!std::isfinite(term.weight)) {
      return fail(ErrorCode::invalid_argument, fmt::format("the weight {} is no finite number", term.weight));
    }
  }
  return {};
}

// What the query says, and where it says nothing, the collection.
SearchDepth deeper(const SearchDepth& asked, const SearchDepth& usual) {
  const auto either = [](std::uint32_t first, std::uint32_t second) { return first != 0 ? first : second; };
  return {.ef = either(asked.ef, usual.ef),
          .nprobe = either(asked.nprobe, usual.nprobe),
          .rescore = either(asked.rescore, usual.rescore)};
}

// The pictures that a query was made of.
struct OwnPictures {
  std::vector<std::string> uris;  // of those given by where they are
  std::set<std::string> hashes;   // SHA-256 of those given as bytes

  [[nodiscard]] bool empty() const noexcept { return uris.empty() && hashes.empty(); }
};

// A query as it is searched with.
struct Prepared {
  VectorQuery nearest;
  std::vector<Vector> variants;  // searched with as well
  OwnPictures own;
  StageTimes times;
  Explanation explanation;
  std::optional<SoughtPicture> sought;                    // where hits are to be verified
  std::shared_ptr<const Calibration> calibration;         // where hits have a confidence
  std::vector<Crop> regions;                              // that items have, where they are searched
  std::vector<Crop> query_regions;                        // that the variants are of
  std::unordered_map<std::string, std::size_t> found_by;  // by id: the variant that found it, 0 the query's own vector

  // Whether one search in the backend is the whole of it.
  [[nodiscard]] bool simple(const Query& query) const noexcept {
    return own.empty() && variants.empty() && !explanation.classification && !query.collapse;
  }
};

// What says how likely the query's hits are matches; null: nothing does. A calibration is learnt from single items: how
// similar hits of words, of sums and of the best of several variants or regions are is another thing.
Result<std::shared_ptr<const Calibration>> calibration_for(const QueryParts& parts, const CollectionSpec& collection,
                                                           const Query& query) {
  const Term& term = query.terms.front();
  const bool alike = query.terms.size() == 1 && term.weight > 0 && term.kind != Term::Kind::text &&
                     query.augment != Augmentation::pool && query.augment != Augmentation::parts && !query.regions;
  if (!alike && query.min_confidence) {
    return fail(ErrorCode::invalid_argument,
                "how likely hits are real matches is known of a query of one picture, item or vector, not of words, of "
                "several terms, of pooled variants or of regions; leave the least confidence out");
  }
  if (!alike || !has_learnt(collection.settings)) {
    if (query.min_confidence) return not_calibrated(collection.name, ErrorCode::invalid_argument);
    return nullptr;
  }
  EIDETIC_TRY(const auto settings, parse_settings(collection.settings, collection.name));
  if (settings.calibration) {
    return parts.learnt.calibration(parts.backend, collection.name, settings.calibration->attachment);
  }
  if (query.min_confidence) return not_calibrated(collection.name, ErrorCode::invalid_argument);
  return nullptr;
}

Explanation::Term explained(const Term& term, std::size_t vectors) {
  Explanation::Term told{.kind = std::string(to_string(term.kind)),
                         .value = term.kind == Term::Kind::picture ? display_name(uri_of(term.value)) : term.value,
                         .weight = term.weight,
                         .vectors = static_cast<std::uint32_t>(vectors)};
  // No document is repeated in place of a few words; nor is a character cut in two.
  constexpr std::size_t kLongest = 200;
  const auto within_character = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; };
  if (told.value.size() > kLongest) {
    std::size_t end = kLongest;
    while (end > 0 && within_character(told.value[end])) --end;
    told.value.resize(end);
    told.value += "…";
  }
  return told;
}

Result<std::vector<Crop>> searched_regions(const CollectionSpec& collection) {
  EIDETIC_TRY(auto plan, region_plan(collection));
  if (!plan.regions.empty()) return std::move(plan.regions);
  return fail(ErrorCode::invalid_argument,
              fmt::format("collection '{0}' has no regions that could be searched; eidetic regions -c {0} multi makes "
                          "them, or leave the regions out",
                          collection.name));
}

Result<Prepared> prepare(const QueryParts& parts, const CollectionSpec& collection, const Query& query,
                         const SearchDepth& depth) {
  EIDETIC_CHECK(check(query));
  if (!query.model.empty()) EIDETIC_CHECK(parts.embedder(query.model));
  Prepared prepared;
  auto& [nearest, variants, own, times, explanation, sought, calibration, regions, query_regions, found_by] = prepared;
  EIDETIC_TRY(nearest.filter, parse_filter(query.filter));
  explanation.filter = query.filter;
  nearest.k = std::max(query.k, query.verify);
  nearest.depth = deeper(query.depth, depth);
  if (query.regions) {
    EIDETIC_TRY(regions, searched_regions(collection));
    nearest.parts = true;
  }
  if (query.augment == Augmentation::parts) {
    EIDETIC_TRY(query_regions, parse_regions(kQueryRegions));
  }
  Terms terms(parts, collection, query, times);
  std::vector<std::vector<Vector>> vectors;
  std::vector<double> weights;
  for (const auto& term : query.terms) {
    EIDETIC_TRY(auto of_term, terms.vectors(term));
    explanation.terms.push_back(explained(term, of_term.size()));
    if (query.augment == Augmentation::mean && of_term.size() > 1) {
      EIDETIC_TRY(of_term.front(), combine(of_term, std::vector<double>(of_term.size(), 1)));
      of_term.resize(1);
    }
    vectors.push_back(std::move(of_term));
    weights.push_back(term.weight);
    if (!query.exclude_terms) continue;
    if (term.kind == Term::Kind::id) nearest.exclude_ids.push_back(term.value);
    if (term.kind == Term::Kind::picture) own.uris.push_back(uri_of(term.value));
    if (term.kind == Term::Kind::bytes) own.hashes.insert(sha256_hex(term.bytes));
  }
  explanation.notes = terms.notes();
  if (query.verify > 0) {
    EIDETIC_TRY(sought, terms.sought());
  }
  EIDETIC_TRY(variants, combine_variants(vectors, weights));
  EIDETIC_TRY(calibration, calibration_for(parts, collection, query));
  if (!query.classify.empty()) {
    const Stopwatch watch;
    EIDETIC_TRY(explanation.classification, classify_query(parts, collection, query, variants));
    times.add(Stage::classify, watch.seconds(), variants.size());
  }
  nearest.vector = std::move(variants.front());
  variants.erase(variants.begin());
  return prepared;
}

// The nearest items that are none of the query's own pictures. Items are not found by where they came from, only met:
// one more search for those that come in the place of what was left out.
Result<std::vector<Hit>> search_without(const OwnPictures& own, Backend& backend, std::string_view collection,
                                        VectorQuery& query) {
  if (own.empty()) return backend.search(collection, query);
  for (;;) {
    EIDETIC_TRY(auto hits, backend.search(collection, query));
    const auto before = query.exclude_ids.size();
    std::vector<std::string> ids;
    for (const Hit& hit : hits) {
      if (std::ranges::find(own.uris, hit.uri) != own.uris.end()) {
        query.exclude_ids.push_back(hit.id);
      } else {
        ids.push_back(hit.id);
      }
    }
    if (!own.hashes.empty()) {
      EIDETIC_TRY(const auto items, backend.get(collection, ids, false));
      for (const auto& item : items) {
        if (item && own.hashes.contains(item->content_hash)) query.exclude_ids.push_back(item->id);
      }
    }
    if (query.exclude_ids.size() == before) return hits;
  }
}

// What the query and its variants find, every item at its best: the k best of all.
Result<std::vector<Hit>> search_variants(Prepared& prepared, Backend& backend, std::string_view collection) {
  EIDETIC_TRY(auto hits, search_without(prepared.own, backend, collection, prepared.nearest));
  if (prepared.variants.empty()) return hits;
  std::unordered_map<std::string, std::size_t> places;
  prepared.found_by.clear();
  for (std::size_t i = 0; i < hits.size(); ++i) places.emplace(hits[i].id, i);
  VectorQuery other = prepared.nearest;
  for (std::size_t variant = 0; variant < prepared.variants.size(); ++variant) {
    other.vector = prepared.variants[variant];
    EIDETIC_TRY(auto more, search_without(prepared.own, backend, collection, other));
    for (Hit& hit : more) {
      const auto [place, added] = places.emplace(hit.id, hits.size());
      if (!added && hit.similarity <= hits[place->second].similarity) continue;
      prepared.found_by[hit.id] = variant + 1;
      if (added) {
        hits.push_back(std::move(hit));
      } else {
        hits[place->second] = std::move(hit);
      }
    }
  }
  std::ranges::sort(hits, [](const Hit& a, const Hit& b) {
    return a.similarity != b.similarity ? a.similarity > b.similarity : a.id < b.id;
  });
  if (hits.size() > prepared.nearest.k) hits.resize(prepared.nearest.k);
  return hits;
}

template <typename AnyHit>
std::size_t drop_below(std::vector<AnyHit>& hits, double min_similarity_pct) {
  // Compared as people see it, with two digits after the point of the percentage; the slack is for 0.07 * 100 > 7.
  constexpr double kSteps = 1e4;
  constexpr double kSlack = 1e-6;
  const double least = min_similarity_pct * kSteps / 100 - kSlack;
  return std::erase_if(hits, [&](const AnyHit& hit) { return std::round(hit.similarity * kSteps) < least; });
}

std::vector<Timing> timings_of(const StageTimes& times, double total_s) {
  constexpr double kMilliseconds = 1e3;
  std::vector<Timing> timings;
  for (const Stage stage : {Stage::read, Stage::decode, Stage::augment, Stage::preprocess, Stage::inference,
                            Stage::classify, Stage::search, Stage::verify}) {
    timings.push_back({.stage = std::string(kStageNames[static_cast<std::size_t>(stage)]),
                       .ms = times[stage].seconds * kMilliseconds,
                       .items = times[stage].items});
  }
  timings.push_back({.stage = "total", .ms = total_s * kMilliseconds, .items = 1});
  return timings;
}

Result<void> verify(const QueryParts& parts, const CollectionSpec& collection, const SoughtPicture& sought,
                    std::span<SearchHit> hits, Prepared& prepared) {
  const Stopwatch watch;
  EIDETIC_TRY(const auto verifier, Verifier::of(parts, sought));
  EIDETIC_CHECK(verifier.rank(collection.name, hits));
  prepared.times.add(Stage::verify, watch.seconds(), hits.size());
  auto& explanation = prepared.explanation;
  explanation.verified = static_cast<std::uint32_t>(
      std::ranges::count_if(hits, [](const SearchHit& hit) { return hit.verification->verified; }));
  if (!verifier.can_tell()) {
    explanation.notes.emplace_back(
        "the query's picture has little texture: that hits are not verified says nothing about them");
  }
  return {};
}

// Confidences of hits that are the query itself are no news, and would raise those of the others.
void set_confidences(const Calibration& calibration, const VectorQuery& searched, std::vector<SearchHit>& hits) {
  constexpr double kSame = 1e-6;
  const bool has_zero = calibration.metric() != Metric::dot;
  std::vector<double> similarities;
  std::vector<SearchHit*> others;
  for (SearchHit& hit : hits) {
    if (has_zero && hit.distance <= kSame) {
      hit.confidence = 1;
    } else {
      similarities.push_back(hit.similarity);
      others.push_back(&hit);
    }
  }
  const auto confidences = calibration.confidences(searched.vector, similarities);
  for (std::size_t i = 0; i < others.size(); ++i) others[i]->confidence = confidences[i];
}

// What was found, and where in its picture and the query's.
std::vector<SearchHit> told(const Prepared& prepared, std::vector<Hit> found) {
  std::vector<SearchHit> hits;
  for (Hit& hit : found) {
    auto& made = hits.emplace_back(SearchHit{std::move(hit)});
    if (made.part && *made.part < prepared.regions.size()) made.region = prepared.regions[*made.part];
    if (prepared.query_regions.empty()) continue;
    const auto by = prepared.found_by.find(made.id);
    if (by != prepared.found_by.end()) made.query_region = prepared.query_regions[by->second - 1];
  }
  return hits;
}

// From what was found to the answer, of a query that has taken so long until now.
Result<SearchResult> finish(const QueryParts& parts, const CollectionSpec& collection, const Query& query,
                            Prepared& prepared, const VectorQuery& searched, std::vector<SearchHit> found,
                            double seconds) {
  const Stopwatch watch;
  if (found.empty()) EIDETIC_CHECK(check_known(parts.backend, collection.name, searched.filter));
  auto& explanation = prepared.explanation;
  explanation.candidates = static_cast<std::uint32_t>(found.size()) + explanation.copies;
  SearchResult result{
      .collection = collection.name, .model = collection.space.model, .hits = std::move(found), .timings = {}};
  if (const auto least = query.min_similarity_pct) {
    explanation.below_similarity = static_cast<std::uint32_t>(drop_below(result.hits, *least));
  }
  if (prepared.calibration) set_confidences(*prepared.calibration, searched, result.hits);
  if (query.min_confidence) {
    const double least =
        *query.min_confidence == kRecommendedConfidence ? prepared.calibration->recommended() : *query.min_confidence;
    explanation.below_confidence = static_cast<std::uint32_t>(
        std::erase_if(result.hits, [&](const SearchHit& hit) { return hit.confidence.value_or(0) < least; }));
  }
  result.nothing_similar = result.hits.empty() && explanation.candidates > 0;
  if (prepared.sought) {
    const auto count = std::min<std::size_t>(query.verify, result.hits.size());
    EIDETIC_CHECK(verify(parts, collection, *prepared.sought, std::span(result.hits).first(count), prepared));
  }
  if (result.hits.size() > query.k) result.hits.resize(query.k);
  result.timings = timings_of(prepared.times, seconds + watch.seconds());
  result.explanation = std::move(explanation);
  return result;
}

Result<SearchResult> search_prepared(const QueryParts& parts, const CollectionSpec& collection, const Query& query,
                                     Prepared& prepared, double seconds) {
  const Stopwatch searching;
  const auto excluded = prepared.nearest.exclude_ids.size();
  const auto find = [&](const Filter& filter, std::uint32_t k) {
    prepared.nearest.filter = filter;
    prepared.nearest.k = k;
    return search_variants(prepared, parts.backend, collection.name);
  };
  Filter filter = prepared.nearest.filter;
  const std::uint32_t wanted = prepared.nearest.k;
  auto& classification = prepared.explanation.classification;
  std::vector<SearchHit> hits;
  // Every hit is compared with every other.
  const std::uint32_t most = std::max(wanted, 2 * kMaxCollapse);
  for (std::uint32_t k = wanted;; k = std::min(2 * k, most)) {
    EIDETIC_TRY(auto found, classification ? search_class(*classification, filter, k, collection.space.metric, find)
                                           : find(filter, k));
    const auto count = found.size();
    hits = told(prepared, std::move(found));
    if (!query.collapse) break;
    EIDETIC_TRY(prepared.explanation.copies, collapse_copies(parts, collection.name, hits));
    if (hits.size() >= wanted || count < k || k == most) break;
  }
  if (hits.size() > wanted) hits.resize(wanted);
  prepared.explanation.filter = filter.text();
  prepared.explanation.own = static_cast<std::uint32_t>(prepared.nearest.exclude_ids.size() - excluded);
  const double took = searching.seconds();
  prepared.times.add(Stage::search, took);
  return finish(parts, collection, query, prepared, prepared.nearest, std::move(hits), seconds + took);
}

}  // namespace

Result<SearchResult> search(const QueryParts& parts, const CollectionSpec& collection, const Query& query,
                            const SearchDepth& depth) {
  const Stopwatch preparing;
  EIDETIC_TRY(auto prepared, prepare(parts, collection, query, depth));
  return search_prepared(parts, collection, query, prepared, preparing.seconds());
}

Result<std::vector<Result<SearchResult>>> search(const QueryParts& parts, const CollectionSpec& collection,
                                                 std::span<const Query> queries, const SearchDepth& depth) {
  std::vector<Result<Prepared>> prepared(queries.size());
  std::vector<double> seconds(queries.size());
  parts.pool.parallel_for(queries.size(), [&](std::size_t i) {
    const Stopwatch preparing;
    prepared[i] = prepare(parts, collection, queries[i], depth);
    seconds[i] = preparing.seconds();
  });

  std::vector<Result<SearchResult>> results(queries.size());
  std::vector<VectorQuery> together;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    if (!prepared[i]) {
      results[i] = std::unexpected(std::move(prepared[i]).error());
    } else if (prepared[i]->simple(queries[i])) {
      together.push_back(std::move(prepared[i]->nearest));
      places.push_back(i);
    } else {
      results[i] = search_prepared(parts, collection, queries[i], *prepared[i], seconds[i]);
    }
  }
  const Stopwatch searching;
  EIDETIC_TRY(auto found, parts.backend.search(collection.name, together));
  const double share = searching.seconds() / static_cast<double>(std::max<std::size_t>(1, places.size()));
  for (std::size_t j = 0; j < places.size(); ++j) {
    const std::size_t i = places[j];
    prepared[i]->times.add(Stage::search, share);
    if (found[j]) {
      results[i] = finish(parts, collection, queries[i], *prepared[i], together[j],
                          told(*prepared[i], *std::move(found[j])), seconds[i] + share);
    } else {
      results[i] = std::unexpected(std::move(found[j]).error());
    }
  }
  return results;
}

Result<Image> alignment(const QueryParts& parts, const CollectionSpec& collection, const Query& query,
                        const Item& hit) {
  EIDETIC_CHECK(check(query));
  StageTimes unused;
  EIDETIC_TRY(const auto sought, Terms(parts, collection, query, unused).sought());
  EIDETIC_TRY(const auto verifier, Verifier::of(parts, sought));
  return verifier.draw(hit);
}

Result<SearchWalk> walk(const QueryParts& parts, const CollectionSpec& collection, const Query& query,
                        const SearchDepth& depth) {
  if (query.augment == Augmentation::pool || query.augment == Augmentation::parts) {
    return fail(ErrorCode::invalid_argument,
                "a walk is that of one search, and pooled variants or parts are several: leave them out");
  }
  if (query.collapse) {
    return fail(ErrorCode::invalid_argument, "a walk is that of one search, and one without copies may be several");
  }
  if (!query.classify.empty()) {
    return fail(ErrorCode::invalid_argument,
                "a walk is that of one search, and one by classes may be several: leave the classifier out; a filter "
                "shows the class");
  }
  EIDETIC_TRY(auto prepared, prepare(parts, collection, query, depth));
  if (!prepared.own.empty()) {
    // Which items these are is known once they were met.
    EIDETIC_CHECK(search_without(prepared.own, parts.backend, collection.name, prepared.nearest));
  }
  EIDETIC_TRY(auto walk, parts.backend.walk(collection.name, prepared.nearest));
  if (query.min_similarity_pct) drop_below(walk.hits, *query.min_similarity_pct);
  for (auto& candidate : walk.candidates) {
    if (candidate.rank > walk.hits.size()) candidate.rank = 0;
  }
  return walk;
}

Result<Image> contact_sheet(const Blobs& blobs, const DecodeOptions& decode, const Query& query) {
  constexpr std::size_t kMostTerms = 20;
  if (query.terms.size() > kMostTerms) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} terms for one contact sheet; at most {} are drawn", query.terms.size(), kMostTerms));
  }
  std::vector<Image> pictures;
  for (const auto& term : query.terms) {
    std::vector<std::byte> read;
    std::string name(kGivenPicture);
    if (term.kind == Term::Kind::picture) {
      const std::string uri = uri_of(term.value);
      name = display_name(uri);
      EIDETIC_TRY(read, blobs.read(uri, decode.max_bytes));
    } else if (term.kind != Term::Kind::bytes) {
      continue;
    }
    EIDETIC_TRY(pictures.emplace_back(),
                decode_for_variants(term.kind == Term::Kind::bytes ? term.bytes : read, name, decode, term.crop));
    const Image picture = pictures.back();
    for (auto& variant : augment(picture, query.seed)) pictures.push_back(std::move(variant.image));
  }
  if (pictures.empty())
    return fail(ErrorCode::invalid_argument, "no term of the query is a picture that can be varied");
  return contact_sheet(pictures);
}

}  // namespace eidetic
