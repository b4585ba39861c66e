// The verbs of Core that work on models, and on the data folder as a whole.
#include <fmt/format.h>

#include <utility>

#include "cluster/cluster.h"
#include "embed/models.h"
#include "embed/zoo.h"
#include "engine/backends_file.h"
#include "engine/backup.h"
#include "engine/core.h"
#include "engine/model_shelf.h"
#include "engine/s3_backup.h"
#include "engine/s3_models.h"

namespace eidetic {

Result<std::vector<ModelInfo>> Core::models() { return shelf_models(model_folders_); }

Result<ModelInfo> Core::model(const std::string& name) {
  EIDETIC_CHECK(check_model_reach(name));
  return shelf_model(model_folders_, name);
}

Result<std::vector<LayerInfo>> Core::layers(const std::string& model) {
  EIDETIC_CHECK(check_model_reach(model));
  return shelf_layers(model_folders_, model);
}

Result<BundleCheck> Core::check_model(const std::string& model) {
  EIDETIC_CHECK(check_model_reach(model));
  EIDETIC_TRY(const auto path, find_bundle(model, model_folders_));
  return check_bundle(path, {.arithmetic = parts_.options.arithmetic, .threads = parts_.options.threads});
}

Result<ModelInfo> Core::import_model(const std::filesystem::path& file, const std::string& name) {
  // No caller of a server names this file: it is the body of a request, kept outside of the folders that they reach.
  const std::scoped_lock lock(shelving_);
  EIDETIC_TRY(const auto bundle, eidetic::import_model(file, parts_.options.data_dir / "models", name));
  return describe_bundle(bundle);
}

Result<ModelInfo> Core::install_model(const std::string& name, std::string_view bundle, const std::string& url) {
  const std::scoped_lock lock(shelving_);
  return install_bundle(parts_.options.data_dir / "models", name, bundle, url, downloads(), parts_.roots);
}

Result<ModelInfo> Core::pull_model(const std::string& name, const std::string& mirror,
                                   const std::function<void(std::uint64_t done, std::uint64_t total)>& progress,
                                   std::stop_token stop) {
  if (is_s3_uri(name)) {
    EIDETIC_TRY(const auto place, parse_s3_object(name));
    EIDETIC_CHECK(parts_.s3_roots.check(place));
    const std::scoped_lock lock(shelving_);
    EIDETIC_TRY(const auto bundle,
                pull_bundle(*parts_.s3, place, parts_.options.data_dir / "models", progress, std::move(stop)));
    return describe_bundle(bundle);
  }
  EIDETIC_TRY(const auto zoo, shelf_zoo(model_folders_));
  EIDETIC_TRY(const auto model, find_in_zoo(zoo, name));
  // Two pulls of one model keep apart by themselves: a download locks its file.
  EIDETIC_TRY(const auto bundle,
              eidetic::pull_model(model, parts_.options.data_dir / "models", downloads(),
                                  {.mirror = mirror, .progress = progress, .stop = std::move(stop)}));
  return describe_bundle(bundle);
}

AnyDownloads Core::downloads() const { return {parts_.http, *parts_.s3, parts_.s3_roots}; }

Result<std::string> Core::local_model(const std::string& model) {
  if (!is_s3_uri(model)) return model;
  EIDETIC_TRY(const auto pulled, pull_model(model, "", {}, {}));
  return pulled.name;
}

// --- places ---

Result<std::vector<BackendPlace>> Core::backends() { return parts_.backend->places(); }

Result<void> Core::forget_backend(std::string_view url) {
  if (!parts_.options.remember_clusters) {
    return fail(ErrorCode::unsupported, "this engine remembers no search engines: they are in its configuration");
  }
  EIDETIC_TRY(const auto address, parse_cluster_url(std::string(url)));
  EIDETIC_TRY(const bool forgotten, BackendsFile(parts_.options.data_dir).remove(address.name));
  if (forgotten) return {};
  return fail(ErrorCode::not_found,
              fmt::format("'{}' is no backend that is remembered here (eidetic backends list)", address.name));
}

Result<void> Core::backup(const std::filesystem::path& folder) {
  if (is_s3_uri(folder.native())) return backup_to_s3(folder.native());
  return make_backup(folder, [this](const std::filesystem::path& part) -> Result<void> {
    // Pictures last, and none swept meanwhile: whatever an item or a job names was stored before it was named.
    const std::scoped_lock lock(sweep_held_);
    EIDETIC_CHECK(parts_.backend->backup(part));
    EIDETIC_CHECK(parts_.jobs->backup_to(part / "jobs.db"));
    EIDETIC_CHECK(parts_.pictures->backup_to(part / "pictures.db"));
    EIDETIC_CHECK(BackendsFile(parts_.options.data_dir).copy_to(part));
    EIDETIC_CHECK(copy_tree(parts_.options.data_dir / "models", part / "models"));
    return copy_trainings(part / "trainings");
  });
}

Result<void> Core::backup_to_s3(const std::string& uri) {
  EIDETIC_TRY(const auto place, parse_s3_object(uri));
  const std::unique_lock lock(backing_up_, std::try_to_lock);
  if (!lock) return fail(ErrorCode::unavailable, "another backup to S3 is being made; try again when it is done");
  // What one that was cut off has left is in the way of nobody.
  const auto folder = parts_.options.data_dir / ".backup";
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  auto done = backup(folder);
  if (done) done = upload_backup(*parts_.s3, folder, place);
  std::filesystem::remove_all(folder, ignored);
  return done;
}

}  // namespace eidetic
