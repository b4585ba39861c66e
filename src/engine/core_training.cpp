// The verbs of Core that learn models: at once, and as jobs, whose folders are in the data folder.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <future>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/training_json.h"
#include "blobs/listing.h"
#include "embed/bundle.h"
#include "engine/core.h"
#include "engine/job_arguments.h"
#include "engine/model_shelf.h"
#include "engine/stages.h"
#include "training/train_model.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

// Searches come first. As much as writers of a server give way.
constexpr int kNiceness = 10;
// In a training's folder: the id of the job that worked on it last.
constexpr std::string_view kJobFile = "job";

std::string job_of(const fs::path& folder) {
  const auto text = read_text(folder / kJobFile);
  return text ? std::string(trim(*text)) : std::string();
}

Result<void> write_job(const fs::path& folder, const std::string& id) {
  return write_file_atomically(folder / kJobFile, id + "\n");
}

std::unexpected<Error> no_training(std::string_view name) {
  constexpr std::size_t kShown = 80;
  return fail(ErrorCode::not_found, fmt::format("there is no training '{}'", name.substr(0, kShown)));
}

}  // namespace

fs::path Core::training_folder(const std::string& name) const {
  return absolute_path(parts_.options.data_dir) / "trainings" / name;
}

Result<ModelInfo> Core::install_learnt(const std::string& name, std::string_view bundle, const fs::path& file) {
  const std::scoped_lock lock(shelving_);
  // No caller names this file, so it may be outside of the folders that callers reach.
  return install_bundle(parts_.options.data_dir / "models", name, bundle, file.native(), downloads(), FileRoots());
}

Result<TrainReport> Core::train_model(const TrainRequest& request,
                                      const std::function<void(const TrainProgress&)>& progress, std::stop_token stop) {
  TrainRequest wanted = request;
  if (wanted.output.empty()) wanted.output = wanted.name + "-training";
  wanted.output = absolute_path(wanted.output);
  const InstallModel install = [this](const auto& name, auto bundle, const auto& file) {
    return install_learnt(name, bundle, file);
  };
  return eidetic::train_model(*this, install, wanted, progress, stop);
}

// --- as jobs ---

Result<std::optional<JobRecord>> Core::open_training(const std::string& name) {
  std::optional<JobRecord> found;
  EIDETIC_CHECK(parts_.jobs->for_each_open([&](const JobRecord& job) {
    if (job.info.kind != kTrainJob) return;
    const auto request = parse_train(job.arguments);
    if (request && request->name == name) found = job;
  }));
  return found;
}

Result<JobInfo> Core::start_training(const TrainRequest& request) {
  if (!request.output.empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the folder '{}' is given for a training that runs as a job: it has its own, in the data "
                            "folder",
                            request.output.native()));
  }
  TrainRequest wanted = request;
  wanted.output = training_folder(request.name);
  EIDETIC_CHECK(check_training(*this, wanted));
  const std::string arguments = write_train(wanted);
  const std::scoped_lock lock(trainings_);
  EIDETIC_TRY(const auto open, open_training(request.name));
  if (open) {
    if (open->arguments == arguments) return job(open->info.id);
    return fail(ErrorCode::already_exists,
                fmt::format("job {} learns a model '{}' already, with other options: choose another name, or cancel it",
                            open->info.id, request.name));
  }
  EIDETIC_TRY(auto info, start_job(kTrainJob, request.collection, arguments));
  EIDETIC_CHECK(begin_training(wanted));
  EIDETIC_CHECK(write_job(wanted.output, info.id));
  return info;
}

Result<JobEnd> Core::run_training(const JobRecord& job, JobTeller& teller, const std::stop_token& stop) {
  EIDETIC_TRY(auto request, parse_train(job.arguments));
  request.output = training_folder(request.name);
  {
    const std::scoped_lock lock(trainings_);
    EIDETIC_CHECK(begin_training(request));
    EIDETIC_CHECK(write_job(request.output, job.info.id));
  }
  const Stopwatch watch;
  const auto tell = [&](const TrainProgress& now) {
    teller.progress({.total = now.total, .done = now.done, .failed = now.failed, .seconds = watch.seconds()},
                    now.stage);
  };
  // On a thread of its own: one that has given way cannot take that back, and those that it starts give way too.
  auto training = std::async(std::launch::async, [&] {
    (void)::setpriority(PRIO_PROCESS, 0, kNiceness);
    return train_model(request, tell, stop);
  });
  EIDETIC_TRY(const auto report, training.get());
  teller.failures(report.errors);
  return report.interrupted ? JobEnd::stopped : JobEnd::done;
}

std::vector<TrainEpoch> Core::epochs_of(const JobRecord& job) const {
  const auto request = parse_train(job.arguments);
  if (!request) return {};
  const auto folder = training_folder(request->name);
  if (job_of(folder) != job.info.id) return {};
  auto report = read_report(folder);
  return report ? std::move(report->epochs) : std::vector<TrainEpoch>();
}

Result<TrainingInfo> Core::training(const std::string& name) {
  if (!is_bundle_name(name)) return no_training(name);
  const auto folder = training_folder(name);
  auto request = read_training(folder);
  if (!request) {
    if (request.error().code == ErrorCode::not_found) return no_training(name);
    return std::unexpected(std::move(request).error());
  }
  TrainingInfo info{.request = *std::move(request), .job = {}, .report = {}};
  EIDETIC_TRY(info.report, read_report(folder));
  if (const auto key = job_key(job_of(folder))) {
    if (auto record = parts_.jobs->get(*key); record && record->info.kind == kTrainJob) {
      runner_->overlay(record->info);
      info.job = std::move(record->info);
    }
  }
  return info;
}

Result<std::vector<TrainingInfo>> Core::trainings() {
  std::vector<TrainingInfo> all;
  std::error_code error;
  const auto folder = training_folder("");
  if (!fs::exists(folder, error)) return all;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    auto info = training(entry->path().filename().native());
    if (info) {
      info->report.epochs.clear();
      info->report.map.clear();
      all.push_back(*std::move(info));
    } else if (info.error().code != ErrorCode::not_found) {
      log(LogLevel::warning, "a training is not listed: {}", info.error().message);
    }
  }
  if (error) return system_error("cannot list", folder, error.value());
  const auto latest = [](const TrainingInfo& info) {
    return std::pair(info.job ? job_key(info.job->id).value_or(0) : 0, info.request.name);
  };
  std::ranges::sort(all, std::greater(), latest);
  return all;
}

Result<std::string> Core::training_file(const std::string& name, const std::string& file) {
  EIDETIC_CHECK(training(name));
  if (std::ranges::find(kTrainingFiles, file) == kTrainingFiles.end()) {
    const std::vector<std::string> known(kTrainingFiles.begin(), kTrainingFiles.end());
    return fail(ErrorCode::not_found, fmt::format("a training has no file '{}'{}; it has: {}", file,
                                                  did_you_mean(file, known), fmt::join(known, ", ")));
  }
  auto text = read_text(training_folder(name) / file);
  if (!text && text.error().code == ErrorCode::not_found) {
    return fail(ErrorCode::not_found, fmt::format("the training '{}' has no '{}' yet", name, file));
  }
  return text;
}

Result<void> Core::drop_training(const std::string& name) {
  const std::scoped_lock lock(trainings_);
  EIDETIC_CHECK(training(name));
  EIDETIC_TRY(const auto open, open_training(name));
  if (open) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("job {} works on the training '{}': cancel it first", open->info.id, name));
  }
  // What tells that it is a training goes first, so that none is there in part.
  std::error_code error;
  const auto folder = training_folder(name);
  fs::remove(folder / "training.json", error);
  if (!error) fs::remove_all(folder, error);
  if (error) return system_error("cannot delete", folder, error.value());
  return {};
}

Result<void> Core::copy_trainings(const fs::path& to) {
  EIDETIC_TRY(const auto all, trainings());
  std::vector<std::string_view> files(kTrainingFiles.begin(), kTrainingFiles.end());
  files.insert(files.end(), {kJobFile, "checkpoint"});  // features can be made again
  for (const auto& info : all) {
    const auto& name = info.request.name;
    EIDETIC_CHECK(make_directories(to / name));
    for (const auto file : files) {
      std::error_code error;
      fs::copy_file(training_folder(name) / file, to / name / file, error);
      if (error && error != std::errc::no_such_file_or_directory) {
        return system_error("cannot copy to", to / name / file, error.value());
      }
    }
  }
  return {};
}

}  // namespace eidetic
