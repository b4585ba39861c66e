// The verbs of Core that look at a change of a collection's model, and end it.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "engine/core.h"
#include "engine/evaluate.h"
#include "engine/job_arguments.h"
#include "engine/migration.h"
#include "engine/put.h"
#include "engine/settings.h"

namespace eidetic {
namespace {

using State = MigrationInfo::State;

constexpr std::int64_t kHour = 3'600'000;  // milliseconds

}  // namespace

Result<MigrationComparison> Core::compare_models(std::string_view name, const CompareRequest& request) {
  if (request.sample < 1 || request.sample > kMaxCompared) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("a sample of {} searches; 1 to {} are possible", request.sample, kMaxCompared));
  }
  return in_one_space(name, [&](const CollectionSpec& collection) -> Result<MigrationComparison> {
    EIDETIC_TRY(const auto info, describe(name));
    if (!info.migration) {
      return fail(ErrorCode::not_found,
                  fmt::format("collection '{0}' has no vectors of another model to compare; make some first (eidetic "
                              "collections migrate -c {0} --model NAME --prepare)",
                              name));
    }
    EIDETIC_CHECK(parts_.backend->build_space(name));
    EIDETIC_TRY(auto comparison, compare_spaces(*parts_.backend, collection, request));
    comparison.other_model = info.migration->model;
    comparison.items = info.items;
    comparison.compared = info.migration->done;
    if (request.label.empty()) return comparison;
    EIDETIC_TRY(const auto other, parts_.backend->describe(other_space_name(name)));
    EIDETIC_TRY(comparison.report, eidetic::evaluate(*parts_.backend, info, request.label, {}, *parts_.pool));
    EIDETIC_TRY(comparison.other_report, eidetic::evaluate(*parts_.backend, other, request.label, {}, *parts_.pool));
    return comparison;
  });
}

Result<CollectionInfo> Core::end_migration(std::string_view name,
                                           const std::function<Result<void>(const MigrationSetting&)>& may) {
  EIDETIC_TRY(const auto run, migrations_.begin(name));
  const std::scoped_lock lock(settings_);
  EIDETIC_CHECK(edit_settings(name, [&](const CollectionSpec&, CollectionSettings& settings) -> Result<void> {
    if (!settings.migration) return nothing_to("give up", name);
    EIDETIC_CHECK(may(*settings.migration));
    settings.migration.reset();
    return {};
  }));
  EIDETIC_CHECK(parts_.backend->drop_space(name));
  return describe(name);
}

Result<CollectionInfo> Core::cancel_migration(std::string_view name) {
  EIDETIC_TRY(const auto info, describe(name));
  const auto may = [&](State state) -> Result<void> {
    if (state != State::switched) return {};
    return fail(ErrorCode::invalid_argument,
                fmt::format("collection '{0}' is switched already: it can be rolled back, or finished (eidetic "
                            "collections migrate -c {0} --rollback or --finish)",
                            name));
  };
  if (info.migration) EIDETIC_CHECK(may(info.migration->state));
  for (const auto state : {JobState::queued, JobState::running}) {
    constexpr std::uint32_t kMost = 1000;
    EIDETIC_TRY(const auto open, parts_.jobs->list({.subject = std::string(name), .state = state, .limit = kMost}));
    for (const auto& job : open) {
      if (job.kind == kMigrateJob) EIDETIC_CHECK(cancel_job(job.id));
    }
  }
  migrations_.stop(name);
  return end_migration(name, [&](const MigrationSetting& migration) { return may(migration.state); });
}

Result<CollectionInfo> Core::finish_migration(std::string_view name) {
  return end_migration(name, [&](const MigrationSetting& migration) -> Result<void> {
    if (migration.state == State::switched) return {};
    return fail(ErrorCode::invalid_argument,
                fmt::format("collection '{0}' is not switched to the model '{1}' yet: switch it, or cancel the change "
                            "(eidetic collections migrate -c {0} --switch or --cancel)",
                            name, migration.model));
  });
}

std::int64_t Core::sweep_migrations() {
  const std::int64_t now = now_ms();
  std::int64_t next = now + kHour;
  const auto sweep = [&](const CollectionSpec& collection) -> Result<void> {
    EIDETIC_TRY(const auto settings, parse_settings(collection.settings, collection.name));
    if (const auto& migration = settings.migration) {
      if (migration->state != State::switched) return {};
      if (migration->until_ms > now) {
        next = std::min(next, migration->until_ms);
        return {};
      }
      EIDETIC_CHECK(finish_migration(collection.name));
      log(LogLevel::info, "collection '{}': the vectors of the model '{}' are past their time of grace, and gone",
          collection.name, migration->model);
      return {};
    }
    // Begun or ended, and the process with it.
    EIDETIC_TRY(const auto other, parts_.backend->other_space(collection.name));
    if (!other) return {};
    EIDETIC_TRY(const auto run, migrations_.begin(collection.name));
    EIDETIC_TRY(const auto again, describe(collection.name));
    return again.migration ? Result<void>() : parts_.backend->drop_space(collection.name);
  };
  const auto collections = parts_.backend->list();
  if (!collections) {
    log(LogLevel::warning, "old vectors are not tidied up: {}", collections.error().message);
    return next;
  }
  for (const auto& collection : *collections) {
    const auto swept = sweep(collection.spec);
    if (swept || swept.error().code == ErrorCode::not_found) continue;
    // A run that goes on now wakes this when it has ended.
    log(LogLevel::info, "collection '{}': {}", collection.spec.name, swept.error().message);
  }
  return next;
}

}  // namespace eidetic
