// What an index run over a server has to do: pictures found here, checked against what the collection holds there.
// Internal to this room.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/engine.h"

#include "blobs/item_metadata.h"

namespace eidetic::remote {

// A picture to compare with what is stored, and to send where it is another.
struct UploadTask {
  Picture picture;
  std::optional<std::string> metadata = {};  // to be stored; nullopt: as it is
  ExifFields exif = ExifFields::none;        // to be added to it, where the picture is another than the stored one
  MetadataPlan kept = {};                    // where it is the same
  std::string stored_metadata = "{}";
  std::string stored_hash = {};  // of the item under this id; empty: there is none
  std::uint64_t stored_bytes = 0;
};

struct UploadPlan {
  std::vector<UploadTask> tasks;  // by id, one a picture
  std::vector<std::string> gone;  // ids to prune
  std::vector<ItemError> errors;  // sidecars that cannot be read
};

// The collection's items are met by id, then the plan is finished. A server does not know from which folder a picture
// was sent: with `prune`, items count as gone that were sent (kStoredScheme) and whose id names no file below any of
// the listed folders. Used by one thread.
class UploadPlanner {
 public:
  UploadPlanner(PictureList pictures, GivenMetadata& metadata, const IndexRequest& request)
      : pictures_(std::move(pictures)), metadata_(metadata), prune_(request.prune), exif_(request.exif) {}

  void meet(Item stored);
  [[nodiscard]] UploadPlan finish();

  [[nodiscard]] const PictureList& pictures() const noexcept { return pictures_; }

 private:
  void add(const Item* stored);
  [[nodiscard]] bool is_gone(const Item& stored) const;

  PictureList pictures_;
  GivenMetadata& metadata_;
  bool prune_;
  ExifFields exif_;
  std::size_t next_ = 0;
  UploadPlan plan_;
};

// The merge patch (RFC 7396) that makes `after` of `before`; both are texts of objects. Empty: they are the same.
[[nodiscard]] std::string merge_patch(std::string_view before, std::string_view after);

}  // namespace eidetic::remote
