// The verbs of Core that go on after the call: jobs and watched folders.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "blobs/listing.h"
#include "blobs/uri.h"
#include "engine/copy_collection.h"
#include "engine/core.h"
#include "engine/job_arguments.h"
#include "engine/put.h"
#include "engine/settings.h"
#include "engine/stages.h"

namespace eidetic {
namespace {

constexpr std::size_t kPutBatch = 256;  // items committed together, and between two looks at the stop token
constexpr std::uint32_t kMaxListed = 1'000;
constexpr std::uint32_t kMaxBatch = 10'000;

Result<void> check_limit(std::uint32_t limit) {
  if (limit >= 1 && limit <= kMaxListed) return {};
  return fail(ErrorCode::invalid_argument, fmt::format("limit is {}; 1 to {} are possible", limit, kMaxListed));
}

// Paths that mean the same when the job runs in another process.
Result<std::vector<std::string>> lasting_paths(std::span<const std::string> paths) {
  std::vector<std::string> lasting;
  for (const auto& path : paths) {
    if (path.empty() || !is_utf8(path)) {
      return fail(ErrorCode::invalid_argument, "a path or URL that is empty or no UTF-8 names no picture");
    }
    lasting.push_back(uri_scheme(path).empty() ? absolute_path(path).native() : path);
  }
  if (lasting.empty()) return fail(ErrorCode::invalid_argument, "no file, folder or URL is given");
  return lasting;
}

// What a job finds it cannot tell.
Result<void> check_on_duplicate(OnDuplicate what) {
  if (what != OnDuplicate::report) return {};
  return fail(ErrorCode::invalid_argument, "a job has nobody to report duplicates to: let it store or skip them");
}

}  // namespace

Result<JobInfo> Core::start_job(std::string_view kind, std::string_view subject, const std::string& arguments) {
  EIDETIC_TRY(auto info, parts_.jobs->add(kind, subject, arguments, parts_.options.max_queued_jobs));
  runner_->wake();
  return info;
}

Result<JobInfo> Core::start_index(std::string_view name, const IndexRequest& request) {
  EIDETIC_CHECK(parts_.backend->spec(name));
  EIDETIC_CHECK(check_reach(request));
  if (!request.model.empty()) EIDETIC_CHECK(check_model_reach(request.model));
  if (request.batch < 1 || request.batch > kMaxBatch) {
    return fail(ErrorCode::invalid_argument, fmt::format("a batch of {} is outside 1 to {}", request.batch, kMaxBatch));
  }
  EIDETIC_CHECK(check_on_duplicate(request.on_duplicate));
  IndexJob job{.request = request};
  EIDETIC_TRY(job.request.paths, lasting_paths(request.paths));
  const auto& metadata = request.metadata_file;
  if (!metadata.empty() && !is_s3_uri(metadata.native())) job.request.metadata_file = absolute_path(metadata);
  return start_job(kIndexJob, name, write_index(job));
}

Result<JobInfo> Core::start_put(std::string_view name, std::span<const NewItem> items, OnDuplicate on_duplicate) {
  EIDETIC_CHECK(check_on_duplicate(on_duplicate));
  EIDETIC_CHECK(parts_.backend->spec(name));
  if (items.empty()) return fail(ErrorCode::invalid_argument, "no items are given");
  PutJob job{.items = {}, .on_duplicate = on_duplicate};
  std::vector<StoredPicture> pictures;
  std::vector<std::string> named;
  for (const auto& item : items) {
    if (!item.uri.empty() && !item.bytes.empty()) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("item '{}' has both a URI and bytes; give one of them", item.id));
    }
    auto& lasting = job.items.emplace_back(NewItem{.id = item.id,
                                                   .uri = item.uri,
                                                   .bytes = {},
                                                   .vector = item.vector,
                                                   .metadata = item.metadata,
                                                   .exif = item.exif});
    if (!item.bytes.empty()) {
      pictures.push_back({sha256_hex(item.bytes), item.bytes});
      lasting.uri = stored_uri(pictures.back().hash);
      // With a vector the picture would not be read again to name the item.
      if (lasting.id.empty()) lasting.id = pictures.back().hash;
    } else if (const auto hash = hash_of_stored(item.uri)) {
      named.emplace_back(*hash);
    } else if (!item.uri.empty()) {
      lasting.uri = uri_of(item.uri);
    }
  }
  EIDETIC_CHECK(parts_.pictures->put(pictures, now_ms()));
  EIDETIC_CHECK(parts_.pictures->touch(named, now_ms()));
  return start_job(kPutJob, name, write_put(job));
}

Result<JobInfo> Core::start_pull(const std::string& model, const std::string& mirror) {
  if (model.empty() || !is_utf8(model) || !is_utf8(mirror)) {
    return fail(ErrorCode::invalid_argument, "no name of a model is given");
  }
  return start_job(kPullJob, model, write_pull(mirror));
}

Result<JobInfo> Core::start_regions(std::string_view name, std::string_view plan) {
  EIDETIC_TRY(const auto collection, parts_.backend->spec(name));
  EIDETIC_TRY(const auto regions, parse_regions(plan));
  if (!regions.empty() && collection.space.model.empty()) {
    return no_regions_of_vectors(name, ErrorCode::unsupported);
  }
  return start_job(kRegionsJob, name, write_regions(std::string(plan)));
}

Result<JobInfo> Core::start_copy(std::string_view name, const CopyRequest& request) {
  EIDETIC_CHECK(check_copy(*parts_.backend, name, request));
  return start_job(kCopyJob, name, write_copy(request));
}

Result<JobInfo> Core::start_migrate(std::string_view name, const MigrateRequest& request) {
  EIDETIC_TRY(const auto change, model_change(name, request));
  if (change.made) return already_of(name, change.model);
  MigrateRequest lasting = request;
  if (!request.model.empty()) lasting.model = change.model;
  return start_job(kMigrateJob, name, write_migrate(lasting));
}

Result<std::vector<JobInfo>> Core::jobs(const JobQuery& query) {
  EIDETIC_CHECK(check_limit(query.limit));
  EIDETIC_TRY(auto list, parts_.jobs->list(query));
  for (auto& info : list) runner_->overlay(info);
  return list;
}

Result<JobInfo> Core::job(std::string_view id) {
  EIDETIC_TRY(const auto key, job_key(id));
  EIDETIC_TRY(auto record, parts_.jobs->get(key));
  auto& info = record.info;
  runner_->overlay(info);
  if (info.kind == kTrainJob) info.epochs = epochs_of(record);
  return std::move(info);
}

Result<std::vector<ItemError>> Core::job_failures(std::string_view id, std::uint64_t offset, std::uint32_t limit) {
  EIDETIC_CHECK(check_limit(limit));
  EIDETIC_TRY(const auto key, job_key(id));
  return parts_.jobs->failures(key, offset, limit);
}

Result<JobInfo> Core::cancel_job(std::string_view id) {
  EIDETIC_TRY(const auto key, job_key(id));
  EIDETIC_CHECK(parts_.jobs->get(key));
  EIDETIC_CHECK(runner_->cancel(key));
  return job(id);
}

Result<JobCounts> Core::job_counts() { return parts_.jobs->counts(); }

// --- doing them ---

Result<JobEnd> Core::run_job(const JobRecord& job, JobTeller& teller, const std::stop_token& stop) {
  if (job.info.kind == kIndexJob) return run_index(job, teller, stop);
  if (job.info.kind == kPutJob) return run_put(job, teller, stop);
  if (job.info.kind == kRegionsJob) return run_regions(job, teller, stop);
  if (job.info.kind == kMigrateJob) return run_migrate(job, teller, stop);
  if (job.info.kind == kCopyJob) return run_copy(job, teller, stop);
  if (job.info.kind == kPullJob) return run_pull(job, teller, stop);
  if (job.info.kind == kTrainJob) return run_training(job, teller, stop);
  return fail(ErrorCode::unsupported,
              fmt::format("jobs of the kind '{}' are not known to this version", job.info.kind));
}

Result<JobEnd> Core::run_index(const JobRecord& job, JobTeller& teller, const std::stop_token& stop) {
  EIDETIC_TRY(const auto todo, parse_index(job.arguments));
  for (const auto& [path, identity] : todo.watched) {
    if (folder_identity(path) == identity) continue;
    return fail(ErrorCode::not_found,
                fmt::format("the watched folder '{}' has gone or been replaced since; its items stay", path.native()));
  }
  EIDETIC_TRY(const auto report,
              index(job.info.subject, todo.request, [&](const IndexProgress& now) { teller.progress(now); }, stop));
  teller.failures(report.errors);
  if (report.interrupted) return JobEnd::stopped;
  // Looking at a watched folder again and again is no news.
  const bool idle = report.indexed + report.updated + report.removed + report.failed == 0 && !todo.watched.empty();
  return idle ? JobEnd::idle : JobEnd::done;
}

Result<JobEnd> Core::run_put(const JobRecord& job, JobTeller& teller, const std::stop_token& stop) {
  EIDETIC_TRY(const auto todo, parse_put(job.arguments));
  const auto& items = todo.items;
  const Stopwatch watch;
  IndexProgress progress{.total = items.size()};
  for (std::size_t begin = 0; begin < items.size(); begin += kPutBatch) {
    if (stop.stop_requested()) return JobEnd::stopped;
    const auto batch = std::span(items).subspan(begin, std::min(kPutBatch, items.size() - begin));
    EIDETIC_TRY(const auto results, put(job.info.subject, batch, todo.on_duplicate));
    std::vector<ItemError> failures;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (!results[i]) {
        failures.push_back({batch[i].id.empty() ? batch[i].uri : batch[i].id, results[i].error()});
      } else {
        const auto outcome = results[i]->outcome;
        ++(outcome == PutOutcome::unchanged || outcome == PutOutcome::skipped ? progress.skipped : progress.indexed);
      }
    }
    progress.failed += failures.size();
    progress.done += batch.size();
    progress.seconds = watch.seconds();
    teller.failures(failures);
    teller.progress(progress);
  }
  return JobEnd::done;
}

Result<JobEnd> Core::run_regions(const JobRecord& job, JobTeller& teller, const std::stop_token& stop) {
  EIDETIC_TRY(const auto plan, parse_regions_job(job.arguments));
  EIDETIC_TRY(const auto report,
              set_regions(job.info.subject, plan, [&](const IndexProgress& now) { teller.progress(now); }, stop));
  teller.failures(report.errors);
  return report.interrupted ? JobEnd::stopped : JobEnd::done;
}

Result<JobEnd> Core::run_migrate(const JobRecord& job, JobTeller& teller, const std::stop_token& stop) {
  EIDETIC_TRY(const auto request, parse_migrate(job.arguments));
  const auto report = migrate(job.info.subject, request, [&](const IndexProgress& now) { teller.progress(now); }, stop);
  // The process ended between its last step and the job's end: there is nothing left to do.
  if (!report && report.error().code == ErrorCode::invalid_argument && job.info.starts > 1) return JobEnd::done;
  EIDETIC_CHECK(report);
  teller.failures(report->errors);
  return report->interrupted ? JobEnd::stopped : JobEnd::done;
}

Result<JobEnd> Core::run_copy(const JobRecord& job, JobTeller& teller, const std::stop_token& stop) {
  EIDETIC_TRY(const auto request, parse_copy(job.arguments));
  const auto report =
      copy_collection(job.info.subject, request, [&](const IndexProgress& now) { teller.progress(now); }, stop);
  // The process ended between its last step and the job's end: there is a whole copy.
  if (!report && report.error().code == ErrorCode::already_exists && job.info.starts > 1) return JobEnd::done;
  EIDETIC_CHECK(report);
  return report->interrupted ? JobEnd::stopped : JobEnd::done;
}

Result<JobEnd> Core::run_pull(const JobRecord& job, JobTeller& teller, const std::stop_token& stop) {
  EIDETIC_TRY(const auto mirror, parse_pull(job.arguments));
  const Stopwatch watch;
  EIDETIC_CHECK(pull_model(
      job.info.subject, mirror,
      [&](std::uint64_t done, std::uint64_t total) {
        teller.progress({.total = total, .done = done, .seconds = watch.seconds()});
      },
      stop));
  return JobEnd::done;
}

// --- watched folders ---

Result<void> Core::watch(std::string_view name, std::span<const std::filesystem::path> folders) {
  const std::scoped_lock lock(settings_);
  std::vector<std::filesystem::path> absolute;
  for (const auto& folder : folders) {
    EIDETIC_CHECK(parts_.roots.resolve(folder));
    if (folder.empty() || !folder_identity(folder)) {
      return fail(ErrorCode::not_found, fmt::format("there is no folder '{}' to watch", folder.native()));
    }
    if (!is_utf8(folder.native())) {
      return fail(ErrorCode::invalid_argument, "the path of a folder to watch is no UTF-8");
    }
    const auto path = absolute_path(folder);
    if (std::ranges::find(absolute, path) != absolute.end()) continue;
    absolute.push_back(path);
  }
  EIDETIC_CHECK(edit_settings(name, [&](const CollectionSpec&, CollectionSettings& settings) -> Result<void> {
    settings.watched.assign(absolute.begin(), absolute.end());
    return {};
  }));
  if (watcher_ != nullptr) watcher_->set(std::string(name), std::move(absolute));
  return {};
}

Result<std::vector<std::filesystem::path>> Core::watched(std::string_view name) {
  EIDETIC_TRY(const auto spec, parts_.backend->spec(name));
  EIDETIC_TRY(const auto settings, parse_settings(spec.settings, name));
  return std::vector<std::filesystem::path>(settings.watched.begin(), settings.watched.end());
}

void Core::follow_watched_folders() {
  watcher_ = std::make_unique<Watcher>(
      parts_.options.watch_rescan_s, [this](const std::string& name, const std::vector<WatchedFolder>& folders) {
        IndexJob job{.request = {.prune = true}, .watched = folders};
        for (const auto& folder : folders) job.request.paths.push_back(folder.path.native());
        const auto start = [&]() -> Result<JobInfo> {
          EIDETIC_CHECK(check_reach(job.request));
          return start_job(kIndexJob, name, write_index(job));
        };
        if (const auto started = start(); !started) {
          log(LogLevel::warning, "collection '{}' does not follow its folders: {}", name, started.error().message);
        }
      });
  const auto collections = parts_.backend->list();
  if (!collections) {
    log(LogLevel::error, "no folders are watched: {}", collections.error().message);
    return;
  }
  for (const auto& collection : *collections) {
    auto folders = watched(collection.spec.name);
    if (folders && !folders->empty()) watcher_->set(collection.spec.name, *std::move(folders));
  }
}

}  // namespace eidetic
