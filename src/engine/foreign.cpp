#include "engine/foreign.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "blobs/listing.h"
#include "blobs/uri.h"
#include "catalog/check.h"
#include "engine/settings.h"
#include "engine/transfer.h"

namespace eidetic {
namespace {

// What a collection remembers its model by: a bundle's name, or a path that is good everywhere.
std::string lasting_name(const std::string& model, const ModelInfo& info) {
  const auto folder = absolute_path(info.folder);
  const bool by_name = folder.filename() == model && folder != absolute_path(model);
  return by_name ? model : absolute_path(model).native();
}

}  // namespace

Result<UnnamedFile> UnnamedFile::make() {
  std::error_code error;
  auto folder = std::filesystem::temp_directory_path(error);
  if (error) return system_error("cannot find a folder for temporary files:", "$TMPDIR", error.value());
  std::string pattern = (folder / "eidetic-import-XXXXXX").native();
  File file(::mkostemp(pattern.data(), O_CLOEXEC));
  if (!file) return system_error("cannot make a temporary file in", folder, errno);
  ::unlink(pattern.c_str());
  return UnnamedFile{std::move(file), std::move(folder)};
}

std::filesystem::path UnnamedFile::path() const { return fmt::format("/proc/self/fd/{}", file.descriptor()); }

Result<void> UnnamedFile::write(std::span<const std::byte> bytes) const {
  return write_all(file.descriptor(), bytes, folder);
}

Result<CollectionSpec> foreign_spec(Engine& engine, const ForeignVectors& vectors) {
  CollectionSpec spec;
  spec.name = vectors.collection.empty() ? vectors.file.stem().native() : vectors.collection;
  spec.index = vectors.index;
  if (spec.index != "auto") EIDETIC_CHECK(check_factory(spec.index));
  spec.space.dimensions = vectors.dimensions;
  CollectionSettings settings;
  if (!vectors.model.empty()) {
    EIDETIC_TRY(const auto info, engine.model(vectors.model));
    EIDETIC_TRY(auto check, engine.check_model(vectors.model));
    if (check.space.dimensions != vectors.dimensions) {
      return fail(
          ErrorCode::invalid_argument,
          fmt::format("'{}' holds vectors of {} dimensions, but the model '{}' makes ones of {}: name the model "
                      "that made them, or none",
                      vectors.file.native(), vectors.dimensions, vectors.model, check.space.dimensions));
    }
    spec.space = std::move(check.space);
    // As other programs compute, and every processor can.
    spec.space.precision = Precision::f32;
    settings.model = lasting_name(vectors.model, info);
  }
  spec.space.metric = vectors.metric;
  spec.settings = to_json(settings);
  EIDETIC_CHECK(check_spec(spec));
  return spec;
}

Result<UnnamedFile> write_unnamed(const CollectionSpec& spec, const std::function<Result<std::vector<Item>>()>& next) {
  EIDETIC_TRY(auto unnamed, UnnamedFile::make());
  EIDETIC_CHECK(write_export(spec, {}, next, [&](std::span<const std::byte> bytes) { return unnamed.write(bytes); }));
  return unnamed;
}

Result<void> check_new(Engine& engine, const std::string& collection) {
  const auto there = engine.describe(collection);
  if (there) return fail(ErrorCode::already_exists, fmt::format("there is a collection '{}' already", collection));
  if (there.error().code != ErrorCode::not_found) return std::unexpected(there.error());
  return {};
}

std::string uri_of_name(const std::string& name, const std::filesystem::path& root) {
  if (!uri_scheme(name).empty()) return name;
  if (std::filesystem::path(name).is_absolute()) return file_uri(name);
  return root.empty() ? "" : file_uri(root / name);
}

}  // namespace eidetic
