// The calls of RemoteEngine about trainings.
#include <fmt/format.h>

#include "base/training_json.h"
#include "remote/remote_engine.h"
#include "remote/shapes.h"

namespace eidetic::remote {

Result<JobInfo> RemoteEngine::start_training(const TrainRequest& request) {
  if (!request.output.empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the folder '{}' is given, but a server keeps what it learns in its data folder: leave the "
                            "output out",
                            request.output.native()));
  }
  return api_.ask({.method = "POST",
                   .path = {"v1", "collections", request.collection, "train"},
                   .json = to_json(request),
                   .repeatable = false},
                  read_job);
}

Result<std::vector<TrainingInfo>> RemoteEngine::trainings() {
  return api_.ask({.path = {"v1", "trainings"}},
                  [](const Json& json) { return read_list(json.at("trainings"), read_training); });
}

Result<TrainingInfo> RemoteEngine::training(const std::string& name) {
  return api_.ask({.path = {"v1", "trainings", name}}, read_training);
}

Result<std::string> RemoteEngine::training_file(const std::string& name, const std::string& file) {
  EIDETIC_TRY(const auto answer, api_.send({.path = {"v1", "trainings", name, file}}));
  if (!answer.ok()) return std::unexpected(api_.error_of(answer));
  return answer.body;
}

Result<void> RemoteEngine::drop_training(const std::string& name) {
  EIDETIC_CHECK(api_.call({.method = "DELETE", .path = {"v1", "trainings", name}}));
  return {};
}

Result<TrainReport> RemoteEngine::train_model(const TrainRequest& request,
                                              const std::function<void(const TrainProgress&)>& progress,
                                              std::stop_token stop) {
  EIDETIC_TRY(const JobInfo started, start_training(request));
  std::size_t told = 0;
  const auto show = [&](const JobInfo& job) {
    if (!progress) return;
    const auto& now = job.progress;
    if (job.stage == "features") {
      progress({.stage = job.stage, .done = now.done, .total = now.total, .failed = now.failed});
    }
    for (; told < job.epochs.size(); ++told) {
      const auto& epoch = job.epochs[told];
      progress({.stage = "epochs", .done = epoch.number, .total = request.epochs, .epoch = epoch});
    }
  };
  EIDETIC_TRY(const JobInfo job, follow_job(started.id, show, stop));
  if (job.state == JobState::failed) {
    return std::unexpected(job.error.value_or(Error{ErrorCode::internal, "the job failed"}));
  }
  if (job.state != JobState::done) EIDETIC_CHECK(cancel_job(job.id));
  EIDETIC_TRY(auto info, training(request.name));
  constexpr std::uint32_t kShown = 1000;
  EIDETIC_TRY(info.report.errors, job_failures(job.id, 0, kShown));
  return std::move(info.report);
}

}  // namespace eidetic::remote
