// eidetic jobs list | show ID | watch ID | cancel ID | failures ID
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "cli/commands.h"
#include "cli/interruption.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/table.h"

namespace eidetic {
namespace {

struct JobOptions {
  std::string id;
  std::string state;
  JobQuery query;
  std::uint64_t offset = 0;
  std::uint32_t limit = 100;
};

bool has_ended(const JobInfo& job) { return job.state != JobState::queued && job.state != JobState::running; }

Result<int> run_list(const Session& session, JobOptions options) {
  if (!options.state.empty()) {
    EIDETIC_TRY(options.query.state, parse_job_state(options.state));
  }
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const auto jobs, engine->jobs(options.query));
  EIDETIC_TRY(const JobCounts counts, engine->job_counts());
  if (session.globals.json) {
    Json list = Json::array();
    for (const JobInfo& job : jobs) list.push_back(to_json(job));
    print_json({{"jobs", std::move(list)},
                {"counts",
                 {{"queued", counts.queued},
                  {"running", counts.running},
                  {"done", counts.done},
                  {"failed", counts.failed},
                  {"cancelled", counts.cancelled}}}});
    return kDone;
  }
  Table table({{.title = "id", .right_aligned = true},
               {.title = "kind"},
               {.title = "subject", .least = 8},
               {.title = "state"},
               {.title = "done", .right_aligned = true},
               {.title = "total", .right_aligned = true},
               {.title = "failed", .right_aligned = true, .optional = true},
               {.title = "created", .optional = true}});
  for (const JobInfo& job : jobs) {
    table.add({job.id, job.kind, job.subject, std::string(to_string(job.state)), std::to_string(job.progress.done),
               std::to_string(job.progress.total), std::to_string(job.progress.failed),
               cell_text(time_json(job.created_ms))});
  }
  table.print();
  return kDone;
}

int print_job(const Session& session, const JobInfo& job) {
  const Json json = to_json(job);
  if (session.globals.json) {
    print_json(json);
    return kDone;
  }
  for (const auto* field : {"id", "kind", "subject", "state", "created", "started", "finished"}) {
    if (!json[field].is_null()) fmt::print("{:<9} {}\n", field, printable(cell_text(json[field])));
  }
  const IndexProgress& progress = job.progress;
  if (!job.stage.empty()) fmt::print("{:<9} {}\n", "stage", job.stage);
  fmt::print("{:<9} {} of {}: {} indexed, {} unchanged, {} failed\n", "progress", progress.done, progress.total,
             progress.indexed, progress.skipped, progress.failed);
  if (job.error) fmt::print("{:<9} {}\n", "error", printable(job.error->message));
  return kDone;
}

Result<int> run_show(const Session& session, const JobOptions& options) {
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const JobInfo job, engine->job(options.id));
  return print_job(session, job);
}

Result<int> run_cancel(const Session& session, const JobOptions& options) {
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const JobInfo job, engine->cancel_job(options.id));
  return print_job(session, job);
}

Result<JobInfo> wait_for(Engine& engine, const std::string& id, const std::stop_token& stop) {
  constexpr auto kInterval = std::chrono::milliseconds(200);
  Progress bar("job " + id, "items");
  for (;;) {
    EIDETIC_TRY(JobInfo job, engine.job(id));
    const IndexProgress& progress = job.progress;
    bar.update(
        {.total = progress.total, .done = progress.done, .failed = progress.failed, .seconds = progress.seconds});
    if (has_ended(job) || stop.stop_requested()) return job;
    std::this_thread::sleep_for(kInterval);
  }
}

Result<int> run_watch(const Session& session, const JobOptions& options) {
  const Interruption interruption;
  EIDETIC_TRY(const auto remote, remote_options(session.globals));
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(JobInfo job, engine->job(options.id));
  // Whoever holds the data folder could work on it, and that is this process, which does not.
  if (!remote && !has_ended(job)) {
    return fail(ErrorCode::unavailable,
                fmt::format("job {} waits for a server to work on this data folder: eidetic serve", job.id));
  }
  EIDETIC_TRY(job, wait_for(*engine, options.id, interruption.token()));
  if (!has_ended(job)) {
    return interruption.told(fmt::format("job {} goes on; to end it: eidetic jobs cancel {}", job.id, job.id));
  }
  print_job(session, job);
  if (job.state != JobState::done) return kFailed;
  return job.progress.failed > 0 ? kSomeFailed : kDone;
}

Result<int> run_failures(const Session& session, const JobOptions& options) {
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const auto failures, engine->job_failures(options.id, options.offset, options.limit));
  if (session.globals.json) {
    print_json({{"job", options.id}, {"failures", to_json(std::span(failures))}});
    return kDone;
  }
  Table table({{.title = "item", .least = 16, .cut = Cut::head}, {.title = "code"}, {.title = "message", .least = 20}});
  for (const ItemError& failure : failures) {
    table.add({failure.uri, std::string(to_string(failure.error.code)), failure.error.message});
  }
  table.print();
  return kDone;
}

}  // namespace

void add_jobs_command(CLI::App& root, Session& session) {
  auto* app = root.add_subcommand("jobs", "List, show, watch and cancel the jobs of a server")
                  ->fallthrough()
                  ->require_subcommand(1);
  const auto add = [&](const char* name, const char* description, auto run) {
    auto* command = app->add_subcommand(name, description)->fallthrough();
    auto options = std::make_shared<JobOptions>();
    command->callback([=, &session] { session.command = [=, &session] { return run(session, *options); }; });
    return std::pair(command, options);
  };
  const auto add_with_id = [&](const char* name, const char* description, auto run) {
    auto added = add(name, description, run);
    added.first->add_option("ID", added.second->id, "the job")->type_name("")->required();
    return added;
  };

  auto list = add("list", "List jobs, newest first", run_list);
  list.first->add_option("--subject", list.second->query.subject, "only those of this collection or model")
      ->type_name("NAME");
  list.first
      ->add_option("--state", list.second->state, "only those that are queued, running, done, failed or cancelled")
      ->type_name("STATE");
  list.first->add_option("--before", list.second->query.before, "only those older than this job")->type_name("ID");
  list.first->add_option("--limit", list.second->query.limit, "how many (default: 100)")
      ->type_name("N")
      ->check(CLI::Range(1U, 1000U).description(""));

  add_with_id("show", "Show how far a job is", run_show);
  add_with_id("watch", "Show a job's progress until it ends", run_watch);
  add_with_id("cancel", "Stop a job; what it has stored stays", run_cancel);
  auto failures = add_with_id("failures", "List the items of a job that failed", run_failures);
  failures.first->add_option("--offset", failures.second->offset, "leave out this many (default: 0)")->type_name("N");
  failures.first->add_option("--limit", failures.second->limit, "how many (default: 100)")
      ->type_name("N")
      ->check(CLI::Range(1U, 10'000U).description(""));
}

}  // namespace eidetic
