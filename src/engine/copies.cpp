#include "engine/copies.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <list>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/hash.h"
#include "base/log.h"
#include "index/vector_math.h"
#include "refine/copy_score.h"

namespace eidetic {
namespace {

constexpr std::size_t kHashedAtOnce = 1024;
constexpr std::size_t kPairsAtOnce = 512;
constexpr std::size_t kFeaturesKept = 2 * kPairsAtOnce;  // those of one round of pairs always fit

struct Look {
  PictureHash hash;
  bool as_stored = false;  // the picture is what the content hash says
};

// What must not end a pass over a million pictures: a picture that is gone, or huge.
template <typename Work>
auto attempt(const PictureSource& source, Work&& work) -> std::optional<typename decltype(work())::value_type> {
  try {
    auto result = work();
    if (result) return *std::move(result);
    log(LogLevel::debug, "no look at '{}': {}", source.uri, result.error().message);
  } catch (const std::exception& error) {
    log(LogLevel::debug, "no look at '{}': {}", source.uri, error.what());
  }
  return std::nullopt;
}

std::optional<Look> take_look(const CopyParts& parts, const PictureSource& source) {
  return attempt(source, [&]() -> Result<Look> {
    EIDETIC_TRY(const auto bytes, parts.blobs.read(source.uri, parts.decode.max_bytes));
    // In full: its size counts, and a hash must not depend on who asked for it.
    auto options = parts.decode;
    options.min_short_side = 0;
    EIDETIC_TRY(const Image image, decode_image(bytes, options));
    const PerceptualHash hash = perceptual_hash(image);
    return Look{
        .hash = {.straight = hash.straight, .mirrored = hash.mirrored, .width = image.width, .height = image.height},
        .as_stored = !source.content_hash.empty() && sha256_hex(bytes) == source.content_hash};
  });
}

std::optional<LocalFeatures> take_features(const CopyParts& parts, const PictureSource& source) {
  return attempt(source, [&]() -> Result<LocalFeatures> {
    EIDETIC_TRY(const auto bytes, parts.blobs.read(source.uri, parts.decode.max_bytes));
    auto options = parts.decode;
    options.min_short_side = kCopyPictureSide;
    EIDETIC_TRY(const Image image, decode_image(bytes, options));
    return copy_features(image);
  });
}

// Features by picture; the least recently wanted go.
class FeatureShelf {
 public:
  using Features = std::optional<LocalFeatures>;

  [[nodiscard]] bool has(std::uint32_t picture) {
    const auto found = places_.find(picture);
    if (found == places_.end()) return false;
    entries_.splice(entries_.begin(), entries_, found->second);
    return true;
  }
  [[nodiscard]] const Features& of(std::uint32_t picture) const { return places_.at(picture)->second; }
  void put(std::uint32_t picture, Features features) {
    entries_.emplace_front(picture, std::move(features));
    places_[picture] = entries_.begin();
    if (entries_.size() <= kFeaturesKept) return;
    places_.erase(entries_.back().first);
    entries_.pop_back();
  }

 private:
  std::list<std::pair<std::uint32_t, Features>> entries_;
  std::unordered_map<std::uint32_t, decltype(entries_)::iterator> places_;
};

std::vector<std::uint32_t> pictures_of(std::span<const CopyPair> pairs) {
  std::vector<std::uint32_t> pictures;
  pictures.reserve(2 * pairs.size());
  for (const CopyPair& pair : pairs) pictures.push_back(pair.a), pictures.push_back(pair.b);
  std::ranges::sort(pictures);
  const auto again = std::ranges::unique(pictures);
  pictures.erase(again.begin(), again.end());
  return pictures;
}

CopySigns signs_of(const CopyPair& pair) {
  return {.similarity = pair.similarity, .hash_distance = pair.hash_distance, .pixels = {}};
}

Result<void> check(const std::stop_token& stop) {
  if (stop.stop_requested()) return fail(ErrorCode::unavailable, "stopped");
  return {};
}

}  // namespace

Result<void> CopyJudge::look_at(std::span<const std::uint32_t> pictures, const Progress& progress,
                                const std::stop_token& stop) {
  for (std::size_t first = 0; first < pictures.size(); first += kHashedAtOnce) {
    EIDETIC_CHECK(check(stop));
    if (progress) progress("hashes", first, pictures.size());
    std::vector<std::uint32_t> wanted;
    for (const std::uint32_t picture : pictures.subspan(first, std::min(kHashedAtOnce, pictures.size() - first))) {
      if (!looked_at_[picture]) wanted.push_back(picture);
    }
    EIDETIC_TRY(const auto sources, sources_(wanted));
    std::vector<std::size_t> unknown;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      looked_at_[wanted[i]] = true;
      const auto& [uri, content_hash] = sources[i];
      if (uri.empty()) continue;
      if (!content_hash.empty()) hashes_[wanted[i]] = parts_.hashes.find(content_hash);
      if (!hashes_[wanted[i]]) unknown.push_back(i);
    }
    std::vector<std::optional<Look>> looks(unknown.size());
    parts_.pool.parallel_for(unknown.size(), [&](std::size_t i) { looks[i] = take_look(parts_, sources[unknown[i]]); });
    std::vector<HashCache::Entry> entries;
    for (std::size_t i = 0; i < unknown.size(); ++i) {
      if (!looks[i]) {
        ++unreadable_;
        continue;
      }
      hashes_[wanted[unknown[i]]] = looks[i]->hash;
      if (looks[i]->as_stored) entries.push_back({sources[unknown[i]].content_hash, looks[i]->hash});
    }
    parts_.hashes.keep(entries);
  }
  return {};
}

Result<void> CopyJudge::judge(std::span<CopyPair> pairs, Verify verify, const Progress& progress,
                              const std::stop_token& stop) {
  EIDETIC_CHECK(look_at(pictures_of(pairs), progress, stop));
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    CopyPair& pair = pairs[i];
    const auto& a = hashes_[pair.a];
    const auto& b = hashes_[pair.b];
    if (a && b) pair.hash_distance = hash_distance({a->straight, a->mirrored}, {b->straight, b->mirrored});
    pair.copy_score = copy_score(signs_of(pair));
    pair.evidence = pair.hash_distance ? CopyEvidence::hash : CopyEvidence::vectors;
    if (verify == Verify::never || !a || !b) continue;
    if (verify == Verify::always || is_unsure(signs_of(pair))) open.push_back(i);
  }
  FeatureShelf shelf;
  for (std::size_t first = 0; first < open.size(); first += kPairsAtOnce) {
    EIDETIC_CHECK(check(stop));
    if (progress) progress("pictures", first, open.size());
    const auto round = std::span(open).subspan(first, std::min(kPairsAtOnce, open.size() - first));
    std::vector<CopyPair> of_round;
    for (const std::size_t i : round) of_round.push_back(pairs[i]);
    std::vector<std::uint32_t> missing;
    for (const std::uint32_t picture : pictures_of(of_round)) {
      if (!shelf.has(picture)) missing.push_back(picture);
    }
    EIDETIC_TRY(const auto sources, sources_(missing));
    std::vector<std::optional<LocalFeatures>> features(missing.size());
    parts_.pool.parallel_for(missing.size(), [&](std::size_t i) { features[i] = take_features(parts_, sources[i]); });
    for (std::size_t i = 0; i < missing.size(); ++i) shelf.put(missing[i], std::move(features[i]));
    parts_.pool.parallel_for(round.size(), [&](std::size_t i) {
      CopyPair& pair = pairs[round[i]];
      const auto& a = shelf.of(pair.a);
      const auto& b = shelf.of(pair.b);
      if (!a || !b) return;
      auto signs = signs_of(pair);
      signs.pixels = match_pixels(*a, *b);
      if (!signs.pixels) return;
      pair.copy_score = copy_score(signs);
      pair.evidence = CopyEvidence::pixels;
    });
    for (const std::size_t i : round) verified_ += pairs[i].evidence == CopyEvidence::pixels ? 1 : 0;
  }
  return {};
}

// --- new items ---

namespace {

constexpr std::uint32_t kCandidates = 10;

double cosine(const Vector& a, const Vector& b) {
  const double lengths = std::sqrt(dot_product(a, a) * dot_product(b, b));
  return lengths > 0 ? dot_product(a, b) / lengths : 0;
}

// Numbers of pictures: first the new items, then those of the collection that may be what they are copies of.
class NewCopies {
 public:
  NewCopies(Backend& backend, std::string_view collection, const CopyParts& parts, std::span<const Item> items)
      : backend_(backend), collection_(collection), parts_(parts), items_(items) {}

  Result<std::vector<std::optional<CopyOf>>> find(bool kept) {
    EIDETIC_CHECK(add_stored());
    parts_.pool.parallel_for(items_.size(), [&](std::size_t i) { near_[i] = earlier_near(i); });
    for (auto& some : near_) std::ranges::move(some, std::back_inserter(pairs_));
    CopyJudge judge(parts_, items_.size() + stored_.size(), [&](std::span<const std::uint32_t> wanted) {
      std::vector<PictureSource> sources;
      for (const std::uint32_t picture : wanted) sources.push_back({item(picture).uri, item(picture).content_hash});
      return Result<std::vector<PictureSource>>(std::move(sources));
    });
    // What has the same bytes is not looked at.
    const auto rest = std::ranges::partition(pairs_, [&](CopyPair& pair) { return judged_by_content(pair); });
    EIDETIC_CHECK(judge.judge(rest, Verify::unsure, {}, {}));
    return choose(kept);
  }

 private:
  [[nodiscard]] const Item& item(std::uint32_t picture) const {
    return picture < items_.size() ? items_[picture] : stored_[picture - items_.size()];
  }

  Result<void> add_stored() {
    std::vector<VectorQuery> queries;
    for (const Item& fresh : items_)
      queries.push_back({.vector = fresh.vector, .k = kCandidates + 1, .exclude_ids = {}, .depth = {}, .filter = {}});
    EIDETIC_TRY(auto results, backend_.search(collection_, queries));
    std::unordered_map<std::string, std::uint32_t> numbers;
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (!results[i]) continue;  // the vector is refused when it is stored
      for (const Hit& hit : *results[i]) {
        if (hit.id == items_[i].id || hit.similarity < kLeastCopySimilarity) continue;
        const auto [place, added] = numbers.emplace(hit.id, static_cast<std::uint32_t>(items_.size() + ids.size()));
        if (added) ids.push_back(hit.id);
        pairs_.push_back(
            {.a = static_cast<std::uint32_t>(i), .b = place->second, .similarity = static_cast<float>(hit.similarity)});
      }
    }
    EIDETIC_TRY(auto found, backend_.get(collection_, ids, false));
    for (std::size_t i = 0; i < found.size(); ++i) stored_.push_back(found[i] ? *std::move(found[i]) : Item{});
    std::erase_if(pairs_, [&](const CopyPair& pair) { return item(pair.b).id.empty(); });
    return {};
  }

  // The nearest of those that come before it.
  [[nodiscard]] std::vector<CopyPair> earlier_near(std::size_t i) const {
    std::vector<CopyPair> near;
    for (std::size_t j = 0; j < i; ++j) {
      if (items_[j].id == items_[i].id || items_[j].vector.size() != items_[i].vector.size()) continue;
      const double similarity = cosine(items_[i].vector, items_[j].vector);
      if (similarity < kLeastCopySimilarity) continue;
      near.push_back({.a = static_cast<std::uint32_t>(i),
                      .b = static_cast<std::uint32_t>(j),
                      .similarity = static_cast<float>(similarity)});
    }
    std::ranges::sort(near, std::ranges::greater(), &CopyPair::similarity);
    if (near.size() > kCandidates) near.resize(kCandidates);
    return near;
  }

  bool judged_by_content(CopyPair& pair) const {
    const std::string& hash = item(pair.a).content_hash;
    if (hash.empty() || hash != item(pair.b).content_hash) return false;
    pair.copy_score = 1;
    pair.evidence = CopyEvidence::content;
    return true;
  }

  [[nodiscard]] std::vector<std::optional<CopyOf>> choose(bool kept) {
    // Of each item the surest first; what an item before it is a copy of is known by then.
    std::ranges::sort(pairs_, {}, [](const CopyPair& pair) {
      return std::tuple(pair.a, -pair.copy_score, -pair.similarity, pair.b);
    });
    std::vector<std::optional<CopyOf>> copies(items_.size());
    for (const CopyPair& pair : pairs_) {
      auto& copy = copies[pair.a];
      if (copy || pair.copy_score < kDefaultCopyScore) continue;
      const bool refers = !kept && pair.b < items_.size() && copies[pair.b];
      const std::string& id = refers ? copies[pair.b]->id : item(pair.b).id;
      // A copy that came before it may be one of what it replaces.
      if (id == items_[pair.a].id) continue;
      copy = CopyOf{.id = id, .copy_score = pair.copy_score, .evidence = pair.evidence};
    }
    return copies;
  }

  Backend& backend_;
  const std::string_view collection_;
  const CopyParts& parts_;
  const std::span<const Item> items_;
  std::vector<Item> stored_;
  std::vector<std::vector<CopyPair>> near_ = std::vector<std::vector<CopyPair>>(items_.size());
  std::vector<CopyPair> pairs_;
};

}  // namespace

Result<std::vector<std::optional<CopyOf>>> find_copies(Backend& backend, std::string_view collection,
                                                       const CopyParts& parts, std::span<const Item> items, bool kept) {
  return NewCopies(backend, collection, parts, items).find(kept);
}

}  // namespace eidetic
