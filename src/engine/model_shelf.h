// Models on disk as Engine shows them, without an engine: the command line uses these where another process owns the
// data folder. Folders are those of model_directories, in their order. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/model.h"

#include "blobs/file_roots.h"
#include "embed/bundle.h"
#include "embed/zoo.h"
#include "net/http.h"

namespace eidetic {

using Folders = std::span<const std::filesystem::path>;

[[nodiscard]] ModelInfo describe_bundle(const ModelBundle& bundle);
// By name, of two with one name that of the earlier folder; broken ones with their error.
[[nodiscard]] std::vector<ModelInfo> shelf_models(Folders folders);
// By name, or path of a bundle folder or model file.
[[nodiscard]] Result<ModelInfo> shelf_model(Folders folders, const std::string& name);
[[nodiscard]] Result<std::vector<LayerInfo>> shelf_layers(Folders folders, const std::string& name);

// The models of the first zoo.json in the folders: people may put their own before the one that comes along.
[[nodiscard]] Result<std::vector<ZooModel>> shelf_zoo(Folders folders);

// Engine::install_model into `target`; a path as `url` has to be within `roots`.
[[nodiscard]] Result<ModelInfo> install_bundle(const std::filesystem::path& target, const std::string& name,
                                               std::string_view description, const std::string& url,
                                               const Downloads& client, const FileRoots& roots);

}  // namespace eidetic
