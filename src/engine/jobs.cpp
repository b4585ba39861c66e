#include "engine/jobs.h"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "base/log.h"
#include "engine/job_arguments.h"

namespace eidetic {
namespace {

constexpr std::chrono::seconds kWriteEvery{1};
constexpr std::chrono::seconds kRetryAfter{5};  // when the store fails, a full disk say
constexpr std::uint32_t kMaxInterruptions = 5;

}  // namespace

void JobTeller::progress(const IndexProgress& now, std::string_view stage) {
  {
    const std::scoped_lock lock(mutex_);
    // That it gets on is written at once: only a job that never does is given up after some interruptions.
    const bool gets_on = progress_.indexed == 0 && now.indexed > 0;
    progress_ = now;
    stage_ = stage;
    const auto time = std::chrono::steady_clock::now();
    if (time - written_ < kWriteEvery && !gets_on) return;
    written_ = time;
  }
  if (const auto written = store_.set_progress(key_, now); !written) {
    log(LogLevel::warning, "the progress of job {} is not stored: {}", key_, written.error().message);
  }
}

void JobTeller::failures(std::span<const ItemError> items) {
  if (const auto written = store_.add_failures(key_, items); !written) {
    log(LogLevel::warning, "failures of job {} are not stored: {}", key_, written.error().message);
  }
}

IndexProgress JobTeller::last() const {
  const std::scoped_lock lock(mutex_);
  return progress_;
}

std::string JobTeller::stage() const {
  const std::scoped_lock lock(mutex_);
  return stage_;
}

JobRunner::JobRunner(JobStore& store, unsigned threads, JobWork work) : store_(store), work_(std::move(work)) {
  if (threads == 0) return;
  pool_ = std::make_unique<ThreadPool>(threads);
  for (unsigned i = 0; i < threads; ++i) pool_->post([this] { run(); });
}

JobRunner::~JobRunner() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    for (const auto& [key, running] : running_) running->stop.request_stop();
  }
  wake_.notify_all();
}

void JobRunner::wake() {
  {
    const std::scoped_lock lock(mutex_);
    woken_ = true;
  }
  wake_.notify_all();
}

Result<void> JobRunner::cancel(std::int64_t key) {
  // Under the lock that jobs are taken up with: it either waits still, or runs and is known here.
  const std::scoped_lock lock(mutex_);
  EIDETIC_TRY(const bool cancelled, store_.cancel_waiting(key));
  if (cancelled) return {};
  if (const auto found = running_.find(key); found != running_.end()) {
    found->second->cancelled = true;
    found->second->stop.request_stop();
  }
  return {};
}

void JobRunner::overlay(JobInfo& info) const {
  const auto key = job_key(info.id);
  if (!key || info.state != JobState::running) return;
  const std::scoped_lock lock(mutex_);
  const auto found = running_.find(*key);
  if (found == running_.end()) return;
  info.progress = found->second->teller.last();
  info.stage = found->second->teller.stage();
}

void JobRunner::run() {
  while (const auto job = next()) run_one(*job);
}

std::optional<JobRecord> JobRunner::next() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    woken_ = false;
    auto job = store_.start_next(kTrainJob);  // which takes all cores
    if (job && *job) {
      const auto key = job_key((*job)->info.id).value_or(0);
      running_.emplace(key, std::make_shared<Running>(store_, key));
      return *std::move(job);
    }
    const auto changed = [this] { return stopping_ || woken_; };
    if (job) {
      wake_.wait(lock, changed);
    } else {
      log(LogLevel::error, "cannot take up a job: {}", job.error().message);
      wake_.wait_for(lock, kRetryAfter, changed);
    }
  }
  return std::nullopt;
}

Result<JobEnd> JobRunner::attempt(const JobRecord& job, Running& running) const {
  if (job.interrupted >= kMaxInterruptions) {
    return fail(ErrorCode::internal,
                fmt::format("it was started {} times, and each time the process ended while it ran; not tried again",
                            job.info.starts - 1));
  }
  try {
    return work_(job, running.teller, running.stop.get_token());
  } catch (const std::exception& error) {
    return fail(ErrorCode::internal, error.what());
  }
}

void JobRunner::run_one(const JobRecord& job) {
  const auto key = job_key(job.info.id).value_or(0);
  std::shared_ptr<Running> running;
  {
    const std::scoped_lock lock(mutex_);
    running = running_.at(key);
  }
  const auto done = attempt(job, *running);
  JobState state = done ? JobState::done : JobState::failed;
  std::optional<Error> error;
  // What was stopped may say so with an error of its own.
  const bool stopped = running->stop.stop_requested() && done.value_or(JobEnd::stopped) == JobEnd::stopped;
  if (stopped) {
    state = running->cancelled ? JobState::cancelled : JobState::queued;
  } else if (!done) {
    error = done.error();
    log(LogLevel::warning, "job {} ({} of '{}') failed: {}", key, job.info.kind, job.info.subject, error->message);
  }
  Result<void> stored;
  if (done.value_or(JobEnd::done) == JobEnd::idle) {
    stored = store_.forget(key);
  } else if (auto finished = store_.finish(key, state, error, running->teller.last()); !finished) {
    stored = std::unexpected(std::move(finished).error());
  }
  if (!stored) log(LogLevel::error, "the end of job {} is not stored: {}", key, stored.error().message);
  const std::scoped_lock lock(mutex_);
  running_.erase(key);
}

}  // namespace eidetic
