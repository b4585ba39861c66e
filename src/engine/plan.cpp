#include "engine/plan.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

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
  Planner(PictureList pictures, MetadataTable& metadata, bool prune)
      : pictures_(std::move(pictures)), metadata_(metadata), prune_(prune) {}

  // Both sides come by id, so one walk along both pairs them.
  void meet(Item stored) {
    while (next_ < pictures_.pictures.size() && pictures_.pictures[next_].id < stored.id) add_new();
    if (next_ < pictures_.pictures.size() && pictures_.pictures[next_].id == stored.id) {
      add_known(std::move(stored));
    } else if (prune_ && is_gone(stored.uri)) {
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
    IndexTask task;
    if (const auto* row = metadata_.find(picture.id)) task.metadata = *row;
    task.picture = std::move(picture);
    plan_.tasks.push_back(std::move(task));
  }

  void add_known(Item stored) {
    auto& picture = pictures_.pictures[next_++];
    const auto* row = metadata_.find(picture.id);
    const bool new_metadata = row != nullptr && *row != stored.metadata;
    if (new_metadata) stored.metadata = *row;
    const bool unchanged = picture.modified_ns != 0 && picture.modified_ns == stored.modified_ns &&
                           picture.size_bytes == stored.size_bytes && picture.uri == stored.uri;
    if (!unchanged) {
      plan_.tasks.push_back({.picture = std::move(picture),
                             .metadata = std::move(stored.metadata),
                             .stored_hash = std::move(stored.content_hash),
                             .stored_uri = std::move(stored.uri)});
    } else if (new_metadata) {
      plan_.updates.push_back(std::move(stored));
    } else {
      ++plan_.unchanged;
    }
  }

  bool is_gone(const std::string& uri) const {
    if (!uri.starts_with("file:")) return false;
    const auto file = file_of_uri(uri);
    if (!file) return false;
    const bool ours =
        std::ranges::any_of(pictures_.folders, [&](const auto& folder) { return lies_under(*file, folder); });
    // Only a file that is surely not there counts as gone: an unreadable folder keeps its items.
    std::error_code ignored;
    return ours && fs::status(*file, ignored).type() == fs::file_type::not_found;
  }

  PictureList pictures_;
  MetadataTable& metadata_;
  const bool prune_;
  std::size_t next_ = 0;
  IndexPlan plan_;
};

}  // namespace

Result<IndexPlan> make_plan(Backend& backend, std::string_view collection, PictureList pictures,
                            MetadataTable& metadata, bool prune) {
  Planner planner(std::move(pictures), metadata, prune);
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
