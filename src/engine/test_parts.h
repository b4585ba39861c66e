// For tests: a backend in memory that can fail on demand, an embedder without a model, and what both record.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "eidetic/backend.h"
#include "eidetic/embedder.h"

namespace eidetic {

// One collection "c" in a map. Not thread-safe.
class MemoryBackend : public Backend {
 public:
  explicit MemoryBackend(CollectionSpec spec) : spec_(std::move(spec)) {}

  std::map<std::string, Item> items;
  std::size_t upserts_left = SIZE_MAX;  // then every upsert fails as a full disk does
  std::vector<std::size_t> upserted;    // sizes of the batches
  bool exists = true;
  std::function<void()> listed;  // once a scroll is through: what other calls do then

  Result<void> create(const CollectionSpec& spec) override {
    if (exists) return fail(ErrorCode::already_exists, "the collection is there");
    spec_ = spec;
    exists = true;
    return {};
  }
  Result<void> drop(std::string_view) override {
    items.clear();
    exists = false;
    return {};
  }
  Result<std::vector<CollectionInfo>> list() override {
    return exists ? std::vector<CollectionInfo>{info()} : std::vector<CollectionInfo>();
  }
  Result<CollectionInfo> describe(std::string_view) override { return info(); }
  Result<CollectionSpec> spec(std::string_view) override { return spec_; }
  Result<void> configure(std::string_view, const EditSettings& edit) override {
    EIDETIC_TRY(spec_.settings, edit(spec_));
    return {};
  }
  Result<void> attach(std::string_view, std::string_view name, std::span<const std::byte> content) override {
    kept[std::string(name)].assign(content.begin(), content.end());
    if (content.empty()) kept.erase(std::string(name));
    return {};
  }
  Result<std::optional<std::vector<std::byte>>> attachment(std::string_view, std::string_view name) override {
    const auto found = kept.find(std::string(name));
    if (found == kept.end()) return std::nullopt;
    return found->second;
  }
  Result<std::vector<Result<void>>> store_parts(std::string_view, std::span<const Item> given) override {
    std::vector<Result<void>> results(given.size());
    for (std::size_t i = 0; i < given.size(); ++i) {
      const auto found = items.find(given[i].id);
      if (found == items.end()) {
        results[i] = fail(ErrorCode::not_found, "no such item");
      } else {
        found->second.parts = given[i].parts;
      }
    }
    return results;
  }
  Result<std::vector<std::vector<Vector>>> parts(std::string_view, std::span<const std::string> ids) override {
    std::vector<std::vector<Vector>> all;
    for (const auto& id : ids) all.push_back(items.contains(id) ? items.at(id).parts : std::vector<Vector>());
    return all;
  }
  Result<void> drop_parts(std::string_view) override {
    for (auto& [id, item] : items) item.parts.clear();
    return {};
  }
  Result<std::vector<std::string>> attachments(std::string_view) override {
    std::vector<std::string> names;
    for (const auto& [name, content] : kept) names.push_back(name);
    return names;
  }
  Result<void> reindex(std::string_view, std::string_view index) override {
    if (!index.empty()) spec_.index = index;
    return {};
  }
  Result<std::vector<Result<void>>> upsert(std::string_view, std::span<const Item> batch) override {
    if (upserts_left == 0) return fail(ErrorCode::unavailable, "cannot write 'catalog.db': No space left on device");
    --upserts_left;
    upserted.push_back(batch.size());
    std::vector<Result<void>> results;
    for (const auto& item : batch) {
      const bool fits = item.vector.size() == spec_.space.dimensions;
      if (fits) items[item.id] = item;
      results.push_back(fits ? Result<void>() : fail(ErrorCode::invalid_argument, "other dimensions"));
    }
    return results;
  }
  Result<std::vector<Result<void>>> update(std::string_view, std::span<const Item> batch) override {
    std::vector<Result<void>> results;
    for (auto item : batch) {
      item.vector = items.at(item.id).vector;
      items[item.id] = item;
      results.emplace_back();
    }
    return results;
  }
  Result<std::uint64_t> erase(std::string_view, std::span<const std::string> ids) override {
    std::uint64_t count = 0;
    for (const auto& id : ids) count += items.erase(id);
    return count;
  }
  Result<std::vector<std::optional<Item>>> get(std::string_view, std::span<const std::string> ids, bool) override {
    std::vector<std::optional<Item>> found;
    for (const auto& id : ids) found.push_back(items.contains(id) ? std::optional(items.at(id)) : std::nullopt);
    return found;
  }
  // Pages of three, whatever is asked for, so that small tests turn pages.
  Result<ScrollPage> scroll(std::string_view, std::string_view cursor, std::uint32_t, bool with_vectors) override {
    ScrollPage page;
    auto next = items.upper_bound(std::string(cursor));
    for (; next != items.end() && page.items.size() < 3; ++next) page.items.push_back(next->second);
    for (auto& item : page.items) {
      if (!with_vectors) item.vector.clear();
    }
    if (next != items.end()) page.next = page.items.back().id;
    if (page.next.empty() && listed) listed();
    return page;
  }
  Result<ScrollPage> sorted(std::string_view, const SortedRequest&) override {
    return fail(ErrorCode::unsupported, "in memory");
  }
  Result<std::vector<Facet>> facets(std::string_view, const FacetRequest&) override {
    return fail(ErrorCode::unsupported, "in memory");
  }
  Result<std::uint64_t> count(std::string_view, const Filter& filter) override {
    std::uint64_t count = 0;
    for (const auto& [id, item] : items) count += filter.matches(item) ? 1 : 0;
    return count;
  }
  Result<std::vector<Hit>> search(std::string_view, const VectorQuery& query) override {
    queries.push_back(query);
    return hits;
  }
  Result<std::vector<Result<std::vector<Hit>>>> search(std::string_view name,
                                                       std::span<const VectorQuery> all) override {
    std::vector<Result<std::vector<Hit>>> results;
    for (const VectorQuery& query : all) results.push_back(search(name, query));
    return results;
  }
  Result<IndexView> inspect(std::string_view) override { return fail(ErrorCode::unsupported, "in memory"); }
  Result<SearchWalk> walk(std::string_view, const VectorQuery&) override {
    return fail(ErrorCode::unsupported, "in memory");
  }
  Result<CollectionMap> map(std::string_view, const MapRequest&) override {
    return fail(ErrorCode::unsupported, "in memory");
  }
  Result<NearPairs> near_pairs(std::string_view, const NearRequest&,
                               const std::function<void(std::uint64_t, std::uint64_t)>&, std::stop_token) override {
    return fail(ErrorCode::unsupported, "in memory");
  }
  Result<void> begin_space(std::string_view, const Space&) override { return no_other_space(); }
  Result<std::optional<OtherSpace>> other_space(std::string_view) override { return std::nullopt; }
  Result<std::vector<Item>> pending(std::string_view, std::uint64_t, std::uint32_t) override {
    return no_other_space();
  }
  Result<std::uint64_t> store_pending(std::string_view, std::span<const Item>) override { return no_other_space(); }
  Result<void> build_space(std::string_view) override { return no_other_space(); }
  Result<std::uint64_t> switch_space(std::string_view, const EditSettings&, bool) override { return no_other_space(); }
  Result<void> drop_space(std::string_view) override { return {}; }
  Result<void> flush() override { return {}; }
  Result<void> backup(const std::filesystem::path&) override { return fail(ErrorCode::unsupported, "in memory"); }

  std::vector<VectorQuery> queries;
  std::vector<Hit> hits;                               // what every search finds
  std::map<std::string, std::vector<std::byte>> kept;  // attachments

 private:
  static std::unexpected<Error> no_other_space() { return fail(ErrorCode::unsupported, "in memory"); }
  [[nodiscard]] CollectionInfo info() const {
    CollectionInfo info;
    info.spec = spec_;
    info.items = items.size();
    for (const auto& [id, item] : items) info.parts += item.parts.size();
    return info;
  }

  CollectionSpec spec_;
};

// The mean of each colour channel, times one, as a vector of three.
class MeanColour final : public Embedder {
 public:
  [[nodiscard]] const Space& space() const override { return space_; }
  [[nodiscard]] unsigned parallelism() const override { return 2; }
  [[nodiscard]] std::int32_t min_short_side() const override { return 0; }
  [[nodiscard]] bool has_text() const override { return false; }
  [[nodiscard]] const std::vector<std::string>& labels() const override { return labels_; }
  Result<Vector> embed_image(const Image& image, EmbedTimings*) const override {
    ++embedded;
    Vector mean(3);
    for (std::size_t i = 0; i < image.pixels.size(); ++i) mean[i % 3] += static_cast<float>(image.pixels[i]);
    for (float& value : mean) value = value * 3 / static_cast<float>(image.pixels.size()) + 1;
    return mean;
  }
  Result<Vector> embed_text(std::string_view) const override { return fail(ErrorCode::unsupported, "no text"); }

  mutable std::atomic<int> embedded = 0;

 private:
  Space space_{.model = "mean", .hash = "aa", .dimensions = 3};
  std::vector<std::string> labels_;
};

inline CollectionSpec mean_colour_spec() {
  return {.name = "c", .space = MeanColour().space(), .index = "Flat", .settings = R"({"model":"mean"})"};
}

}  // namespace eidetic
