// Jobs: listing, following, cancelling.
#include <fmt/format.h>

#include <memory>

#include "server/api.h"
#include "server/parameters.h"
#include "server/wire.h"

namespace eidetic {
namespace {

Answer list(Api& api, HttpRequest& request) {
  Parameters parameters(request.uri.query);
  JobQuery query;
  query.subject = parameters.text("subject").value_or("");
  query.before = parameters.text("before").value_or("");
  if (query.before.find_first_not_of("0123456789") != std::string::npos) {
    return std::unexpected(Problem(400, "invalid_argument", fmt::format("before = '{}' is no job's id", query.before)));
  }
  const auto state = parameters.text("state");
  EIDETIC_ANSWER_TRY(const auto limit, parameters.integer("limit", 1, 1000));
  EIDETIC_ANSWER_CHECK(parameters.finish());
  if (state) {
    EIDETIC_ANSWER_TRY(query.state, parse_job_state(*state));
  }
  query.limit = static_cast<std::uint32_t>(limit.value_or(100));
  EIDETIC_ANSWER_TRY(const auto jobs, api.engine.jobs(query));
  EIDETIC_ANSWER_TRY(const JobCounts counts, api.engine.job_counts());
  Json list = Json::array();
  for (const JobInfo& job : jobs) list.push_back(to_json(job));
  return json_response({{"jobs", std::move(list)},
                        {"counts",
                         {{"queued", counts.queued},
                          {"running", counts.running},
                          {"done", counts.done},
                          {"failed", counts.failed},
                          {"cancelled", counts.cancelled}}}});
}

Answer show(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const JobInfo job, api.engine.job(request.captures[0]));
  return json_response(to_json(job));
}

Answer failures(Api& api, HttpRequest& request) {
  Parameters parameters(request.uri.query);
  EIDETIC_ANSWER_TRY(const auto offset, parameters.integer("offset", 0, 1'000'000));
  EIDETIC_ANSWER_TRY(const auto limit, parameters.integer("limit", 1, 10'000));
  EIDETIC_ANSWER_CHECK(parameters.finish());
  EIDETIC_ANSWER_TRY(const auto failed,
                     api.engine.job_failures(request.captures[0], static_cast<std::uint64_t>(offset.value_or(0)),
                                             static_cast<std::uint32_t>(limit.value_or(100))));
  return json_response({{"failures", to_json(std::span(failed))}});
}

Answer cancel(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_TRY(const JobInfo job, api.engine.cancel_job(request.captures[0]));
  return json_response(to_json(job));
}

bool has_ended(JobState state) { return state != JobState::queued && state != JobState::running; }

// Says the job whenever its text has changed since it was last said.
Event next_event(Engine& engine, const std::string& id, std::string& said) {
  const auto job = engine.job(id);
  if (!job) return {fmt::format("event: error\ndata: {}\n\n", dump_json(to_json(job.error()))), true};
  std::string now = dump_json(to_json(*job));
  const bool last = has_ended(job->state);
  if (now == said) return {"", last};
  said = std::move(now);
  return {fmt::format("event: job\ndata: {}\n\n", said), last};
}

Answer events(Api& api, HttpRequest& request) {
  EIDETIC_ANSWER_CHECK(no_parameters(request));
  EIDETIC_ANSWER_CHECK(api.engine.job(request.captures[0]));
  HttpResponse response;
  response.content_type = "text/event-stream";
  response.next_event = [&engine = api.engine, id = request.captures[0], said = std::make_shared<std::string>()] {
    return next_event(engine, id, *said);
  };
  return response;
}

constexpr Route kRoutes[] = {
    {"GET", "/v1/jobs", Role::read, LaneKind::search, BodyKind::none, list},
    {"GET", "/v1/jobs/{job}", Role::read, LaneKind::search, BodyKind::none, show},
    {"GET", "/v1/jobs/{job}/failures", Role::read, LaneKind::search, BodyKind::none, failures},
    {"POST", "/v1/jobs/{job}/cancel", Role::write, LaneKind::write, BodyKind::none, cancel},
    {"GET", "/v1/jobs/{job}/events", Role::read, LaneKind::search, BodyKind::none, events},
};

}  // namespace

std::span<const Route> job_routes() { return kRoutes; }

}  // namespace eidetic
