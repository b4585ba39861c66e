// What an index run has to do: pictures found, checked against what the collection holds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/backend.h"
#include "eidetic/engine.h"

#include "blobs/item_metadata.h"
#include "engine/learnt.h"
#include "s3/client.h"

namespace eidetic {

// A picture that has to be read: new, or not surely the one that is stored.
struct IndexTask {
  Picture picture;
  std::optional<std::string> metadata;  // to be stored; nullopt: as it is
  ExifFields exif = ExifFields::none;   // of the picture, to be added to it
  std::string stored_hash;              // of the item under this id; empty: there is none
  std::string stored_uri;
};

struct IndexPlan {
  std::vector<IndexTask> tasks;   // by id
  std::vector<Item> updates;      // unchanged pictures with other metadata
  std::vector<std::string> gone;  // ids to prune
  std::uint64_t unchanged = 0;    // pictures that need nothing at all
};

// Reads the collection once, by pages. A picture is unchanged when its place, size and time are those stored; metadata
// stays as it is where `metadata` says nothing of it. With `prune`, `gone` lists items whose file or object was under
// one of the listed folders and prefixes and is there no more. Classes that items have are no part of their metadata
// here. `errors` gets sidecars that cannot be read. Errors: those of Backend::scroll.
[[nodiscard]] Result<IndexPlan> make_plan(Backend& backend, std::string_view collection, PictureList pictures,
                                          GivenMetadata& metadata, const ItemClasses& classes,
                                          const IndexRequest& request, const S3Client& s3,
                                          std::vector<ItemError>& errors);

}  // namespace eidetic
