#include "engine/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/hash.h"
#include "blobs/listing.h"
#include "engine/pictures.h"
#include "image/crop.h"
#include "image/encode.h"
#include "refine/alignment.h"
#include "refine/alignment_picture.h"
#include "refine/augment.h"

namespace eidetic {
namespace {

constexpr FeatureOptions kItemFeatures = {};

// Names what features are made with.
std::int64_t cache_variant() {
  static const std::string options =
      fmt::format("SIFT {} {} {}", kItemFeatures.max_side, kItemFeatures.upsample_below, kItemFeatures.max_features);
  static const auto variant = static_cast<std::int64_t>(checksum(std::as_bytes(std::span(options))));
  return variant;
}

// Of pictures that are mirrored the other way round.
std::vector<PicturePoint> fractions(const Quad& quad, const LocalFeatures& of, bool mirrored) {
  std::vector<PicturePoint> points;
  for (const auto& [x, y] : quad) {
    const double across = x / of.width;
    points.push_back({.x = mirrored ? 1 - across : across, .y = y / of.height});
  }
  return points;
}

Verification as_verification(const Alignment& found, bool mirrored, const LocalFeatures& query,
                             const LocalFeatures& hit) {
  Verification result;
  result.verified = found.verified;
  result.matches = static_cast<std::uint32_t>(found.matches);
  if (!found.verified) return result;
  result.inliers = static_cast<std::uint32_t>(found.inliers);
  result.score = found.score;
  result.mirrored = mirrored;
  result.whole_query = found.whole_query;
  result.quad = fractions(found.quad, hit, false);
  result.query_quad = fractions(found.query_quad, query, mirrored);
  result.hit_overlap_pct = found.candidate_overlap_pct;
  result.query_overlap_pct = found.query_overlap_pct;
  return result;
}

// The surer of both ways round.
std::pair<Alignment, bool> align_either(const LocalFeatures& straight, const LocalFeatures& mirrored,
                                        const LocalFeatures& candidate) {
  auto found = align(straight, candidate);
  auto other = align(mirrored, candidate);
  if (ranks_before(other, found)) return {std::move(other), true};
  return {std::move(found), false};
}

}  // namespace

Result<Verifier> Verifier::of(const QueryParts& parts, const SoughtPicture& picture) {
  Verifier verifier(parts);
  EIDETIC_TRY(verifier.picture_, verifier.decode(picture.bytes, picture.name, picture.crop));
  EIDETIC_TRY(verifier.features_, extract_features(verifier.picture_, kQueryFeatures));
  verifier.mirrored_features_ = mirrored(verifier.features_);
  verifier.can_tell_ = has_enough_texture(verifier.features_);
  return verifier;
}

Result<Image> Verifier::decode(Bytes bytes, std::string_view name, const std::optional<Crop>& crop) const {
  auto options = parts_.decode;
  options.min_short_side = crop ? 0 : kItemFeatures.max_side;  // a crop counts the pixels of the whole picture
  auto image = decode_image(bytes, options);
  if (image && crop) image = crop_image(*image, *crop);
  if (!image) return fail(image.error().code, fmt::format("'{}': {}", name, image.error().message));
  constexpr std::int32_t kLongSide = 2 * kItemFeatures.max_side;
  return fit_image(*std::move(image), kLongSide);
}

Result<LocalFeatures> Verifier::features_of(const Item& item) const {
  if (item.uri.empty()) return fail(ErrorCode::not_found, "it has no picture: it was stored as a bare vector");
  if (!item.content_hash.empty()) {
    if (const auto kept = parts_.features.find(item.content_hash, cache_variant())) {
      if (auto features = deserialize_features(*kept)) return features;
    }
  }
  EIDETIC_TRY(const auto bytes, parts_.blobs.read(item.uri, parts_.decode.max_bytes));
  EIDETIC_TRY(const Image image, decode(bytes, display_name(item.uri), {}));
  EIDETIC_TRY(auto features, extract_features(image, kItemFeatures));
  // Under what it was really made of: the file may have changed since it was indexed.
  parts_.features.keep(sha256_hex(bytes), cache_variant(), serialize_features(features));
  return features;
}

Verification Verifier::verify(const Item& item) const {
  const auto features = features_of(item);
  if (!features) {
    Verification failed;
    failed.note = features.error().message;
    return failed;
  }
  const auto [found, other_way] = align_either(features_, mirrored_features_, *features);
  return as_verification(found, other_way, features_, *features);
}

Result<void> Verifier::rank(std::string_view collection, std::span<SearchHit> hits) const {
  std::vector<std::string> ids;
  for (const SearchHit& hit : hits) ids.push_back(hit.id);
  EIDETIC_TRY(const auto items, parts_.backend.get(collection, ids, false));
  parts_.pool.parallel_for(hits.size(), [&](std::size_t i) {
    if (items[i]) {
      hits[i].verification = verify(*items[i]);
    } else {
      hits[i].verification.emplace().note = "it has been deleted meanwhile";
    }
  });
  std::vector<std::tuple<bool, double, std::size_t>> order;
  for (std::size_t i = 0; i < hits.size(); ++i) {
    order.emplace_back(!hits[i].verification->verified, -hits[i].verification->score, i);
  }
  std::ranges::sort(order);
  std::vector<SearchHit> ranked;
  for (const auto& [unsure, score, i] : order) ranked.push_back(std::move(hits[i]));
  std::ranges::move(ranked, hits.begin());
  return {};
}

Result<Image> Verifier::draw(const Item& hit) const {
  if (hit.uri.empty()) {
    return fail(ErrorCode::not_found, fmt::format("item '{}' has no picture: it was stored as a bare vector", hit.id));
  }
  EIDETIC_TRY(const auto bytes, parts_.blobs.read(hit.uri, parts_.decode.max_bytes));
  EIDETIC_TRY(Image image, decode(bytes, display_name(hit.uri), {}));
  EIDETIC_TRY(const auto features, extract_features(image, kItemFeatures));
  const auto [found, other_way] = align_either(features_, mirrored_features_, features);
  return draw_alignment(other_way ? mirrored(picture_) : picture_, std::move(image), found);
}

}  // namespace eidetic
