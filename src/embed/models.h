// Model bundles on disk and in the zoo: finding, listing, importing, fetching, checking.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/embedder.h"
#include "eidetic/error.h"
#include "eidetic/model.h"

#include "embed/bundle.h"
#include "net/http.h"

namespace eidetic {

// A bundle folder, or a bare model file described by defaults: pictures of the input's own size (224 where it is open)
// cut from the middle at 7/8 of the short side, ImageNet mean and deviation, average pooling, unit length.
[[nodiscard]] Result<ModelBundle> open_bundle(const std::filesystem::path& path);

// `name` as a path where there is such a folder or file, else a folder of that name in `folders`, in order. Unknown:
// not_found with near names and how to fetch more.
[[nodiscard]] Result<std::filesystem::path> find_bundle(std::string_view name,
                                                        std::span<const std::filesystem::path> folders);

struct BundleEntry {
  std::filesystem::path folder;
  Result<ModelBundle> bundle;  // a broken model.json is shown, not hidden
};
// All bundles of the folders, by name; of two with one name, the one of the earlier folder. Folders that are not there
// are passed over.
[[nodiscard]] std::vector<BundleEntry> list_bundles(std::span<const std::filesystem::path> folders);

// Loads the bundle, embeds a made-up picture twice (the vectors must agree bit by bit), a word where there is a text
// tower, and compares with the golden tensors: corrupt where they are farther off than their tolerance.
[[nodiscard]] Result<BundleCheck> check_bundle(const std::filesystem::path& bundle,
                                               const EmbedderOptions& options = {});

// Makes a bundle `name` in `folder` of a bare model file: copies it with the files that belong to it and writes a
// model.json with the defaults of open_bundle, for people to edit. Appears complete or not at all. Errors:
// already_exists, invalid_argument (name), as open_bundle.
[[nodiscard]] Result<ModelBundle> import_model(const std::filesystem::path& model, const std::filesystem::path& folder,
                                               std::string_view name);

[[nodiscard]] std::string inference_library();  // "OpenVINO 2026.4.0", the one that is loaded

}  // namespace eidetic
