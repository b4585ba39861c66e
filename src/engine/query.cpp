#include "engine/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

#include "eidetic/filter.h"

#include "base/hash.h"
#include "blobs/listing.h"
#include "engine/known_fields.h"
#include "engine/pictures.h"
#include "engine/stages.h"
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
  for (const auto& term : query.terms) {
    if (!std::isfinite(term.weight)) {
      return fail(ErrorCode::invalid_argument, fmt::format("the weight {} is no finite number", term.weight));
    }
  }
  return {};
}

constexpr std::string_view kGivenPicture = "the given picture";

// Turns the terms of one query into vectors.
class Terms {
 public:
  Terms(const QueryParts& parts, const CollectionSpec& collection, const std::string& model, StageTimes& times)
      : parts_(parts), collection_(collection), model_(model), times_(times) {}

  // One vector, or, of a picture with augmentation, one of it and one of each of its variants.
  Result<std::vector<Vector>> vectors(const Term& term, const Query& query) const {
    std::vector<Vector> vectors(1);
    switch (term.kind) {
      case Term::Kind::picture: {
        EIDETIC_TRY(const auto embedder, parts_.embedder(model_));
        const std::string uri = uri_of(term.value);
        EIDETIC_TRY(const auto bytes, PictureEmbedder(parts_.blobs, parts_.decode, *embedder).read(uri, times_));
        return picture(*embedder, bytes, display_name(uri), term, query);
      }
      case Term::Kind::bytes: {
        EIDETIC_TRY(const auto embedder, parts_.embedder(model_));
        return picture(*embedder, term.bytes, kGivenPicture, term, query);
      }
      case Term::Kind::id: {
        EIDETIC_TRY(vectors.front(), stored(term.value));
        return vectors;
      }
      case Term::Kind::text: {
        EIDETIC_TRY(vectors.front(), text(term.value));
        return vectors;
      }
      case Term::Kind::vector: {
        EIDETIC_TRY(vectors.front(), given(term.vector));
        return vectors;
      }
    }
    return fail(ErrorCode::internal, "a term of no known kind");
  }

 private:
  Result<std::vector<Vector>> picture(const Embedder& embedder, Bytes bytes, std::string_view name, const Term& term,
                                      const Query& query) const {
    const PictureEmbedder pictures(parts_.blobs, parts_.decode, embedder);
    if (query.augment != Augmentation::none) {
      return pictures.embed_variants(bytes, name, term.crop, query.seed, times_);
    }
    std::vector<Vector> vectors(1);
    EIDETIC_TRY(vectors.front(), pictures.embed(bytes, name, term.crop, times_));
    return vectors;
  }

  Result<Vector> stored(const std::string& id) const {
    const auto& name = collection_.name;
    EIDETIC_TRY(auto items, parts_.backend.get(name, std::span(&id, 1), true));
    if (!items.front()) return fail(ErrorCode::not_found, fmt::format("collection '{}' has no item '{}'", name, id));
    return std::move(items.front()->vector);
  }

  Result<Vector> text(const std::string& words) const {
    EIDETIC_TRY(const auto embedder, parts_.embedder(model_));
    if (!embedder->has_text()) {
      return fail(ErrorCode::unsupported,
                  fmt::format("the model {} of collection '{}' knows pictures only, no words such as '{}'; for those, "
                              "make a collection with a model that has a text tower (eidetic models list)",
                              embedder->space().model, collection_.name, words));
    }
    const Stopwatch watch;
    auto vector = embedder->embed_text(words);
    times_.add(Stage::inference, watch.seconds());
    return vector;
  }

  Result<Vector> given(const Vector& vector) const {
    const auto& space = collection_.space;
    if (vector.size() != space.dimensions) {
      return fail(ErrorCode::invalid_argument, fmt::format("the query vector has {} values; collection '{}' is in {}",
                                                           vector.size(), collection_.name, space.describe()));
    }
    if (!std::ranges::all_of(vector, [](float value) { return std::isfinite(value); })) {
      return fail(ErrorCode::invalid_argument, "the query vector holds a value that is no finite number");
    }
    return vector;
  }

  const QueryParts& parts_;
  const CollectionSpec& collection_;
  const std::string& model_;
  StageTimes& times_;
};

double length(const Vector& vector) {
  return std::sqrt(std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0));
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

  // Whether one search in the backend is the whole of it.
  [[nodiscard]] bool simple() const noexcept { return own.empty() && variants.empty(); }
};

// The query's vector where each term has one; where some have variants, the vectors of the first, second, … of each.
Result<std::vector<Vector>> combine_variants(const std::vector<std::vector<Vector>>& terms,
                                             std::span<const double> weights) {
  std::size_t count = 1;
  for (const auto& variants : terms) count = std::max(count, variants.size());
  std::vector<Vector> combined;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<Vector> vectors;
    for (const auto& variants : terms) vectors.push_back(variants[variants.size() == 1 ? 0 : i]);
    EIDETIC_TRY(combined.emplace_back(), combine(vectors, weights));
  }
  return combined;
}

Result<Prepared> prepare(const QueryParts& parts, const CollectionSpec& collection, const Query& query,
                         const SearchDepth& depth) {
  EIDETIC_CHECK(check(query));
  if (!query.model.empty()) EIDETIC_CHECK(parts.embedder(query.model));
  Prepared prepared;
  auto& [nearest, variants, own, times] = prepared;
  EIDETIC_TRY(nearest.filter, parse_filter(query.filter));
  nearest.k = query.k;
  nearest.depth = deeper(query.depth, depth);
  const Terms terms(parts, collection, query.model, times);
  std::vector<std::vector<Vector>> vectors;
  std::vector<double> weights;
  for (const auto& term : query.terms) {
    EIDETIC_TRY(auto of_term, terms.vectors(term, query));
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
  EIDETIC_TRY(variants, combine_variants(vectors, weights));
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
  for (auto& variant : prepared.variants) {
    prepared.nearest.vector = std::move(variant);
    EIDETIC_TRY(auto more, search_without(prepared.own, backend, collection, prepared.nearest));
    std::ranges::move(more, std::back_inserter(hits));
  }
  if (prepared.variants.empty()) return hits;
  std::ranges::sort(
      hits, [](const Hit& a, const Hit& b) { return a.id != b.id ? a.id < b.id : a.similarity > b.similarity; });
  const auto again = std::ranges::unique(hits, {}, &Hit::id);
  hits.erase(again.begin(), again.end());
  std::ranges::sort(hits, [](const Hit& a, const Hit& b) {
    return a.similarity != b.similarity ? a.similarity > b.similarity : a.id < b.id;
  });
  if (hits.size() > prepared.nearest.k) hits.resize(prepared.nearest.k);
  return hits;
}

void drop_below(std::vector<Hit>& hits, double min_similarity_pct) {
  // Compared as people see it, with two digits after the point of the percentage; the slack is for 0.07 * 100 > 7.
  constexpr double kSteps = 1e4;
  constexpr double kSlack = 1e-6;
  const double least = min_similarity_pct * kSteps / 100 - kSlack;
  std::erase_if(hits, [&](const Hit& hit) { return std::round(hit.similarity * kSteps) < least; });
}

std::vector<Timing> timings_of(const StageTimes& times, double total_s) {
  constexpr double kMilliseconds = 1e3;
  std::vector<Timing> timings;
  for (const Stage stage :
       {Stage::read, Stage::decode, Stage::augment, Stage::preprocess, Stage::inference, Stage::search}) {
    timings.push_back(
        {std::string(kStageNames[static_cast<std::size_t>(stage)]), times[stage].seconds * kMilliseconds});
  }
  timings.push_back({"total", total_s * kMilliseconds});
  return timings;
}

SearchResult finished(const CollectionSpec& collection, const Query& query, std::vector<Hit> hits,
                      const StageTimes& times, double total_s) {
  if (query.min_similarity_pct) drop_below(hits, *query.min_similarity_pct);
  return {.collection = collection.name, .hits = std::move(hits), .timings = timings_of(times, total_s)};
}

}  // namespace

Result<Vector> combine(std::span<const Vector> vectors, std::span<const double> weights) {
  if (vectors.size() == 1 && weights.front() == 1) return vectors.front();
  std::vector<double> sum(vectors.front().size());
  double lengths = 0;
  double mass = 0;
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const double norm = length(vectors[i]);
    if (!(norm > 0)) return fail(ErrorCode::invalid_argument, fmt::format("term {} is a zero vector", i + 1));
    for (std::size_t d = 0; d < sum.size(); ++d) sum[d] += weights[i] / norm * static_cast<double>(vectors[i][d]);
    lengths += norm;
    mass += std::abs(weights[i]);
  }
  const double norm = std::sqrt(std::inner_product(sum.begin(), sum.end(), sum.begin(), 0.0));
  // What is left of equal vectors that are subtracted is rounding, not a direction.
  constexpr double kLeast = 1e-6;
  if (!(norm > kLeast * mass)) {
    return fail(ErrorCode::invalid_argument,
                "the terms of the query cancel each other out: nothing is left to search for; change their weights");
  }
  const double stretch = lengths / static_cast<double>(vectors.size()) / norm;
  Vector result(sum.size());
  std::ranges::transform(sum, result.begin(), [&](double value) { return static_cast<float>(value * stretch); });
  return result;
}

namespace {

Result<SearchResult> search_prepared(const QueryParts& parts, const CollectionSpec& collection, const Query& query,
                                     Prepared& prepared, double seconds) {
  const Stopwatch searching;
  EIDETIC_TRY(auto hits, search_variants(prepared, parts.backend, collection.name));
  if (hits.empty()) EIDETIC_CHECK(check_known(parts.backend, collection.name, prepared.nearest.filter));
  prepared.times.add(Stage::search, searching.seconds());
  return finished(collection, query, std::move(hits), prepared.times, seconds + searching.seconds());
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
    } else if (prepared[i]->simple()) {
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
    if (found[j] && found[j]->empty()) {
      if (auto known = check_known(parts.backend, collection.name, together[j].filter); !known) {
        found[j] = std::unexpected(std::move(known).error());
      }
    }
    if (found[j]) {
      results[i] = finished(collection, queries[i], *std::move(found[j]), prepared[i]->times, seconds[i] + share);
    } else {
      results[i] = std::unexpected(std::move(found[j]).error());
    }
  }
  return results;
}

Result<SearchWalk> walk(const QueryParts& parts, const CollectionSpec& collection, const Query& query,
                        const SearchDepth& depth) {
  if (query.augment == Augmentation::pool) {
    return fail(ErrorCode::invalid_argument,
                "a walk is that of one search, and pooled variants are nine: leave them out");
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
