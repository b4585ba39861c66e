#include "embed/models.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "embed/layers.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

// ImageNet's, over pixel values from 0 to 255.
constexpr std::array<double, 3> kMean = {0.485 * 255, 0.456 * 255, 0.406 * 255};
constexpr std::array<double, 3> kDeviation = {0.229 * 255, 0.224 * 255, 0.225 * 255};

Json default_steps(const PictureInput& input) {
  constexpr int kSide = 224;
  const int height = input.height > 0 ? input.height : kSide;
  const int width = input.width > 0 ? input.width : kSide;
  Json steps = {{{"resize_short_side", {{"size", (std::max(height, width) * 8 + 3) / 7}, {"filter", "bilinear"}}}},
                {{"center_crop", {{"width", width}, {"height", height}}}},
                {{"normalize", {{"sub", kMean}, {"div", kDeviation}}}}};
  steps.push_back({{"layout", {{"order", input.planar ? "planar" : "interleaved"}}}});
  return steps;
}

std::string name_from(const fs::path& file) {
  std::string name = file.stem().native().substr(0, 64);
  std::ranges::replace_if(name, [](char c) { return !is_bundle_name(std::string(1, c)) && c != '.'; }, '_');
  return is_bundle_name(name) ? name : "model";
}

Result<ModelBundle> describe_bare_model(const fs::path& file) {
  EIDETIC_TRY(const PictureInput input, picture_input(file));
  return ModelBundle{.name = name_from(file),
                     .folder = file.parent_path(),
                     .model = file.filename(),
                     .preprocess = default_steps(input),
                     .pooling = Pooling::avg};
}

std::vector<std::string> bundle_names(std::span<const fs::path> folders) {
  std::vector<std::string> names;
  for (const auto& entry : list_bundles(folders)) names.push_back(entry.folder.filename());
  return names;
}

}  // namespace

Result<ModelBundle> open_bundle(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_regular_file(path, ignored)) {
    if (path.filename() == "model.json") return read_bundle(path.parent_path());
    return describe_bare_model(path);
  }
  return read_bundle(path);
}

Result<fs::path> find_bundle(std::string_view name, std::span<const fs::path> folders) {
  std::error_code ignored;
  if (is_bundle_name(name)) {
    for (const auto& folder : folders) {
      if (fs::exists(folder / name / "model.json", ignored)) return folder / name;
    }
  }
  if (!name.empty() && fs::exists(fs::path(name), ignored)) return fs::path(name);
  const std::string near = did_you_mean(name, bundle_names(folders));
  return fail(ErrorCode::not_found,
              fmt::format("there is no model '{}'{} See what is there with 'eidetic models list', fetch one with "
                          "'eidetic models pull NAME', or give the path of a model file",
                          name, near.empty() ? "." : near));
}

std::vector<BundleEntry> list_bundles(std::span<const fs::path> folders) {
  std::map<std::string, fs::path> found;
  for (const auto& folder : folders) {
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
      std::error_code ignored;
      if (fs::exists(entry->path() / "model.json", ignored)) found.emplace(entry->path().filename(), entry->path());
    }
  }
  std::vector<BundleEntry> bundles;
  for (const auto& [name, folder] : found) bundles.push_back({folder, read_bundle(folder)});
  return bundles;
}

Result<ModelBundle> import_model(const fs::path& model, const fs::path& folder, std::string_view name) {
  if (!is_bundle_name(name)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no name for a model: 1 to 64 letters, digits, '_', '-' or '.'", name));
  }
  const fs::path target = folder / name;
  std::error_code error;
  if (fs::exists(target, error)) {
    return fail(ErrorCode::already_exists,
                fmt::format("'{}' is there already; remove it, or import under another name", target.native()));
  }
  EIDETIC_TRY(ModelBundle bundle, describe_bare_model(model));
  EIDETIC_TRY(bundle.sha256, sha256_hex_of_file(model));
  bundle.name = name;
  // Hidden until it is complete: a bundle is what has a model.json under its own name.
  const fs::path unfinished = folder / fmt::format(".{}.importing", name);
  fs::remove_all(unfinished, error);
  EIDETIC_CHECK(make_directories(unfinished));
  for (const auto& file : bundle.model_files()) {
    fs::copy_file(file, unfinished / file.filename(), error);
    if (error) return system_error("cannot copy to", unfinished / file.filename(), error.value());
  }
  EIDETIC_CHECK(write_file_atomically(unfinished / "model.json", write_bundle(bundle)));
  fs::rename(unfinished, target, error);
  if (error) return system_error("cannot make", target, error.value());
  return read_bundle(target);
}

}  // namespace eidetic
