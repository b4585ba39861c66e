// Jobs that outlive the process: what is to be done, how far it is, what failed. One SQLite file beside the catalog.
//
// Thread-safe; calls wait for each other. Errors as of Catalog; not_found for a job that is not there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/engine.h"
#include "eidetic/error.h"

namespace eidetic {

class Database;

inline constexpr std::uint32_t kMaxRememberedJobs = 1000;  // of those that have ended
inline constexpr std::uint64_t kMaxRememberedFailures = 10'000;

struct JobRecord {
  JobInfo info;
  std::string arguments;  // of its kind; never interpreted here
  // How often in a row the process ended while it ran, without stopping it first and before it had stored anything.
  std::uint32_t interrupted = 0;
};

class JobStore {
 public:
  // Made if it is not there. What was running when the last process ended waits again.
  [[nodiscard]] static Result<std::unique_ptr<JobStore>> open(const std::filesystem::path& file);
  JobStore(const JobStore&) = delete;
  JobStore& operator=(const JobStore&) = delete;
  ~JobStore();

  // A new job that waits, or the waiting one of the same kind, subject and arguments. overloaded: max_queued wait.
  [[nodiscard]] Result<JobInfo> add(std::string_view kind, std::string_view subject, std::string_view arguments,
                                    std::uint64_t max_queued);
  // The oldest that waits, which runs from now on; nullopt: none waits. Of the kind `alone` none is started while one
  // runs. Forgets its failures of earlier starts.
  [[nodiscard]] Result<std::optional<JobRecord>> start_next(std::string_view alone = {});
  [[nodiscard]] Result<void> set_progress(std::int64_t key, const IndexProgress& progress);
  // Beyond kMaxRememberedFailures they are dropped.
  [[nodiscard]] Result<void> add_failures(std::int64_t key, std::span<const ItemError> failures);
  // Ends a running job, or with JobState::queued lets it wait again. Forgets the oldest ended beyond
  // kMaxRememberedJobs.
  [[nodiscard]] Result<JobInfo> finish(std::int64_t key, JobState state, const std::optional<Error>& error,
                                       const IndexProgress& progress);
  // As finish, of a job that is not worth remembering.
  [[nodiscard]] Result<void> forget(std::int64_t key);
  // Of a waiting job: true, it is cancelled. Of any other: false, it stays as it is.
  [[nodiscard]] Result<bool> cancel_waiting(std::int64_t key);

  [[nodiscard]] Result<JobRecord> get(std::int64_t key);
  [[nodiscard]] Result<std::vector<JobInfo>> list(const JobQuery& query);
  [[nodiscard]] Result<std::vector<ItemError>> failures(std::int64_t key, std::uint64_t offset, std::uint32_t limit);
  [[nodiscard]] Result<JobCounts> counts();
  // The arguments of all that wait or run.
  [[nodiscard]] Result<void> for_each_open(const std::function<void(const JobRecord&)>& visit);
  // A copy as of now into a new file.
  [[nodiscard]] Result<void> backup_to(const std::filesystem::path& file);

 private:
  explicit JobStore(std::unique_ptr<Database> database) noexcept;
  [[nodiscard]] Result<void> recover();
  [[nodiscard]] Result<JobRecord> record(std::int64_t key);

  std::mutex mutex_;
  std::unique_ptr<Database> database_;
  std::uint64_t queued_ = 0, running_ = 0;  // told without counting rows
};

// The number behind a job's id; not_found for what is no id.
[[nodiscard]] Result<std::int64_t> job_key(std::string_view id);

}  // namespace eidetic
