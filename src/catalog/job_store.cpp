#include "catalog/job_store.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "catalog/schema.h"
#include "catalog/sqlite.h"

namespace eidetic {
namespace {

constexpr Schema kSchema{.what = "job list",
                         .application_id = 0x4549444A,  // "EIDJ"
                         .version = 1,
                         .tables = R"sql(
CREATE TABLE jobs (
  key         INTEGER PRIMARY KEY AUTOINCREMENT,
  kind        TEXT NOT NULL,
  subject     TEXT NOT NULL,
  arguments   TEXT NOT NULL,
  digest      TEXT NOT NULL,               -- SHA-256 over the three above: tells equal jobs
  state       INTEGER NOT NULL DEFAULT 0,  -- as JobState counts
  created_ms  INTEGER NOT NULL,
  started_ms  INTEGER NOT NULL DEFAULT 0,
  finished_ms INTEGER NOT NULL DEFAULT 0,
  starts      INTEGER NOT NULL DEFAULT 0,
  interrupted INTEGER NOT NULL DEFAULT 0,
  total       INTEGER NOT NULL DEFAULT 0,
  done        INTEGER NOT NULL DEFAULT 0,
  indexed     INTEGER NOT NULL DEFAULT 0,
  skipped     INTEGER NOT NULL DEFAULT 0,
  failed      INTEGER NOT NULL DEFAULT 0,
  elapsed_ms  INTEGER NOT NULL DEFAULT 0,
  error_code  INTEGER NOT NULL DEFAULT -1,  -- as ErrorCode counts; -1: none
  error       TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX jobs_by_digest ON jobs (digest) WHERE state = 0;
CREATE INDEX jobs_by_state ON jobs (state, key);
CREATE INDEX jobs_by_subject ON jobs (subject, key);
CREATE INDEX jobs_ended ON jobs (key) WHERE state >= 2;

CREATE TABLE failures (
  job     INTEGER NOT NULL REFERENCES jobs (key) ON DELETE CASCADE,
  number  INTEGER NOT NULL,
  uri     TEXT NOT NULL,
  code    INTEGER NOT NULL,
  message TEXT NOT NULL,
  PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
)sql"};

// The columns of every query for jobs, in the order that read_record takes them.
#define EIDETIC_JOB_COLUMNS                                                                                   \
  "SELECT key, kind, subject, state, created_ms, started_ms, finished_ms, starts, interrupted, total, done, " \
  "indexed, skipped, failed, elapsed_ms, error_code, error, arguments FROM jobs "

std::int64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

JobRecord read_record(const Statement& row) {
  constexpr double kMillisecond = 1e-3;
  const auto count = [&](int column) { return static_cast<std::uint64_t>(row.integer(column)); };
  JobRecord record;
  JobInfo& info = record.info;
  info.id = std::to_string(row.integer(0));
  info.kind = row.text(1);
  info.subject = row.text(2);
  info.state = static_cast<JobState>(row.integer(3));
  info.created_ms = row.integer(4);
  info.started_ms = row.integer(5);
  info.finished_ms = row.integer(6);
  info.starts = static_cast<std::uint32_t>(row.integer(7));
  record.interrupted = static_cast<std::uint32_t>(row.integer(8));
  info.progress = {.total = count(9),
                   .done = count(10),
                   .indexed = count(11),
                   .skipped = count(12),
                   .failed = count(13),
                   .seconds = static_cast<double>(row.integer(14)) * kMillisecond};
  if (row.integer(15) >= 0) info.error = Error{static_cast<ErrorCode>(row.integer(15)), row.text(16)};
  record.arguments = row.text(17);
  return record;
}

std::string digest_of(std::string_view kind, std::string_view subject, std::string_view arguments) {
  Sha256 sha;
  for (const auto part : {kind, std::string_view("\0", 1), subject, std::string_view("\0", 1), arguments}) {
    sha.update(as_bytes(part));
  }
  return sha.hex();
}

Result<std::int64_t> number(Database& database, const char* sql) {
  EIDETIC_TRY(Statement query, database.query(sql));
  EIDETIC_CHECK(query.step());
  return query.integer(0);
}

Result<void> store_progress(Database& database, std::int64_t key, const IndexProgress& progress) {
  constexpr double kMilliseconds = 1e3;
  EIDETIC_TRY(Statement query, database.query("UPDATE jobs SET total = ?1, done = ?2, indexed = ?3, skipped = ?4, "
                                              "failed = ?5, elapsed_ms = ?6, "
                                              "interrupted = iif(?3 > 0, 0, interrupted) WHERE key = ?7"));
  for (const auto value : {progress.total, progress.done, progress.indexed, progress.skipped, progress.failed}) {
    query.bind(static_cast<std::int64_t>(value));
  }
  return query.bind(static_cast<std::int64_t>(std::llround(progress.seconds * kMilliseconds))).bind(key).run();
}

Result<void> forget_old(Database& database) {
  EIDETIC_TRY(Statement query,
              database.query("DELETE FROM jobs WHERE state >= 2 AND key <= (SELECT key FROM jobs WHERE state >= 2 "
                             "ORDER BY key DESC LIMIT 1 OFFSET ?1)"));
  return query.bind(std::int64_t{kMaxRememberedJobs}).run();
}

}  // namespace

Result<std::int64_t> job_key(std::string_view id) {
  std::int64_t key = 0;
  const auto [end, status] = std::from_chars(id.data(), id.data() + id.size(), key);
  if (status != std::errc{} || end != id.data() + id.size() || key < 1 || id.front() == '0') {
    constexpr std::size_t kShown = 40;
    return fail(ErrorCode::not_found,
                fmt::format("there is no job '{}': ids of jobs are numbers", id.substr(0, kShown)));
  }
  return key;
}

JobStore::JobStore(std::unique_ptr<Database> database) noexcept : database_(std::move(database)) {}
JobStore::~JobStore() = default;

Result<std::unique_ptr<JobStore>> JobStore::open(const std::filesystem::path& file) {
  EIDETIC_TRY(auto database, Database::open(file, Database::Access::create));
  EIDETIC_CHECK(prepare_schema(*database, file, kSchema));
  std::unique_ptr<JobStore> store(new JobStore(std::move(database)));
  EIDETIC_CHECK(store->recover());
  return store;
}

Result<void> JobStore::recover() {
  EIDETIC_CHECK(database_->execute("UPDATE jobs SET state = 0, interrupted = interrupted + 1 WHERE state = 1"));
  EIDETIC_TRY(const auto queued, number(*database_, "SELECT count(*) FROM jobs WHERE state = 0"));
  queued_ = static_cast<std::uint64_t>(queued);
  return {};
}

Result<JobRecord> JobStore::record(std::int64_t key) {
  EIDETIC_TRY(Statement query, database_->query(EIDETIC_JOB_COLUMNS "WHERE key = ?1"));
  EIDETIC_TRY(const bool there, query.bind(key).step());
  if (!there) {
    return fail(ErrorCode::not_found, fmt::format("there is no job '{}'; the newest {} that have ended are remembered",
                                                  key, kMaxRememberedJobs));
  }
  return read_record(query);
}

Result<JobInfo> JobStore::add(std::string_view kind, std::string_view subject, std::string_view arguments,
                              std::uint64_t max_queued) {
  const std::string digest = digest_of(kind, subject, arguments);
  const std::scoped_lock lock(mutex_);
  {
    EIDETIC_TRY(Statement same, database_->query(EIDETIC_JOB_COLUMNS "WHERE digest = ?1 AND state = 0 LIMIT 1"));
    EIDETIC_TRY(const bool there, same.bind(digest).step());
    if (there) return read_record(same).info;
  }
  if (queued_ >= max_queued) {
    return fail(ErrorCode::overloaded, fmt::format("{} jobs wait already, the limit; try again later", queued_));
  }
  const std::int64_t now = now_ms();
  {
    EIDETIC_TRY(Statement query, database_->query("INSERT INTO jobs (kind, subject, arguments, digest, created_ms) "
                                                  "VALUES (?1, ?2, ?3, ?4, ?5)"));
    EIDETIC_CHECK(query.bind(kind).bind(subject).bind(arguments).bind(digest).bind(now).run());
  }
  ++queued_;
  JobInfo info;
  info.id = std::to_string(database_->last_insert_key());
  info.kind = kind;
  info.subject = subject;
  info.created_ms = now;
  return info;
}

Result<std::optional<JobRecord>> JobStore::start_next(std::string_view alone) {
  const std::scoped_lock lock(mutex_);
  if (queued_ == 0) return std::nullopt;
  return database_->transaction([&]() -> Result<std::optional<JobRecord>> {
    std::int64_t key = 0;
    {
      EIDETIC_TRY(Statement query,
                  database_->query("SELECT coalesce(min(key), 0) FROM jobs WHERE state = 0 AND (kind <> ?1 OR NOT "
                                   "EXISTS (SELECT 1 FROM jobs WHERE state = 1 AND kind = ?1))"));
      EIDETIC_CHECK(query.bind(alone).step());
      key = query.integer(0);
    }
    if (key == 0) return std::nullopt;
    {
      EIDETIC_TRY(Statement query, database_->query("DELETE FROM failures WHERE job = ?1"));
      EIDETIC_CHECK(query.bind(key).run());
    }
    {
      EIDETIC_TRY(Statement query, database_->query("UPDATE jobs SET state = 1, starts = starts + 1, started_ms = ?1 "
                                                    "WHERE key = ?2"));
      EIDETIC_CHECK(query.bind(now_ms()).bind(key).run());
    }
    EIDETIC_TRY(auto started, record(key));
    --queued_;
    ++running_;
    return started;
  });
}

Result<void> JobStore::set_progress(std::int64_t key, const IndexProgress& progress) {
  const std::scoped_lock lock(mutex_);
  return store_progress(*database_, key, progress);
}

Result<void> JobStore::add_failures(std::int64_t key, std::span<const ItemError> failures) {
  if (failures.empty()) return {};
  const std::scoped_lock lock(mutex_);
  return database_->transaction([&]() -> Result<void> {
    std::int64_t next = 0;
    {
      EIDETIC_TRY(Statement query, database_->query("SELECT coalesce(max(number), -1) FROM failures WHERE job = ?1"));
      EIDETIC_CHECK(query.bind(key).step());
      next = query.integer(0) + 1;
    }
    for (const auto& [uri, error] : failures) {
      if (next >= static_cast<std::int64_t>(kMaxRememberedFailures)) break;
      EIDETIC_TRY(Statement query, database_->query("INSERT INTO failures (job, number, uri, code, message) "
                                                    "VALUES (?1, ?2, ?3, ?4, ?5)"));
      query.bind(key).bind(next++).bind(uri).bind(static_cast<std::int64_t>(error.code)).bind(error.message);
      EIDETIC_CHECK(query.run());
    }
    return {};
  });
}

Result<JobInfo> JobStore::finish(std::int64_t key, JobState state, const std::optional<Error>& error,
                                 const IndexProgress& progress) {
  const std::scoped_lock lock(mutex_);
  auto finished = database_->transaction([&]() -> Result<JobInfo> {
    EIDETIC_CHECK(store_progress(*database_, key, progress));
    {
      EIDETIC_TRY(Statement query, database_->query("UPDATE jobs SET state = ?1, finished_ms = ?2, error_code = ?3, "
                                                    "error = ?4 WHERE key = ?5"));
      query.bind(static_cast<std::int64_t>(state)).bind(state == JobState::queued ? 0 : now_ms());
      query.bind(error ? static_cast<std::int64_t>(error->code) : -1);
      query.bind(error ? std::string_view(error->message) : std::string_view()).bind(key);
      EIDETIC_CHECK(query.run());
    }
    EIDETIC_TRY(auto info, record(key));
    if (state != JobState::queued) EIDETIC_CHECK(forget_old(*database_));
    return std::move(info.info);
  });
  if (finished) {
    --running_;
    queued_ += state == JobState::queued ? 1 : 0;
  }
  return finished;
}

Result<void> JobStore::forget(std::int64_t key) {
  const std::scoped_lock lock(mutex_);
  EIDETIC_TRY(Statement query, database_->query("DELETE FROM jobs WHERE key = ?1 AND state = 1"));
  EIDETIC_CHECK(query.bind(key).run());
  if (database_->changes() > 0) --running_;
  return {};
}

Result<bool> JobStore::cancel_waiting(std::int64_t key) {
  const std::scoped_lock lock(mutex_);
  return database_->transaction([&]() -> Result<bool> {
    {
      EIDETIC_TRY(Statement query, database_->query("UPDATE jobs SET state = 4, finished_ms = ?1 "
                                                    "WHERE key = ?2 AND state = 0"));
      EIDETIC_CHECK(query.bind(now_ms()).bind(key).run());
    }
    if (database_->changes() == 0) return false;
    EIDETIC_CHECK(forget_old(*database_));
    --queued_;
    return true;
  });
}

Result<JobRecord> JobStore::get(std::int64_t key) {
  const std::scoped_lock lock(mutex_);
  return record(key);
}

Result<std::vector<JobInfo>> JobStore::list(const JobQuery& asked) {
  std::int64_t before = INT64_MAX;
  if (!asked.before.empty()) {
    EIDETIC_TRY(before, job_key(asked.before));
  }
  const std::scoped_lock lock(mutex_);
  // One text a kind of question, so that each uses its index.
  EIDETIC_TRY(
      Statement query,
      asked.subject.empty()
          ? (asked.state ? database_->query(EIDETIC_JOB_COLUMNS "WHERE key < ?1 AND ?2 = '' AND state = ?3 "
                                                                "ORDER BY key DESC LIMIT ?4")
                         : database_->query(EIDETIC_JOB_COLUMNS
                                            "WHERE key < ?1 AND ?2 = '' AND ?3 = -1 ORDER BY key DESC LIMIT ?4"))
          : (asked.state ? database_->query(EIDETIC_JOB_COLUMNS "WHERE key < ?1 AND subject = ?2 AND state = ?3 "
                                                                "ORDER BY key DESC LIMIT ?4")
                         : database_->query(EIDETIC_JOB_COLUMNS "WHERE key < ?1 AND subject = ?2 AND ?3 = -1 "
                                                                "ORDER BY key DESC LIMIT ?4")));
  query.bind(before).bind(asked.subject).bind(asked.state ? static_cast<std::int64_t>(*asked.state) : -1);
  query.bind(std::int64_t{asked.limit});
  std::vector<JobInfo> jobs;
  while (true) {
    EIDETIC_TRY(const bool more, query.step());
    if (!more) return jobs;
    jobs.push_back(read_record(query).info);
  }
}

Result<std::vector<ItemError>> JobStore::failures(std::int64_t key, std::uint64_t offset, std::uint32_t limit) {
  const std::scoped_lock lock(mutex_);
  EIDETIC_CHECK(record(key));
  EIDETIC_TRY(Statement query, database_->query("SELECT uri, code, message FROM failures WHERE job = ?1 "
                                                "AND number >= ?2 ORDER BY number LIMIT ?3"));
  query.bind(key).bind(static_cast<std::int64_t>(std::min(offset, kMaxRememberedFailures))).bind(std::int64_t{limit});
  std::vector<ItemError> failures;
  while (true) {
    EIDETIC_TRY(const bool more, query.step());
    if (!more) return failures;
    failures.push_back({query.text(0), {static_cast<ErrorCode>(query.integer(1)), query.text(2)}});
  }
}

Result<JobCounts> JobStore::counts() {
  const std::scoped_lock lock(mutex_);
  JobCounts counts{.queued = queued_, .running = running_};
  EIDETIC_TRY(Statement query, database_->query("SELECT state, count(*) FROM jobs WHERE state >= 2 GROUP BY state"));
  while (true) {
    EIDETIC_TRY(const bool more, query.step());
    if (!more) return counts;
    const auto state = static_cast<JobState>(query.integer(0));
    auto& count = state == JobState::done ? counts.done : state == JobState::failed ? counts.failed : counts.cancelled;
    count = static_cast<std::uint64_t>(query.integer(1));
  }
}

Result<void> JobStore::for_each_open(const std::function<void(const JobRecord&)>& visit) {
  const std::scoped_lock lock(mutex_);
  EIDETIC_TRY(Statement query, database_->query(EIDETIC_JOB_COLUMNS "WHERE state IN (0, 1)"));
  while (true) {
    EIDETIC_TRY(const bool more, query.step());
    if (!more) return {};
    visit(read_record(query));
  }
}

Result<void> JobStore::backup_to(const std::filesystem::path& file) {
  const std::scoped_lock lock(mutex_);
  EIDETIC_TRY(const auto to, Database::open(file, Database::Access::create));
  return to->copy_from(*database_);
}

}  // namespace eidetic
