#include "engine/query_terms.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <utility>

#include "blobs/listing.h"
#include "engine/pictures.h"

namespace eidetic {
namespace {

double length(const Vector& vector) {
  return std::sqrt(std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0));
}

}  // namespace

Result<std::vector<Vector>> Terms::vectors(const Term& term) {
  std::vector<Vector> vectors(1);
  switch (term.kind) {
    case Term::Kind::picture: {
      // Whether there is a model at all is known before anything is read.
      EIDETIC_CHECK(parts_.embedder(query_.model));
      const std::string uri = uri_of(term.value);
      EIDETIC_TRY(const auto bytes, read(uri));
      return picture(bytes, display_name(uri), term);
    }
    case Term::Kind::bytes: return picture(term.bytes, kGivenPicture, term);
    case Term::Kind::id: {
      EIDETIC_TRY(auto item, stored(term.value, true));
      if (term.crop) {
        if (item.uri.empty()) {
          return fail(ErrorCode::invalid_argument,
                      fmt::format("item '{}' has no picture that could be cropped; leave the crop out", item.id));
        }
        EIDETIC_TRY(const auto bytes, read(item.uri));
        return picture(bytes, display_name(item.uri), term);
      }
      vectors.front() = std::move(item.vector);
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

Result<SoughtPicture> Terms::sought() {
  for (const Term& term : query_.terms) {
    if (!(term.weight > 0)) continue;
    SoughtPicture sought{.bytes = term.bytes, .name = std::string(kGivenPicture), .crop = term.crop};
    if (term.kind == Term::Kind::bytes) return sought;
    std::string uri;
    if (term.kind == Term::Kind::picture) uri = uri_of(term.value);
    if (term.kind == Term::Kind::id) {
      EIDETIC_TRY(const auto item, stored(term.value, false));
      uri = item.uri;
    }
    if (uri.empty()) continue;
    sought.name = display_name(uri);
    EIDETIC_TRY(const auto bytes, read(uri));
    sought.bytes.assign(bytes.begin(), bytes.end());
    return sought;
  }
  return fail(ErrorCode::invalid_argument,
              "hits are verified by the keypoints of a picture, and no term of the query that weighs more than 0 is "
              "one; give a picture, or leave the verification out");
}

Result<Bytes> Terms::read(const std::string& uri) {
  auto found = read_.find(uri);
  if (found == read_.end()) {
    const Stopwatch watch;
    auto bytes = parts_.blobs.read(uri, parts_.decode.max_bytes);
    times_.add(Stage::read, watch.seconds());
    if (!bytes) return std::unexpected(bytes.error());
    found = read_.emplace(uri, *std::move(bytes)).first;
  }
  return Bytes(found->second);
}

Result<std::vector<Vector>> Terms::picture(Bytes bytes, std::string_view name, const Term& term) const {
  EIDETIC_TRY(const auto embedder, parts_.embedder(query_.model));
  const PictureEmbedder pictures(parts_.blobs, parts_.decode, *embedder);
  if (query_.augment == Augmentation::parts) {
    std::vector<Vector> vectors;
    EIDETIC_TRY(vectors.emplace_back(), pictures.embed(bytes, name, term.crop, times_));
    EIDETIC_TRY(const auto regions, parse_regions(kQueryRegions));
    EIDETIC_TRY(auto parts, pictures.embed_regions(bytes, name, term.crop, regions, times_));
    std::ranges::move(parts, std::back_inserter(vectors));
    return vectors;
  }
  if (query_.augment != Augmentation::none) {
    return pictures.embed_variants(bytes, name, term.crop, query_.seed, times_);
  }
  std::vector<Vector> vectors(1);
  EIDETIC_TRY(vectors.front(), pictures.embed(bytes, name, term.crop, times_));
  return vectors;
}

Result<Item> Terms::stored(const std::string& id, bool with_vector) const {
  const auto& name = collection_.name;
  EIDETIC_TRY(auto items, parts_.backend.get(name, std::span(&id, 1), with_vector));
  if (!items.front()) return fail(ErrorCode::not_found, fmt::format("collection '{}' has no item '{}'", name, id));
  return *std::move(items.front());
}

Result<Vector> Terms::text(const std::string& words) {
  EIDETIC_TRY(const auto embedder, parts_.embedder(query_.model));
  if (!embedder->has_text()) {
    return fail(ErrorCode::unsupported,
                fmt::format("the model {} of collection '{}' knows pictures only, no words such as '{}'; for those, "
                            "make a collection with a model that has a text tower (eidetic models list)",
                            embedder->space().model, collection_.name, words));
  }
  const Stopwatch watch;
  if (const auto tokens = embedder->tokenize(words); tokens && tokens->cut > 0) {
    notes_.push_back(fmt::format("the text is too long for the model, which reads {} of its {} tokens",
                                 tokens->count - tokens->cut, tokens->count));
  }
  auto vector = embedder->embed_text(words);
  times_.add(Stage::inference, watch.seconds());
  return vector;
}

Result<Vector> Terms::given(const Vector& vector) const {
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

}  // namespace eidetic
