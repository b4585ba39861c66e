#include "engine/model_shelf.h"

#include <fmt/format.h>

#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "blobs/uri.h"
#include "embed/layers.h"
#include "embed/models.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

// Only the description counts: the digest is known once the model is there.
std::string comparable(ModelBundle bundle) {
  bundle.sha256.reset();
  return write_bundle(bundle);
}

Result<ModelBundle> parse_description(const std::string& name, std::string_view text, const fs::path& folder) {
  const std::string what = fmt::format("the description of model '{}'", name);
  EIDETIC_TRY(Json json, parse_json_object(text, what));
  json["name"] = name;
  return parse_bundle(dump_json(json), folder, what);
}

Result<void> fetch(const std::string& url, const fs::path& file, const Downloads& client, const FileRoots& roots) {
  const auto path = file_of_uri(url);
  if (!path) {
    EIDETIC_CHECK(client.download(url, file, {}));
    return {};
  }
  EIDETIC_TRY(const auto source, roots.resolve(*path));
  std::error_code error;
  if (!fs::is_regular_file(source, error)) {
    return fail(ErrorCode::not_found, fmt::format("there is no model file '{}'", path->native()));
  }
  fs::copy_file(source, file, fs::copy_options::overwrite_existing, error);
  if (error) return system_error("cannot copy to", file, error.value());
  return {};
}

}  // namespace

ModelInfo describe_bundle(const ModelBundle& bundle) {
  return {.name = bundle.name, .folder = bundle.folder.native(), .bundle = write_bundle(bundle)};
}

std::vector<ModelInfo> shelf_models(Folders folders) {
  std::vector<ModelInfo> models;
  for (const auto& [folder, bundle] : list_bundles(folders)) {
    models.push_back(bundle ? describe_bundle(*bundle)
                            : ModelInfo{.name = folder.filename().native(),
                                        .folder = folder.native(),
                                        .bundle = "{}",
                                        .error = bundle.error()});
  }
  return models;
}

Result<ModelInfo> shelf_model(Folders folders, const std::string& name) {
  EIDETIC_TRY(const auto path, find_bundle(name, folders));
  EIDETIC_TRY(const auto bundle, open_bundle(path));
  auto model = describe_bundle(bundle);
  if (auto labels = bundle.label_names()) model.labels = *std::move(labels);
  return model;
}

Result<std::vector<LayerInfo>> shelf_layers(Folders folders, const std::string& name) {
  EIDETIC_TRY(const auto path, find_bundle(name, folders));
  EIDETIC_TRY(const auto bundle, open_bundle(path));
  return list_layers(bundle.file(bundle.model));
}

Result<std::vector<ZooModel>> shelf_zoo(Folders folders) {
  std::error_code ignored;
  for (const auto& folder : folders) {
    if (fs::exists(folder / "zoo.json", ignored)) return read_zoo(folder / "zoo.json");
  }
  return fail(ErrorCode::not_found,
              "there is no zoo.json in the folders where models are looked up; `eidetic doctor` "
              "names them");
}

Result<ModelInfo> install_bundle(const fs::path& target, const std::string& name, std::string_view description,
                                 const std::string& url, const Downloads& client, const FileRoots& roots) {
  if (!is_bundle_name(name)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no name for a model: 1 to 64 letters, digits, '_', '-' or '.'", name));
  }
  const fs::path folder = target / name;
  // Hidden until it is complete: a bundle is what has a model.json under its own name.
  const fs::path unfinished = target / fmt::format(".{}.installing", name);
  EIDETIC_TRY(ModelBundle bundle, parse_description(name, description, unfinished));
  std::error_code error;
  if (fs::exists(folder, error)) {
    const auto there = read_bundle(folder);
    if (there && comparable(*there) == comparable(bundle)) return describe_bundle(*there);
    return fail(ErrorCode::already_exists,
                fmt::format("there is a model '{}' with another description; install under another name", name));
  }
  const fs::path file = bundle.file(bundle.model);
  EIDETIC_CHECK(make_directories(file.parent_path()));
  EIDETIC_CHECK(fetch(url, file, client, roots));
  const auto finish = [&]() -> Result<ModelInfo> {
    EIDETIC_CHECK(picture_input(file, bundle.input.value_or("")));
    if (bundle.sha256) EIDETIC_CHECK(model_digest(bundle));
    EIDETIC_TRY(bundle.sha256, sha256_hex_of_file(file));
    EIDETIC_CHECK(write_file_atomically(unfinished / "model.json", write_bundle(bundle)));
    // A description that does not fit its model is found out now, and not by the first picture.
    EIDETIC_CHECK(load_embedder(unfinished, {.threads = 1}));
    fs::rename(unfinished, folder, error);
    if (error) return system_error("cannot make", folder, error.value());
    EIDETIC_TRY(const auto installed, read_bundle(folder));
    return describe_bundle(installed);
  };
  auto installed = finish();
  if (installed) return installed;
  fs::remove_all(unfinished, error);
  return fail(installed.error().code, fmt::format("what '{}' gave is no model for this description: {}",
                                                  printable_uri(url), installed.error().message));
}

}  // namespace eidetic
