#include "engine/plan.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/json.h"
#include "blobs/uri.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

bool lies_under(const fs::path& file, const fs::path& folder) {
  const auto& prefix = folder.native();
  return file.native().starts_with(prefix) &&
         (prefix.ends_with('/') || file.native().substr(prefix.size()).starts_with('/'));
}

class Planner {
 public:
  Planner(PictureList pictures, GivenMetadata& metadata, const ItemClasses& classes, const IndexRequest& request,
          const S3Client& s3, std::vector<ItemError>& errors)
      : pictures_(std::move(pictures)),
        metadata_(metadata),
        classes_(classes),
        request_(request),
        s3_(s3),
        errors_(errors) {}

  // Both sides come by id, so one walk along both pairs them.
  void meet(Item stored) {
    while (next_ < pictures_.pictures.size() && pictures_.pictures[next_].id < stored.id) add_new();
    if (next_ < pictures_.pictures.size() && pictures_.pictures[next_].id == stored.id) {
      add_known(std::move(stored));
    } else if (request_.prune && is_gone(stored.uri)) {
      plan_.gone.push_back(std::move(stored.id));
    }
  }
  IndexPlan finish() {
    while (next_ < pictures_.pictures.size()) add_new();
    return std::move(plan_);
  }

 private:
  void add_new() {
    auto& picture = pictures_.pictures[next_++];
    auto wanted = plan_metadata(metadata_.of(picture, errors_), nullptr, false, request_.exif);
    plan_.tasks.push_back({.picture = std::move(picture),
                           .metadata = std::move(wanted.text),
                           .exif = wanted.exif,
                           .stored_hash = {},
                           .stored_uri = {}});
  }

  void add_known(Item stored) {
    auto& picture = pictures_.pictures[next_++];
    const bool unchanged = picture.modified_ns != 0 && picture.modified_ns == stored.modified_ns &&
                           picture.size_bytes == stored.size_bytes && picture.uri == stored.uri;
    auto wanted = plan_metadata(metadata_.of(picture, errors_), &stored, unchanged, request_.exif);
    if (wanted.text) *wanted.text = classes_.carried(*wanted.text, stored.metadata);
    const bool new_metadata = wanted.text && !same_json(*wanted.text, stored.metadata);
    if (!unchanged || wanted.exif != ExifFields::none) {
      plan_.tasks.push_back({.picture = std::move(picture),
                             .metadata = std::move(wanted.text),
                             .exif = wanted.exif,
                             .stored_hash = std::move(stored.content_hash),
                             .stored_uri = std::move(stored.uri)});
    } else if (new_metadata) {
      stored.metadata = *std::move(wanted.text);
      plan_.updates.push_back(std::move(stored));
    } else {
      ++plan_.unchanged;
    }
  }

  bool is_gone(const std::string& uri) const {
    if (is_s3_uri(uri)) return is_gone_from_s3(uri);
    if (!uri.starts_with("file:")) return false;
    const auto file = file_of_uri(uri);
    if (!file) return false;
    const bool ours =
        std::ranges::any_of(pictures_.folders, [&](const auto& folder) { return lies_under(*file, folder); });
    // Only a file that is surely not there counts as gone: an unreadable folder keeps its items.
    std::error_code ignored;
    return ours && fs::status(*file, ignored).type() == fs::file_type::not_found;
  }

  bool is_gone_from_s3(const std::string& uri) const {
    const bool ours =
        std::ranges::any_of(pictures_.prefixes, [&](const auto& prefix) { return uri.starts_with(prefix); });
    const auto place = parse_s3_object(uri);
    if (!ours || !place) return false;
    const auto object = s3_.head(*place);
    return !object && object.error().code == ErrorCode::not_found;
  }

  PictureList pictures_;
  GivenMetadata& metadata_;
  const ItemClasses& classes_;
  const IndexRequest& request_;
  const S3Client& s3_;
  std::vector<ItemError>& errors_;
  std::size_t next_ = 0;
  IndexPlan plan_;
};

}  // namespace

Result<IndexPlan> make_plan(Backend& backend, std::string_view collection, PictureList pictures,
                            GivenMetadata& metadata, const ItemClasses& classes, const IndexRequest& request,
                            const S3Client& s3, std::vector<ItemError>& errors) {
  Planner planner(std::move(pictures), metadata, classes, request, s3, errors);
  constexpr std::uint32_t kPage = 10'000;
  std::string cursor;
  do {
    EIDETIC_TRY(auto page, backend.scroll(collection, cursor, kPage, false));
    for (auto& item : page.items) planner.meet(std::move(item));
    cursor = std::move(page.next);
  } while (!cursor.empty());
  return planner.finish();
}

}  // namespace eidetic
