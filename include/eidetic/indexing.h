// Pictures that become items: which ones, what is said of them, and what came of it. Of Engine::index and its like.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/copies.h"
#include "eidetic/error.h"

namespace eidetic {

// One picture file, object in S3, or URL, as `index` and `embed` take it.
struct Picture {
  std::string id;  // relative to the folder or prefix it was found in, or the name of one given itself, or the URL
  std::string uri;
  std::uint64_t size_bytes = 0;  // 0 for URLs
  // 0 for URLs. S3 tells whole seconds; what is below one comes of the object's ETag, so that another content has
  // another time.
  std::int64_t modified_ns = 0;
};

struct PictureList {
  std::vector<Picture> pictures;  // by id, each id once
  std::vector<ItemError> errors;  // folders that cannot be read; a second picture of an id (already_exists)
  std::vector<std::filesystem::path> folders;  // those of the paths that are folders, absolute
  std::vector<std::string> prefixes;           // those that are prefixes in S3, as URIs with a slash at the end
};

// The pictures that paths name: URLs; files as they are; folders searched through, symbolic links followed, hidden
// entries left out, files taken by their ending in any case (jpg jpeg png webp gif tif tiff bmp heic heif avif ppm pgm
// pnm). Of S3, "s3://bucket/prefix" is searched through as a folder is, with the settings of read_s3_options(), and a
// key with such an ending is an object itself. not_found for a path that is not there.
[[nodiscard]] Result<PictureList> list_pictures(std::span<const std::string> paths);

// What of a picture's EXIF block becomes the field `exif` of its metadata: camera, lens, time and settings; gps: where
// it was taken, too. docs/metadata.md has the names.
enum class ExifFields { none, camera, gps };
[[nodiscard]] std::string_view to_string(ExifFields fields) noexcept;
[[nodiscard]] Result<ExifFields> parse_exif_fields(std::string_view name);

// Of what is said of one picture, the metadata file comes first, then its sidecar, then EXIF. Where none says anything,
// its metadata stays as it is.
struct IndexRequest {
  std::vector<std::string> paths =
      {};  // files and folders (searched through, hidden entries left out), s3:// prefixes likewise, URLs, in any mix
  std::filesystem::path metadata_file =
      {};  // or an s3:// URI: CSV or JSON lines, each row naming its picture in `file` (or `id`); see docs/metadata.md
  bool sidecars = false;  // JSON files beside the pictures: x.jpg.json, or else x.json
  ExifFields exif = ExifFields::none;
  std::string model = {};     // where set, refused unless its space is the collection's
  bool prune = false;         // remove items of these folders and prefixes whose file is gone; not when interrupted
  std::uint32_t batch = 256;  // items committed together, 1 to 10,000
  OnDuplicate on_duplicate = OnDuplicate::store;
};

inline constexpr std::size_t kMaxToldCopies = 10'000;

struct IndexProgress {
  std::uint64_t total = 0;  // files found
  std::uint64_t done = 0;   // indexed + skipped + failed
  std::uint64_t indexed = 0, skipped = 0, failed = 0;
  double seconds = 0;
};

// Seconds that the stages worked, added up over threads; items that went through them.
struct StageTime {
  std::string stage;  // "list", "read", "decode", "preprocess", "inference", "commit"
  std::uint64_t items = 0;
  double seconds = 0;
  unsigned threads = 1;  // how many worked at the same time
};

struct IndexReport {
  std::string collection;
  std::uint64_t indexed = 0;  // embedded and stored
  std::uint64_t skipped = 0;  // as they were; not embedded
  std::uint64_t updated = 0;  // those of the skipped whose metadata, place or time was stored anew
  std::uint64_t failed = 0;   // not stored, or not stored anew
  std::uint64_t removed = 0;  // by prune
  // Under on_duplicate: new pictures that are copies, stored (report) or not (skip, and counted in `skipped` too).
  struct Copy {
    std::string uri;
    CopyOf of;
  };
  std::vector<Copy> copies;       // the first kMaxToldCopies
  std::uint64_t duplicates = 0;   // all of them
  std::vector<ItemError> errors;  // one a failed item; also one a metadata row or sidecar of no use, which fails none
  std::vector<StageTime> stages;
  double seconds = 0;
  double images_per_s = 0;   // indexed / seconds
  bool interrupted = false;  // stopped by the token: what is counted is stored, the next run goes on from there
};

}  // namespace eidetic
