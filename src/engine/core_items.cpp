// The verbs of Core that work on single items.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/json.h"
#include "blobs/listing.h"
#include "catalog/check.h"
#include "engine/copy_collection.h"
#include "engine/core.h"
#include "engine/known_fields.h"
#include "engine/put.h"
#include "engine/query_terms.h"
#include "image/encode.h"

namespace eidetic {
namespace {

constexpr std::uint32_t kMaxPage = 10'000;
constexpr std::uint32_t kMergedAtOnce = 1000;

// So much of a collection is looked through for one page, however few items pass the filter.
constexpr std::size_t kLookedAtAPage = 20'000;

std::unexpected<Error> no_picture(const std::string& id) {
  return fail(ErrorCode::not_found, fmt::format("item '{}' has no picture: it was stored as a bare vector", id));
}

Result<void> check_size(std::uint32_t size) {
  if (size >= kMinThumbnail && size <= kMaxThumbnail) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("a thumbnail of {} pixels; {} to {} are possible", size, kMinThumbnail, kMaxThumbnail));
}

EncodedPicture jpeg_of(std::vector<std::byte> bytes) {
  EncodedPicture picture{.bytes = std::move(bytes), .media_type = "image/jpeg", .content_hash = {}};
  picture.content_hash = sha256_hex(picture.bytes);
  return picture;
}

}  // namespace

Result<std::vector<Result<PutResult>>> Core::put(std::string_view name, std::span<const NewItem> items,
                                                 OnDuplicate on_duplicate) {
  return into_one_space(name, [&](const CollectionSpec& collection) {
    return put_items(
        {*parts_.backend, *parts_.blobs, *parts_.pictures, *parts_.pool, parts_.options.decode, writing_,
         [&] { return embedder_of(collection, "", Embedders::Use::collections); }, [&] { return item_classes(name); },
         [&] { return regions(name); }, on_duplicate, copy_parts(on_duplicate)},
        collection, items);
  });
}

Result<std::vector<std::optional<Item>>> Core::get(std::string_view name, std::span<const std::string> ids,
                                                   bool with_vectors) {
  return parts_.backend->get(name, ids, with_vectors);
}

Result<ScrollPage> Core::list(std::string_view name, const ListRequest& request) {
  const auto& [cursor, limit, text, with_vectors, sort] = request;
  EIDETIC_TRY(const auto filter, parse_filter(text));
  if (!sort.empty()) return list_sorted(name, request, filter);
  if (filter.empty()) return parts_.backend->scroll(name, cursor, limit, with_vectors);
  if (limit < 1 || limit > kMaxPage) {
    return fail(ErrorCode::invalid_argument, fmt::format("limit is {}; 1 to {} are possible", limit, kMaxPage));
  }
  ScrollPage page{.items = {}, .next = cursor};
  std::size_t looked_at = 0;
  do {
    EIDETIC_TRY(auto all, parts_.backend->scroll(name, page.next, std::clamp(limit, 100U, 1'000U), with_vectors));
    looked_at += all.items.size();
    page.next = std::move(all.next);
    for (auto& item : all.items) {
      if (!filter.matches(item)) continue;
      if (page.items.size() == limit) {
        page.next = page.items.back().id;
        return page;
      }
      page.items.push_back(std::move(item));
    }
  } while (!page.next.empty() && page.items.size() < limit && looked_at < kLookedAtAPage);
  if (page.items.empty() && page.next.empty() && cursor.empty()) {
    EIDETIC_CHECK(check_known(*parts_.backend, name, filter));
  }
  return page;
}

Result<ScrollPage> Core::list_sorted(std::string_view name, const ListRequest& request, const Filter& filter) {
  const bool descending = request.sort.starts_with('-');
  const std::string field = request.sort.substr(descending ? 1 : 0);
  EIDETIC_TRY(auto page, parts_.backend->sorted(name, {.filter = filter,
                                                       .field = field,
                                                       .descending = descending,
                                                       .cursor = request.cursor,
                                                       .limit = request.limit}));
  if (page.items.empty()) EIDETIC_CHECK(check_known(*parts_.backend, name, filter));
  if (request.cursor.empty() && !field.starts_with('@')) EIDETIC_CHECK(check_known(*parts_.backend, name, {field}));
  if (!request.with_vectors) return page;
  std::vector<std::string> ids;
  for (const auto& item : page.items) ids.push_back(item.id);
  EIDETIC_TRY(auto items, parts_.backend->get(name, ids, true));
  page.items.clear();
  for (auto& item : items) {
    if (item) page.items.push_back(*std::move(item));
  }
  return page;
}

Result<std::vector<Facet>> Core::facets(std::string_view name, const FacetRequest& request) {
  EIDETIC_TRY(auto facets, parts_.backend->facets(name, request));
  EIDETIC_CHECK(check_known(*parts_.backend, name, request.fields));
  return facets;
}

Result<Item> Core::item(std::string_view name, const std::string& id) {
  EIDETIC_TRY(auto items, parts_.backend->get(name, std::span(&id, 1), false));
  if (!items.front()) return fail(ErrorCode::not_found, fmt::format("collection '{}' has no item '{}'", name, id));
  return *std::move(items.front());
}

Result<Item> Core::patch(std::string_view name, const std::string& id, std::string_view merge_patch) {
  EIDETIC_CHECK(check_json_object(merge_patch, "the patch"));
  EIDETIC_TRY(const Json change, parse_json_object(merge_patch, "the patch"));
  const std::scoped_lock lock(writing_);
  EIDETIC_TRY(Item found, item(name, id));
  EIDETIC_TRY(Json metadata, parse_json_object(found.metadata, fmt::format("the metadata of item '{}'", id)));
  metadata.merge_patch(change);
  found.metadata = dump_json(metadata);
  EIDETIC_TRY(const auto classes, item_classes(name));
  classes.assign(found);
  EIDETIC_TRY(const auto updated, parts_.backend->update(name, std::span(&found, 1)));
  EIDETIC_CHECK(updated.front());
  return found;
}

Result<CopyReport> Core::copy_collection(std::string_view name, const CopyRequest& request,
                                         const std::function<void(const IndexProgress&)>& progress,
                                         std::stop_token stop) {
  return eidetic::copy_collection(*parts_.backend, name, request, progress, stop);
}

Result<MergeReport> Core::merge(std::string_view into, std::string_view from, bool replace) {
  EIDETIC_TRY(const auto target, parts_.backend->spec(into));
  EIDETIC_TRY(const auto source, parts_.backend->spec(from));
  if (target.name == source.name) {
    return fail(ErrorCode::invalid_argument, fmt::format("collection '{}' cannot be merged into itself", into));
  }
  if (!target.space.matches(source.space)) {
    return fail(ErrorCode::invalid_argument, fmt::format("vectors of '{}' and '{}' cannot be compared: {} and {}", into,
                                                         from, target.space.describe(), source.space.describe()));
  }
  MergeReport report;
  std::string cursor;
  EIDETIC_TRY(const auto divided, regions(from));
  do {
    // Pictures that are kept must not be swept away between reading their item here and storing it there; nor may what
    // is kept or replaced change meanwhile.
    const std::scoped_lock lock(sweep_held_, writing_);
    for (const auto* before : {&target, &source}) {
      EIDETIC_TRY(const auto now, parts_.backend->spec(before->name));
      if (now.era != before->era) return model_changed(before->name);
    }
    EIDETIC_TRY(auto page, parts_.backend->scroll(from, cursor, kMergedAtOnce, true));
    cursor = std::move(page.next);
    std::vector<std::string> ids;
    for (const Item& found : page.items) ids.push_back(found.id);
    EIDETIC_TRY(const auto there, parts_.backend->get(into, ids, false));
    EIDETIC_TRY(const auto classes, item_classes(into));
    std::vector<Item> items;
    for (std::size_t i = 0; i < page.items.size(); ++i) {
      classes.assign(page.items[i]);
      ++(!there[i] ? report.added : replace ? report.replaced : report.kept);
      if (!there[i] || replace) items.push_back(std::move(page.items[i]));
    }
    EIDETIC_TRY(const auto regions_now, regions(into));
    if (!divided.regions.empty() && divided.name == regions_now.name) {
      EIDETIC_CHECK(read_parts(*parts_.backend, from, items));
    }
    EIDETIC_TRY(const auto stored, parts_.backend->upsert(into, items));
    for (const auto& result : stored) EIDETIC_CHECK(result);
  } while (!cursor.empty());
  return report;
}

Result<void> Core::for_each_match(std::string_view name, const Filter& filter, const VisitItems& visit) {
  std::string cursor;
  do {
    EIDETIC_TRY(auto page, parts_.backend->scroll(name, cursor, kMaxPage, false));
    cursor = std::move(page.next);
    std::erase_if(page.items, [&](const Item& found) { return !filter.matches(found); });
    if (!page.items.empty()) EIDETIC_CHECK(visit(std::move(page.items)));
  } while (!cursor.empty());
  return {};
}

Result<std::uint64_t> Core::erase_where(std::string_view name, std::string_view text) {
  EIDETIC_TRY(const auto filter, parse_filter(text));
  if (filter.empty()) {
    return fail(ErrorCode::invalid_argument, "an empty filter would erase everything; drop the collection for that");
  }
  std::uint64_t erased = 0;
  EIDETIC_CHECK(for_each_match(name, filter, [&](const std::vector<Item>& items) -> Result<void> {
    std::vector<std::string> ids;
    ids.reserve(items.size());
    for (const auto& found : items) ids.push_back(found.id);
    EIDETIC_TRY(const auto count, parts_.backend->erase(name, ids));
    erased += count;
    return {};
  }));
  return erased;
}

Result<EncodedPicture> Core::picture(std::string_view name, const std::string& id) {
  EIDETIC_TRY(const auto found, item(name, id));
  if (found.uri.empty()) return no_picture(id);
  EncodedPicture picture;
  EIDETIC_TRY(picture.bytes, parts_.blobs->read(found.uri, parts_.options.decode.max_bytes));
  picture.media_type = media_type_of(picture.bytes);
  picture.content_hash = sha256_hex(picture.bytes);
  return picture;
}

Result<std::string> Core::picture_url(std::string_view name, const std::string& id) {
  constexpr std::uint32_t kSeconds = 3600;
  EIDETIC_TRY(const auto found, item(name, id));
  if (!is_s3_uri(found.uri)) return "";
  EIDETIC_TRY(const auto place, parse_s3_object(found.uri));
  EIDETIC_CHECK(parts_.s3_roots.check(place));
  return parts_.s3->presigned(place, kSeconds);
}

Result<EncodedPicture> Core::thumbnail(std::string_view name, const std::string& id, std::uint32_t size) {
  EIDETIC_CHECK(check_size(size));
  EIDETIC_TRY(const auto found, item(name, id));
  if (found.uri.empty()) return no_picture(id);
  if (!found.content_hash.empty()) {
    if (auto kept = parts_.thumbnails->find(found.content_hash, size)) return jpeg_of(*std::move(kept));
  }
  EIDETIC_TRY(const auto bytes, parts_.blobs->read(found.uri, parts_.options.decode.max_bytes));
  EIDETIC_TRY(auto jpeg, make_thumbnail(bytes, display_name(found.uri), size));
  // Under what it was really made of: the file may have changed since it was indexed.
  parts_.thumbnails->keep(sha256_hex(bytes), size, jpeg);
  return jpeg_of(std::move(jpeg));
}

Result<EncodedPicture> Core::preview(const std::string& uri, std::uint32_t size) {
  EIDETIC_CHECK(check_size(size));
  const std::string full = uri_of(uri);
  EIDETIC_TRY(const auto bytes, parts_.blobs->read(full, parts_.options.decode.max_bytes));
  EIDETIC_TRY(auto jpeg, make_thumbnail(bytes, display_name(full), size));
  return jpeg_of(std::move(jpeg));
}

Result<EncodedPicture> Core::preview(Bytes picture, std::uint32_t size) {
  EIDETIC_CHECK(check_size(size));
  EIDETIC_TRY(auto jpeg, make_thumbnail(picture, kGivenPicture, size));
  return jpeg_of(std::move(jpeg));
}

Result<std::vector<std::byte>> Core::make_thumbnail(Bytes picture, std::string_view name, std::uint32_t size) const {
  auto options = parts_.options.decode;
  options.min_short_side = static_cast<std::int32_t>(size);
  auto image = decode_image(picture, options);
  if (!image) return fail(image.error().code, fmt::format("'{}': {}", name, image.error().message));
  return encode_jpeg(fit_image(*std::move(image), static_cast<std::int32_t>(size)));
}

}  // namespace eidetic
