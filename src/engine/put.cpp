#include "engine/put.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/hash.h"
#include "base/json.h"
#include "blobs/item_metadata.h"
#include "blobs/listing.h"
#include "blobs/uri.h"
#include "catalog/check.h"
#include "engine/pictures.h"
#include "engine/stages.h"
#include "image/exif.h"

namespace eidetic {
namespace {

// A new item on its way to the catalog.
struct Draft {
  Result<void> good;
  Item item;                  // without metadata
  std::optional<Json> exif;   // to be added to it
  bool same_picture = false;  // as stored: there is no vector, and none is needed
  std::optional<CopyOf> copy_of = {};
  bool overtaken = false;  // that item was replaced or erased since: its vector is another one, or gone
};

Result<void> check(const NewItem& item, const Space& space) {
  if (!item.id.empty()) EIDETIC_CHECK(check_facts({.id = item.id, .uri = item.uri, .content_hash = {}, .vector = {}}));
  if (item.metadata)
    EIDETIC_CHECK(check_json_object(*item.metadata, fmt::format("the metadata of item '{}'", item.id)));
  if (!item.uri.empty() && !item.bytes.empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("item '{}' has both a URI and bytes; give one of them", item.id));
  }
  if (item.vector.empty()) {
    if (!item.uri.empty() || !item.bytes.empty()) return {};
    return fail(ErrorCode::invalid_argument,
                fmt::format("item '{}' has no picture and no vector; give a URI, bytes or a vector", item.id));
  }
  if (item.id.empty() && item.bytes.empty()) {
    return fail(ErrorCode::invalid_argument, "an item with a vector and no bytes needs an id");
  }
  if (auto checked = check_vector(item.vector, space); !checked) {
    return fail(ErrorCode::invalid_argument, fmt::format("item '{}': {}", item.id, checked.error().message));
  }
  return {};
}

class Put {
 public:
  Put(const PutParts& parts, const CollectionSpec& collection, std::span<const NewItem> items)
      : parts_(parts), collection_(collection), items_(items), drafts_(items.size()) {}

  Result<std::vector<Result<PutResult>>> run() {
    const bool embeds = std::ranges::any_of(items_, [](const NewItem& item) { return item.vector.empty(); });
    if (embeds) {
      EIDETIC_TRY(embedder_, parts_.embedder());
      EIDETIC_TRY(regions_, parts_.regions());
    }
    parts_.pool.parallel_for(items_.size(), [&](std::size_t i) {
      try {
        drafts_[i].good = prepare(items_[i], drafts_[i]);
      } catch (const std::exception& error) {
        // Above all std::bad_alloc for one huge picture: the others go on.
        drafts_[i].good = fail(ErrorCode::internal, fmt::format("item '{}': {}", items_[i].id, error.what()));
      }
    });
    EIDETIC_CHECK(store_pictures());
    EIDETIC_CHECK(look_for_copies());
    return commit();
  }

 private:
  Result<void> prepare(const NewItem& given, Draft& draft) const {
    EIDETIC_CHECK(check(given, collection_.space));
    Item& item = draft.item;
    item.id = given.id;
    std::vector<std::byte> read;
    Bytes bytes = given.bytes;
    StageTimes unused;
    if (!given.bytes.empty()) {
      item.content_hash = sha256_hex(bytes);
      item.uri = stored_uri(item.content_hash);
    } else if (!given.uri.empty()) {
      item.uri = uri_of(given.uri);
      if (const auto hash = hash_of_stored(item.uri)) item.content_hash = *hash;
      if (given.vector.empty()) {
        EIDETIC_TRY(read, parts_.blobs.read(item.uri, parts_.decode.max_bytes));
        bytes = read;
        item.content_hash = sha256_hex(bytes);
      }
    }
    item.size_bytes = bytes.size();
    if (item.id.empty()) item.id = item.content_hash;
    if (given.exif != ExifFields::none) {
      EIDETIC_TRY(draft.exif, exif_of(given, bytes));
    }
    if (!given.vector.empty()) {
      item.vector = given.vector;
      return {};
    }
    EIDETIC_TRY(const auto stored, parts_.backend.get(collection_.name, std::span(&item.id, 1), false));
    draft.same_picture = stored.front() && stored.front()->content_hash == item.content_hash;
    if (draft.same_picture) return {};
    const std::string name = given.bytes.empty() ? display_name(item.uri) : item.id;
    const PictureEmbedder pictures(parts_.blobs, parts_.decode, *embedder_);
    return pictures.embed_into(item, bytes, name, regions_.regions, unused);
  }

  // None where the metadata given has a field of that name.
  Result<std::optional<Json>> exif_of(const NewItem& given, Bytes bytes) const {
    if (given.metadata && Json::parse(*given.metadata, nullptr, false).contains(kExifField)) return std::nullopt;
    std::vector<std::byte> read;
    if (bytes.empty()) {
      if (given.uri.empty()) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("item '{}' has no picture to read EXIF fields from", given.id));
      }
      EIDETIC_TRY(read, parts_.blobs.read(uri_of(given.uri), parts_.decode.max_bytes));
      bytes = read;
    }
    return read_exif(bytes, given.exif == ExifFields::gps);
  }

  // Before the items that name them: an item in the catalog always finds its picture.
  Result<void> store_pictures() const {
    std::vector<StoredPicture> pictures;
    std::vector<std::string> named;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (!drafts_[i].good || !hash_of_stored(drafts_[i].item.uri)) continue;
      if (items_[i].bytes.empty()) {
        named.push_back(drafts_[i].item.content_hash);
      } else {
        pictures.push_back({drafts_[i].item.content_hash, items_[i].bytes});
      }
    }
    EIDETIC_CHECK(parts_.pictures.put(pictures, now_ms()));
    return parts_.pictures.touch(named, now_ms());
  }

  // Before the lock is taken: of two calls at the same time each may store a copy of what the other stores.
  Result<void> look_for_copies() {
    if (!parts_.copies) return {};
    std::vector<Item> fresh;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < drafts_.size(); ++i) {
      if (!drafts_[i].good || drafts_[i].same_picture) continue;
      fresh.push_back(drafts_[i].item);
      places.push_back(i);
    }
    const bool kept = parts_.on_duplicate == OnDuplicate::report;
    EIDETIC_TRY(auto copies, find_copies(parts_.backend, collection_.name, *parts_.copies, fresh, kept));
    for (std::size_t i = 0; i < copies.size(); ++i) drafts_[places[i]].copy_of = std::move(copies[i]);
    return {};
  }

  [[nodiscard]] bool is_skipped(const Draft& draft) const {
    return draft.copy_of && parts_.on_duplicate == OnDuplicate::skip;
  }

  Result<std::vector<Result<PutResult>>> commit() {
    const std::scoped_lock lock(parts_.writing);
    EIDETIC_TRY(const auto now, parts_.backend.spec(collection_.name));
    if (now.era != collection_.era) return model_changed(collection_.name);
    EIDETIC_TRY(const auto classes, parts_.classes());
    std::vector<std::string> ids;
    for (const auto& draft : drafts_) ids.push_back(draft.item.id);
    EIDETIC_TRY(const auto stored, parts_.backend.get(collection_.name, ids, false));
    std::unordered_map<std::string_view, std::size_t> last;
    for (std::size_t i = 0; i < drafts_.size(); ++i) {
      if (drafts_[i].good && !is_skipped(drafts_[i])) last[drafts_[i].item.id] = i;
    }
    std::vector<Result<PutResult>> results;
    std::unordered_map<std::string_view, std::size_t> seen;
    for (std::size_t i = 0; i < drafts_.size(); ++i) {
      auto& draft = drafts_[i];
      if (!draft.good) {
        results.emplace_back(std::unexpected(draft.good.error()));
        continue;
      }
      if (is_skipped(draft)) {
        results.emplace_back(PutResult{draft.item.id, PutOutcome::skipped, draft.copy_of});
        continue;
      }
      const bool first = seen.emplace(draft.item.id, i).second;
      results.emplace_back(
          PutResult{draft.item.id, first && !stored[i] ? PutOutcome::created : PutOutcome::replaced, draft.copy_of});
      if (last[draft.item.id] == i) place(i, stored[i], classes, *results.back());
    }
    EIDETIC_TRY(const auto regions, parts_.regions());
    for (const std::size_t i : upserts_) drop_parts_of(regions_, regions, std::span(&drafts_[i].item, 1));
    EIDETIC_CHECK(write(upserts_, &Backend::upsert, results));
    EIDETIC_CHECK(write(updates_, &Backend::update, results));
    return results;
  }

  // What has to be done with a draft, now that what is stored stays as it is.
  void place(std::size_t i, const std::optional<Item>& stored, const ItemClasses& classes, PutResult& result) {
    Item& item = drafts_[i].item;
    classes.settle(item, {items_[i].metadata, std::move(drafts_[i].exif)}, stored ? &*stored : nullptr);
    if (!drafts_[i].same_picture) {
      upserts_.push_back(i);
    } else if (stored && stored->content_hash == item.content_hash && stored->uri == item.uri &&
               same_json(stored->metadata, item.metadata)) {
      result.outcome = PutOutcome::unchanged;
    } else {
      updates_.push_back(i);
      drafts_[i].overtaken = !stored || stored->content_hash != item.content_hash;
    }
  }

  template <typename Verb>
  Result<void> write(const std::vector<std::size_t>& which, Verb verb, std::vector<Result<PutResult>>& results) {
    std::vector<Item> batch;
    std::vector<std::size_t> places;
    for (const std::size_t i : which) {
      if (drafts_[i].overtaken) {
        results[i] = fail(ErrorCode::unavailable,
                          fmt::format("item '{}' was changed by another call meanwhile; put it again", results[i]->id));
        continue;
      }
      batch.push_back(std::move(drafts_[i].item));
      places.push_back(i);
    }
    if (batch.empty()) return {};
    EIDETIC_TRY(auto written, (parts_.backend.*verb)(collection_.name, batch));
    for (std::size_t i = 0; i < written.size(); ++i) {
      if (!written[i]) results[places[i]] = std::unexpected(std::move(written[i].error()));
    }
    return {};
  }

  const PutParts& parts_;
  const CollectionSpec& collection_;
  const std::span<const NewItem> items_;
  std::shared_ptr<const Embedder> embedder_;
  RegionPlan regions_;  // as of the start
  std::vector<Draft> drafts_;
  std::vector<std::size_t> upserts_, updates_;  // places in items_
};

}  // namespace

Result<std::vector<Result<PutResult>>> put_items(const PutParts& parts, const CollectionSpec& collection,
                                                 std::span<const NewItem> items) {
  return Put(parts, collection, items).run();
}

std::int64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

}  // namespace eidetic
