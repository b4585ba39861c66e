// The calls of RemoteEngine about a change of model, and of place.
#include <utility>

#include "remote/remote_engine.h"
#include "remote/shapes.h"

namespace eidetic::remote {
Result<JobInfo> RemoteEngine::start_migrate(std::string_view name, const MigrateRequest& request) {
  Json body = {{"step", to_string(request.step)}, {"drop_failed", request.drop_failed}, {"grace_s", request.grace_s}};
  if (!request.model.empty()) body["model"] = request.model;
  return api_.ask(
      {.method = "POST", .path = {"v1", "collections", name, "migrate"}, .json = std::move(body), .repeatable = false},
      read_job);
}

Result<MigrationReport> RemoteEngine::migrate(std::string_view name, const MigrateRequest& request,
                                              const std::function<void(const IndexProgress&)>& progress,
                                              std::stop_token stop) {
  EIDETIC_TRY(const JobInfo started, start_migrate(name, request));
  EIDETIC_TRY(const auto ended, await_job(started.id, progress, stop));
  const auto& [job, errors] = ended;
  MigrationReport report{.collection = std::string(name),
                         .embedded = job.progress.indexed,
                         .kept = job.progress.skipped,
                         .failed = job.progress.failed,
                         .errors = errors,
                         .notes = {},
                         .seconds = job.progress.seconds,
                         .interrupted = job.state != JobState::done};
  EIDETIC_TRY(const auto info, describe(name));
  if (info.migration) report.notes = info.migration->notes;
  const bool is_switched = !info.migration || info.migration->state == MigrationInfo::State::switched;
  switch (request.step) {
    case MigrateRequest::Step::prepare: break;
    case MigrateRequest::Step::rollback: report.switched = !report.interrupted && !info.migration; break;
    default: report.switched = !report.interrupted && is_switched;
  }
  if (report.switched && request.drop_failed) report.dropped = report.failed;
  return report;
}

Result<MigrationComparison> RemoteEngine::compare_models(std::string_view name, const CompareRequest& request) {
  Json body = {{"sample", request.sample}, {"seed", request.seed}};
  if (!request.label.empty()) body["label"] = request.label;
  return api_.ask(
      {.method = "POST", .path = {"v1", "collections", name, "migrate", "compare"}, .json = std::move(body)},
      read_comparison);
}

Result<CollectionInfo> RemoteEngine::cancel_migration(std::string_view name) {
  return api_.ask({.method = "POST", .path = {"v1", "collections", name, "migrate", "cancel"}, .repeatable = false},
                  read_collection);
}

Result<CollectionInfo> RemoteEngine::finish_migration(std::string_view name) {
  return api_.ask({.method = "POST", .path = {"v1", "collections", name, "migrate", "finish"}, .repeatable = false},
                  read_collection);
}

Result<JobInfo> RemoteEngine::start_copy(std::string_view name, const CopyRequest& request) {
  Json body = {{"to", request.to}, {"searches", request.searches}, {"min_agreement", request.min_agreement}};
  if (!request.name.empty()) body["as"] = request.name;
  if (!request.index.empty()) body["index"] = request.index;
  return api_.ask(
      {.method = "POST", .path = {"v1", "collections", name, "copy"}, .json = std::move(body), .repeatable = false},
      read_job);
}

Result<CopyReport> RemoteEngine::copy_collection(std::string_view name, const CopyRequest& request,
                                                 const std::function<void(const IndexProgress&)>& progress,
                                                 std::stop_token stop) {
  EIDETIC_TRY(const JobInfo started, start_copy(name, request));
  EIDETIC_TRY(const auto ended, await_job(started.id, progress, stop));
  CopyReport report;
  report.items = ended.job.progress.done;
  report.copied = ended.job.progress.indexed;
  report.seconds = ended.job.progress.seconds;
  report.interrupted = ended.job.state != JobState::done;
  const std::string own = request.name.empty() ? std::string(name.substr(0, name.find('@'))) : request.name;
  EIDETIC_TRY(report.collection, describe(own + "@" + request.to));
  return report;
}

}  // namespace eidetic::remote
