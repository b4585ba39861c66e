// The calls of RemoteEngine about models.
#include <fmt/format.h>

#include "base/text.h"
#include "remote/remote_engine.h"
#include "remote/shapes.h"
#include "remote/terms.h"

namespace eidetic::remote {
namespace {

Vector read_vector(const Json& json) { return json.at("vector").get<Vector>(); }

}  // namespace

Result<std::vector<Result<Vector>>> RemoteEngine::embed(std::span<const std::string> uris, const std::string& model) {
  std::vector<Result<Vector>> vectors(uris.size());
  std::vector<std::optional<Error>> errors(uris.size());  // of the call, not of the picture
  pool_.parallel_for(uris.size(), [&](std::size_t i) {
    ApiRequest request{.method = "POST", .path = {"v1", "models", model, "embed"}};
    if (auto file = local_file(uris[i])) {
      if (auto readable = check_readable(*file); !readable) {
        vectors[i] = std::unexpected(std::move(readable).error());
        return;
      }
      request.file = *std::move(file);
    } else {
      request.json = Json{{"uri", uris[i]}};
    }
    const auto answer = api_.send(request);
    if (answer && answer->ok()) {
      const auto json = api_.document(*answer);
      vectors[i] = json ? api_.understand(*json, read_vector) : std::unexpected(json.error());
    } else if (answer && is_about_picture(answer->status)) {
      vectors[i] = std::unexpected(named(uris[i], api_.error_of(*answer)));
    } else {
      errors[i] = answer ? api_.error_of(*answer) : answer.error();
    }
  });
  for (auto& error : errors) {
    if (error) return std::unexpected(*std::move(error));
  }
  return vectors;
}

Result<Vector> RemoteEngine::embed(Bytes picture, const std::string& model) {
  return api_.ask({.method = "POST", .path = {"v1", "models", model, "embed"}, .bytes = picture}, read_vector);
}

Result<std::vector<ModelInfo>> RemoteEngine::models() {
  return api_.ask({.path = {"v1", "models"}},
                  [](const Json& json) { return read_list(json.at("models"), read_model); });
}

Result<ModelInfo> RemoteEngine::model(const std::string& name) {
  return api_.ask({.path = {"v1", "models", name}}, read_model);
}

Result<std::vector<LayerInfo>> RemoteEngine::layers(const std::string& model) {
  return api_.ask({.path = {"v1", "models", model, "layers"}},
                  [](const Json& json) { return read_layers(json.at("layers")); });
}

Result<BundleCheck> RemoteEngine::check_model(const std::string& model) {
  return api_.ask({.method = "POST", .path = {"v1", "models", model, "check"}},
                  [](const Json& json) { return read_check(json, Metric::cosine); });
}

Result<ModelInfo> RemoteEngine::import_model(const std::filesystem::path& file, const std::string& name) {
  const std::string ending = to_lower(file.extension().native());
  if (ending != ".onnx" && ending != ".tflite") {
    return fail(
        ErrorCode::unsupported,
        fmt::format("'{}' cannot be sent to a server, which takes models of one file: ONNX and TFLite", file.native()));
  }
  return api_.ask({.method = "PUT", .path = {"v1", "models", name}, .file = file}, read_model);
}

Result<ModelInfo> RemoteEngine::install_model(const std::string& name, std::string_view bundle,
                                              const std::string& url) {
  EIDETIC_TRY(Json description, parse_json_object(bundle, "the bundle"));
  return api_.ask(
      {.method = "PUT", .path = {"v1", "models", name}, .json = Json{{"bundle", std::move(description)}, {"url", url}}},
      read_model);
}

Result<ModelInfo> RemoteEngine::pull_model(const std::string& name, const std::string& mirror,
                                           const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                                           std::stop_token stop) {
  EIDETIC_TRY(const JobInfo started, start_pull(name, mirror));
  const auto show = [&](const JobInfo& job) {
    if (progress) progress(job.progress.done, job.progress.total);
  };
  EIDETIC_TRY(JobInfo job, follow_job(started.id, show, stop));
  switch (job.state) {
    case JobState::done: return model(job.subject);
    case JobState::failed: return std::unexpected(job.error.value_or(Error{ErrorCode::internal, "the job failed"}));
    case JobState::queued:
    case JobState::running: EIDETIC_CHECK(cancel_job(job.id)); break;
    case JobState::cancelled: break;
  }
  return fail(ErrorCode::unavailable, fmt::format("fetching the model '{}' was stopped", name));
}

Result<std::shared_ptr<const Embedder>> RemoteEngine::embedder(const std::string& model, Metric /*metric*/) {
  return fail(ErrorCode::unsupported, fmt::format("the model '{}' is a server's and cannot be loaded here", model));
}

}  // namespace eidetic::remote
