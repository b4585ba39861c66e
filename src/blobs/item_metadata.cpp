#include "blobs/item_metadata.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "blobs/uri.h"
#include "s3/place.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxTableBytes = std::size_t{1} << 30;

// What was stored is an object.
Json object_of(std::string_view metadata) {
  Json object = Json::parse(metadata, nullptr, false);
  return object.is_object() ? object : Json::object();
}

bool has_exif(const Json& metadata, ExifFields wanted) {
  const auto exif = metadata.find(kExifField);
  if (exif == metadata.end() || !exif->is_object()) return false;
  return exif->contains(kPlaceField) == (wanted == ExifFields::gps);
}

// x.jpg.json, or else x.json.
std::optional<fs::path> sidecar_of(const fs::path& picture) {
  std::error_code ignored;
  for (auto file : {fs::path(picture.native() + ".json"), fs::path(picture).replace_extension(".json")}) {
    if (fs::is_regular_file(file, ignored)) return file;
  }
  return std::nullopt;
}

Result<Json> read_sidecar(const fs::path& file, const Blobs& blobs) {
  EIDETIC_TRY(const auto bytes, blobs.read(file_uri(file), kMaxSidecarBytes));
  return parse_metadata({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                        fmt::format("the sidecar '{}'", file.native()));
}

}  // namespace

Result<GivenMetadata> GivenMetadata::open(const IndexRequest& request, const Blobs& blobs,
                                          std::vector<ItemError>& errors) {
  GivenMetadata given;
  if (is_s3_uri(request.metadata_file.native())) {
    EIDETIC_TRY(const auto bytes, blobs.read(request.metadata_file.native(), kMaxTableBytes));
    EIDETIC_TRY(given.table_, MetadataTable::parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                                                   request.metadata_file, errors));
  } else if (!request.metadata_file.empty()) {
    EIDETIC_TRY(given.table_, MetadataTable::read(request.metadata_file, errors));
  }
  if (request.sidecars) given.sidecars_ = &blobs;
  return given;
}

std::optional<std::string> GivenMetadata::of(const Picture& picture, std::vector<ItemError>& errors) {
  const std::string* const row = table_.find(picture.id);
  const auto alone = [&] { return row == nullptr ? std::nullopt : std::optional(*row); };
  const auto file = sidecars_ == nullptr ? std::nullopt : file_of_uri(picture.uri);
  const auto sidecar = file ? sidecar_of(*file) : std::nullopt;
  if (!sidecar) return alone();
  auto fields = read_sidecar(*sidecar, *sidecars_);
  if (!fields) {
    errors.push_back({picture.uri, std::move(fields).error()});
    return alone();
  }
  if (row != nullptr) fields->update(object_of(*row));
  return dump_json(*fields);
}

MetadataPlan plan_metadata(std::optional<std::string> given, const Item* stored, bool same_picture, ExifFields wanted) {
  if (wanted == ExifFields::none) return {.text = std::move(given)};
  Json fields = given ? object_of(*given) : Json::object();
  if (fields.contains(kExifField)) return {.text = std::move(given)};
  if (stored == nullptr || !same_picture) return {.text = std::move(given), .exif = wanted};
  Json before = object_of(stored->metadata);
  if (!has_exif(before, wanted)) return {.text = std::move(given), .exif = wanted};
  if (!given) return {};
  fields[kExifField] = std::move(before[kExifField]);
  return {.text = dump_json(fields)};
}

std::string with_exif(std::string_view metadata, Json exif) {
  Json fields = object_of(metadata);
  fields[kExifField] = std::move(exif);
  return dump_json(fields);
}

}  // namespace eidetic
