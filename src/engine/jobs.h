// Takes up the jobs that wait in the store, the oldest first, a few at a time, on threads of its own.
//
// Thread-safe. The destructor lets running jobs end their batch, sets them to wait again and joins.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "eidetic/engine.h"

#include "base/threads.h"
#include "catalog/job_store.h"

namespace eidetic {

// What a running job tells, from the thread that runs it.
class JobTeller {
 public:
  JobTeller(JobStore& store, std::int64_t key) : store_(store), key_(key) {}

  // Kept in memory, and written to the store, but for the stage, when the first item is stored and at most once a
  // second.
  void progress(const IndexProgress& now, std::string_view stage = {});
  void failures(std::span<const ItemError> items);
  [[nodiscard]] IndexProgress last() const;
  [[nodiscard]] std::string stage() const;

 private:
  JobStore& store_;
  const std::int64_t key_;
  mutable std::mutex mutex_;
  IndexProgress progress_;
  std::string stage_;
  std::chrono::steady_clock::time_point written_ = std::chrono::steady_clock::now();
};

// done: there was something to do. idle: there was not, and nobody asked: the job is forgotten. stopped: before its
// end.
enum class JobEnd { done, idle, stopped };
using JobWork = std::function<Result<JobEnd>(const JobRecord& job, JobTeller& teller, const std::stop_token& stop)>;

class JobRunner {
 public:
  // `store` must outlive this. No threads: jobs only wait.
  JobRunner(JobStore& store, unsigned threads, JobWork work);
  JobRunner(const JobRunner&) = delete;
  JobRunner& operator=(const JobRunner&) = delete;
  ~JobRunner();

  // There may be something to take up.
  void wake();
  // Of a job that has ended: nothing.
  [[nodiscard]] Result<void> cancel(std::int64_t key);
  // Puts the progress of a running job in place of what the store last heard.
  void overlay(JobInfo& info) const;

 private:
  struct Running {
    explicit Running(JobStore& store, std::int64_t key) : teller(store, key) {}
    JobTeller teller;
    std::stop_source stop;
    std::atomic<bool> cancelled = false;
  };

  void run();
  // The next job, once there is one; nullopt: this is being destroyed.
  [[nodiscard]] std::optional<JobRecord> next();
  void run_one(const JobRecord& job);
  [[nodiscard]] Result<JobEnd> attempt(const JobRecord& job, Running& running) const;

  JobStore& store_;
  const JobWork work_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool woken_ = true;
  bool stopping_ = false;
  std::map<std::int64_t, std::shared_ptr<Running>> running_;
  std::unique_ptr<ThreadPool> pool_;  // last: joins before the rest goes
};

}  // namespace eidetic
