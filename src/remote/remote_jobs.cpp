// The calls of RemoteEngine about jobs.
#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "remote/events.h"
#include "remote/remote_engine.h"
#include "remote/shapes.h"
#include "remote/terms.h"

namespace eidetic::remote {
namespace {

bool has_ended(const JobInfo& job) { return job.state != JobState::queued && job.state != JobState::running; }

}  // namespace

Result<JobInfo> RemoteEngine::start_index(std::string_view name, const IndexRequest& request) {
  Json body = {{"paths", request.paths}, {"prune", request.prune}, {"batch", request.batch}};
  if (!request.metadata_file.empty()) body["metadata_file"] = request.metadata_file.native();
  if (request.sidecars) body["sidecars"] = true;
  if (request.exif != ExifFields::none) body["exif"] = to_string(request.exif);
  if (request.on_duplicate != OnDuplicate::store) body["on_duplicate"] = to_string(request.on_duplicate);
  return api_.ask(
      {.method = "POST", .path = {"v1", "collections", name, "index"}, .json = std::move(body), .repeatable = false},
      read_job);
}

Result<JobInfo> RemoteEngine::start_put(std::string_view name, std::span<const NewItem> items,
                                        OnDuplicate on_duplicate) {
  Json list = Json::array();
  for (const NewItem& item : items) {
    EIDETIC_TRY(auto json, new_item_json(item));
    list.push_back(std::move(json));
  }
  auto path = ApiPath{"v1", "collections", name, "items"}.with("job", "true");
  if (on_duplicate != OnDuplicate::store) path = std::move(path).with("on_duplicate", to_string(on_duplicate));
  return api_.ask(
      {.method = "POST", .path = std::move(path), .json = Json{{"items", std::move(list)}}, .repeatable = false},
      read_job);
}

Result<JobInfo> RemoteEngine::start_regions(std::string_view name, std::string_view plan) {
  return api_.ask({.method = "POST",
                   .path = {"v1", "collections", name, "regions"},
                   .json = Json{{"plan", plan}},
                   .repeatable = false},
                  read_job);
}

Result<IndexReport> RemoteEngine::set_regions(std::string_view name, std::string_view plan,
                                              const std::function<void(const IndexProgress&)>& progress,
                                              std::stop_token stop) {
  EIDETIC_TRY(const JobInfo started, start_regions(name, plan));
  EIDETIC_TRY(auto ended, await_job(started.id, progress, stop));
  auto& [job, errors] = ended;
  IndexReport report;
  report.collection = name;
  report.indexed = job.progress.indexed;
  report.skipped = job.progress.skipped;
  report.failed = job.progress.failed;
  report.seconds = job.progress.seconds;
  if (report.seconds > 0) report.images_per_s = static_cast<double>(report.indexed) / report.seconds;
  report.interrupted = job.state != JobState::done;
  report.errors = std::move(errors);
  return report;
}

Result<RemoteEngine::EndedJob> RemoteEngine::await_job(const std::string& id,
                                                       const std::function<void(const IndexProgress&)>& progress,
                                                       const std::stop_token& stop) {
  const auto show = [&](const JobInfo& job) {
    if (progress) progress(job.progress);
  };
  EIDETIC_TRY(auto job, follow_job(id, show, stop));
  if (job.state == JobState::failed) {
    return std::unexpected(job.error.value_or(Error{ErrorCode::internal, "the job failed"}));
  }
  if (!has_ended(job)) EIDETIC_CHECK(cancel_job(job.id));
  constexpr std::uint32_t kShown = 1000;
  EIDETIC_TRY(auto errors, job_failures(job.id, 0, kShown));
  return EndedJob{std::move(job), std::move(errors)};
}

Result<JobInfo> RemoteEngine::start_pull(const std::string& model, const std::string& mirror) {
  Json body = Json::object();
  if (!mirror.empty()) body["mirror"] = mirror;
  return api_.ask(
      {.method = "POST", .path = {"v1", "models", model, "pull"}, .json = std::move(body), .repeatable = false},
      read_job);
}

Result<std::vector<JobInfo>> RemoteEngine::jobs(const JobQuery& query) {
  auto path = ApiPath{"v1", "jobs"}.with("limit", std::to_string(query.limit));
  if (!query.subject.empty()) path = std::move(path).with("subject", query.subject);
  if (query.state) path = std::move(path).with("state", to_string(*query.state));
  if (!query.before.empty()) path = std::move(path).with("before", query.before);
  return api_.ask({.path = std::move(path)}, [](const Json& json) { return read_list(json.at("jobs"), read_job); });
}

Result<JobInfo> RemoteEngine::job(std::string_view id) { return api_.ask({.path = {"v1", "jobs", id}}, read_job); }

Result<std::vector<ItemError>> RemoteEngine::job_failures(std::string_view id, std::uint64_t offset,
                                                          std::uint32_t limit) {
  auto path =
      ApiPath{"v1", "jobs", id, "failures"}.with("offset", std::to_string(offset)).with("limit", std::to_string(limit));
  return api_.ask({.path = std::move(path)}, [](const Json& json) { return read_item_errors(json.at("failures")); });
}

Result<JobInfo> RemoteEngine::cancel_job(std::string_view id) {
  return api_.ask({.method = "POST", .path = {"v1", "jobs", id, "cancel"}}, read_job);
}

Result<JobCounts> RemoteEngine::job_counts() {
  return api_.ask({.path = ApiPath{"v1", "jobs"}.with("limit", "1")}, [](const Json& json) {
    const Json& counts = json.at("counts");
    const auto count = [&](const char* state) { return counts.at(state).get<std::uint64_t>(); };
    return JobCounts{.queued = count("queued"),
                     .running = count("running"),
                     .done = count("done"),
                     .failed = count("failed"),
                     .cancelled = count("cancelled")};
  });
}

Result<JobInfo> RemoteEngine::follow_job(const std::string& id, const std::function<void(const JobInfo&)>& changed,
                                         const std::stop_token& stop) {
  for (;;) {
    EIDETIC_TRY(JobInfo now, job(id));
    changed(now);
    if (has_ended(now) || stop.stop_requested()) return now;
    EventReader events([&](const ServerEvent& event) -> Result<void> {
      if (event.name != "job") return {};
      EIDETIC_TRY(const Json json, parse_json(event.data, "an event"));
      EIDETIC_TRY(const JobInfo next, api_.understand(json, read_job));
      changed(next);
      return {};
    });
    // However the stream ends, the job itself is asked next.
    (void)api_.send({.path = {"v1", "jobs", id, "events"},
                     .answer_line = [&](std::string_view line) { return events.line(line); },
                     .tries = 1,
                     .stop = stop});
    constexpr auto kPause = std::chrono::milliseconds(200);
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace eidetic::remote
