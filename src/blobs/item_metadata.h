// What is said of pictures beside their pixels, by whom, and what of it their items are to have.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/blobs.h"
#include "eidetic/engine.h"

#include "base/json.h"
#include "blobs/metadata.h"

namespace eidetic {

inline constexpr std::string_view kExifField = "exif";  // of metadata: an object
inline constexpr std::string_view kPlaceField = "gps";  // of that object: an object, or null where there is no place
inline constexpr std::size_t kMaxSidecarBytes = std::size_t{1} << 20;

// Rows of a metadata file, and sidecar files. Not thread-safe.
class GivenMetadata {
 public:
  GivenMetadata() = default;
  // Reads the metadata file of the request, where it names one; sidecars are read when they are asked for, by
  // `blobs`, which must outlive this, and which reads a metadata file in S3 too. Errors: those of MetadataTable::read.
  [[nodiscard]] static Result<GivenMetadata> open(const IndexRequest& request, const Blobs& blobs,
                                                  std::vector<ItemError>& errors);

  // One JSON object: the fields of the picture's sidecar under those of its row. nullopt: nothing is said of it. A
  // sidecar that cannot be read goes to `errors`, and says nothing.
  [[nodiscard]] std::optional<std::string> of(const Picture& picture, std::vector<ItemError>& errors);
  void report_unused(std::vector<ItemError>& errors) const { table_.report_unused(errors); }

 private:
  MetadataTable table_;
  const Blobs* sidecars_ = nullptr;  // null: they are not asked for
};

// What is to become of an item's metadata.
struct MetadataPlan {
  std::optional<std::string> text = {};  // to be stored; nullopt: as it is
  ExifFields exif = ExifFields::none;    // to be read from the picture and added
};

// Of what is given, what is stored (nullptr: a new item) and which EXIF fields are wanted. `same_picture`: the one that
// is stored. EXIF that it has already, of just these fields, is not read again; what is given as `exif` stays.
[[nodiscard]] MetadataPlan plan_metadata(std::optional<std::string> given, const Item* stored, bool same_picture,
                                         ExifFields wanted);

// What those who store an item say of its metadata. What it comes to is known only where nobody else writes: see
// ItemClasses::settle.
struct SaidMetadata {
  std::optional<std::string> text = {};  // one JSON object; nullopt: as it is stored, or none
  std::optional<Json> exif = {};         // to be added
};

// An object with these EXIF fields, in place of those it had.
[[nodiscard]] std::string with_exif(std::string_view metadata, Json exif);

}  // namespace eidetic
