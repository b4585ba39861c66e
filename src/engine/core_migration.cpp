// The verbs of Core that change a collection's model while it is searched and written to.
//
// Vectors of the new model come into the collection's other space (Backend), all of them without a lock: an item that
// is put or replaced meanwhile has none there yet, and so is pending again. The last few are embedded while nobody
// stores items (settings_ and writing_ held), and then the space is switched.
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <set>
#include <utility>

#include "base/hash.h"
#include "blobs/listing.h"
#include "catalog/check.h"
#include "engine/core.h"
#include "engine/migration.h"
#include "engine/pictures.h"
#include "engine/put.h"
#include "engine/settings.h"

namespace eidetic {
namespace {

constexpr std::uint32_t kAtOnce = 64;  // items stored together, and between two looks at the stop token
constexpr std::uint32_t kFew = 16;     // items that others wait for
constexpr int kMaxRounds = 8;
constexpr std::size_t kMaxToldFailures = 10'000;
constexpr std::int64_t kMilliseconds = 1000;

using Step = MigrateRequest::Step;
using State = MigrationInfo::State;

Result<void> embed_pending(const PictureEmbedder& pictures, const SpaceFilling& filling, Item& item) {
  if (item.uri.empty()) {
    return fail(ErrorCode::unsupported,
                fmt::format("item '{}' has no picture to embed: it was stored as a bare vector", item.id));
  }
  const auto named = [&](const Error& error) {
    return fail(error.code, fmt::format("item '{}': {}", item.id, error.message));
  };
  try {
    StageTimes unused;
    const auto bytes = pictures.read(item.uri, unused);
    if (!bytes) return named(bytes.error());
    if (!item.content_hash.empty() && sha256_hex(*bytes) != item.content_hash) {
      return fail(ErrorCode::unavailable,
                  fmt::format("item '{}': '{}' has changed since it was indexed; index it again", item.id,
                              display_name(item.uri)));
    }
    const auto made = pictures.embed_into(item, *bytes, display_name(item.uri), filling.plan.regions, unused);
    if (!made) return named(made.error());
    if (const auto good = check_vector(item.vector, filling.embedder.space()); !good) return named(good.error());
    return {};
  } catch (const std::exception& error) {
    // Above all std::bad_alloc for one huge picture: the others go on.
    return fail(ErrorCode::internal, fmt::format("item '{}': {}", item.id, error.what()));
  }
}

std::unexpected<Error> under_way(std::string_view name, const MigrationSetting& migration) {
  if (migration.state == State::switched) {
    return fail(ErrorCode::already_exists,
                fmt::format("collection '{0}' could still go back to the model '{1}': do that first, or give it up "
                            "(eidetic collections migrate -c {0} --rollback or --finish)",
                            name, migration.model));
  }
  return fail(ErrorCode::already_exists,
              fmt::format("collection '{0}' is being changed to the model '{1}'; go on with that, or cancel it first "
                          "(eidetic collections migrate -c {0} --cancel)",
                          name, migration.model));
}

// What stands beside those of the classifiers that there are now.
std::vector<std::string> fields_gone(const CollectionSettings& settings) {
  std::vector<std::string> gone;
  if (!settings.migration) return gone;
  for (const auto& before : settings.migration->classifiers) {
    const auto same = [&](const ClassifierSetting& one) { return one.info.name == before.info.name; };
    if (std::ranges::none_of(settings.classifiers, same)) gone.push_back(before.info.name);
  }
  return gone;
}

Result<void> check(const MigrateRequest& request) {
  const bool names = request.step == Step::migrate || request.step == Step::prepare;
  if (names && request.model.empty()) {
    return fail(ErrorCode::invalid_argument, "no model is given to change the collection to");
  }
  if (!names && !request.model.empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("a model is chosen when its vectors are made, not at the step '{}'; leave it out",
                            to_string(request.step)));
  }
  if (request.grace_s <= kMaxGrace) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("a time of grace of {} seconds; at most {} are possible", request.grace_s, kMaxGrace));
}

}  // namespace

Result<void> Core::tell_settings(CollectionInfo& info) const {
  const auto& spec = info.spec;
  EIDETIC_TRY(auto settings, parse_settings(spec.settings, spec.name));
  info.search = settings.search;
  info.regions = std::move(settings.regions);
  info.description = std::move(settings.description);
  info.source = std::move(settings.source);
  if (info.backend.empty()) info.backend = kEmbeddedBackend;
  if (!settings.copying.empty()) {
    info.index_note = fmt::format(
        "being copied from '{}' and not complete; where that was cut off, the same eidetic "
        "collections copy goes on from there",
        settings.copying);
  }
  if (!settings.migration) return {};
  EIDETIC_TRY(const auto other, parts_.backend->other_space(spec.name));
  if (!other) return {};
  auto& migration = *settings.migration;
  info.migration = MigrationInfo{.model = other->space.model,
                                 .hash = other->space.hash,
                                 .state = migration.state,
                                 .total = info.items,
                                 .done = std::min(other->vectors, info.items),
                                 .failed = migration.failed,
                                 .until_ms = migration.until_ms,
                                 .notes = std::move(migration.notes)};
  return {};
}

// --- what is to be done ---

Result<ModelChange> Core::model_change(std::string_view name, const MigrateRequest& request) {
  EIDETIC_CHECK(check(request));
  EIDETIC_TRY(const auto collection, parts_.backend->spec(name));
  EIDETIC_TRY(const auto settings, parse_settings(collection.settings, name));
  if (settings.model.empty()) {
    return fail(
        ErrorCode::unsupported,
        fmt::format("collection '{}' holds bare vectors: it has no model that could be changed, and its items no "
                    "pictures to embed",
                    name));
  }
  if (request.step == Step::migrate || request.step == Step::prepare) {
    return change_to(name, request.model, collection, settings);
  }
  const auto& migration = settings.migration;
  ModelChange change{.made = migration && migration->state == State::switched};
  if (request.step == Step::rollback) {
    if (!change.made || migration->until_ms <= now_ms()) return nothing_to("roll back to", name);
    change.back = true;
    change.made = false;
  } else if (!migration) {
    return nothing_to("switch to", name);
  }
  change.model = change.made ? settings.model : migration->model;
  EIDETIC_TRY(const auto other, parts_.backend->other_space(name));
  if (!other) return nothing_to("switch to", name);
  const Space& space = change.made ? collection.space : other->space;
  EIDETIC_TRY(change.embedder,
              embedders_.get(change.model, space.metric, arithmetic_of(space), Embedders::Use::collections));
  if (change.embedder->space().matches(space)) return change;
  return fail(ErrorCode::invalid_argument,
              fmt::format("the vectors beside those of collection '{}' are of {}, but the model '{}' is {} now; bring "
                          "that model back, or give the change up",
                          name, space.describe(), change.model, change.embedder->space().describe()));
}

Result<ModelChange> Core::change_to(std::string_view name, const std::string& model, const CollectionSpec& collection,
                                    const CollectionSettings& settings) {
  ModelChange change;
  EIDETIC_CHECK(check_model_reach(model));
  EIDETIC_TRY(const auto bundle, local_model(model));
  EIDETIC_TRY(change.model, embedders_.lasting_name(bundle));
  EIDETIC_TRY(change.embedder,
              embedders_.get(bundle, collection.space.metric, parts_.options.arithmetic, Embedders::Use::collections));
  const Space& space = change.embedder->space();
  EIDETIC_TRY(const auto other, parts_.backend->other_space(name));
  const auto& migration = settings.migration;
  change.begin = !migration || !other;
  if (space.matches(collection.space)) {
    change.made = migration && migration->state == State::switched;
    if (!change.made) return already_of(name, model);
  } else if (!change.begin && (migration->state == State::switched || !space.matches(other->space))) {
    return under_way(name, *migration);
  }
  return change;
}

Result<void> Core::begin_migration(std::string_view name, const ModelChange& change) {
  const std::scoped_lock lock(settings_);
  // The settings first: a space that they do not speak of is tidied up, by another server too.
  const auto set = [&](const std::optional<MigrationSetting>& migration) {
    return edit_settings(name, [&](const CollectionSpec&, CollectionSettings& settings) -> Result<void> {
      settings.migration = migration;
      return {};
    });
  };
  EIDETIC_CHECK(set(MigrationSetting{.model = change.model}));
  auto begun = parts_.backend->begin_space(name, change.embedder->space());
  if (!begun) EIDETIC_CHECK(set(std::nullopt));
  return begun;
}

// --- doing it ---

Result<MigrationReport> Core::migrate(std::string_view name, const MigrateRequest& request,
                                      const std::function<void(const IndexProgress&)>& progress, std::stop_token stop) {
  EIDETIC_CHECK(parts_.backend->spec(name));
  EIDETIC_TRY(auto run, migrations_.begin(name));
  const std::stop_callback forward(stop, [&run] { run.stop().request_stop(); });
  return run_migration(name, request, progress, run.stop().get_token());
}

Result<MigrationReport> Core::run_migration(std::string_view name, const MigrateRequest& request,
                                            const std::function<void(const IndexProgress&)>& progress,
                                            const std::stop_token& stop) {
  EIDETIC_TRY(const auto change, model_change(name, request));
  MigrationReport report;
  report.collection = name;
  report.switched = change.made;
  EIDETIC_TRY(const auto collection, parts_.backend->describe(name));
  SpaceFilling filling{.collection = std::string(name),
                       .embedder = *change.embedder,
                       .plan = {},
                       .report = report,
                       .progress = progress,
                       .total = collection.items};
  if (!change.made) {
    if (change.begin) EIDETIC_CHECK(begin_migration(name, change));
    EIDETIC_TRY(filling.plan, regions(name));
    EIDETIC_TRY(const auto other, parts_.backend->other_space(name));
    report.kept = other ? other->vectors : 0;
    EIDETIC_CHECK(fill_space(filling, stop));
    if (!report.interrupted) EIDETIC_CHECK(parts_.backend->build_space(name));
    if (!change.back) EIDETIC_CHECK(note_failures(filling));
    const bool wanted = request.step != Step::prepare && (report.failed == 0 || request.drop_failed || change.back);
    if (wanted && !report.interrupted) EIDETIC_CHECK(switch_model(name, change, request, filling, stop));
  }
  report.seconds = filling.watch.seconds();
  if (!report.switched) return report;
  EIDETIC_TRY(const auto now, parts_.backend->spec(name));
  EIDETIC_TRY(const auto settings, parse_settings(now.settings, name));
  EIDETIC_CHECK(assign_classes(name, fields_gone(settings)));
  if (!settings.migration) EIDETIC_CHECK(parts_.backend->drop_space(name));
  if (grace_ != nullptr) grace_->wake();
  return report;
}

Result<void> Core::fill_space(SpaceFilling& filling, const std::stop_token& stop) {
  auto& report = filling.report;
  const PictureEmbedder pictures(*parts_.blobs, parts_.options.decode, filling.embedder);
  const auto tell = [&] {
    if (!filling.progress) return;
    const auto done = report.kept + report.embedded + report.errors.size();
    filling.progress({.total = std::max(filling.total, done),
                      .done = done,
                      .indexed = report.embedded,
                      .skipped = report.kept,
                      .failed = report.errors.size(),
                      .seconds = filling.watch.seconds()});
  };
  for (;;) {
    tell();
    report.interrupted = stop.stop_requested();
    if (report.interrupted) return {};
    EIDETIC_TRY(auto items, parts_.backend->pending(filling.collection, filling.after, kAtOnce));
    if (items.empty()) return {};
    filling.after = items.back().version;
    std::vector<Result<void>> made(items.size());
    parts_.pool->parallel_for(items.size(),
                              [&](std::size_t i) { made[i] = embed_pending(pictures, filling, items[i]); });
    std::vector<Item> good;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (made[i]) {
        good.push_back(std::move(items[i]));
      } else if (report.errors.size() < kMaxToldFailures) {
        report.errors.push_back({items[i].id, std::move(made[i]).error()});
      }
    }
    EIDETIC_TRY(const auto stored, parts_.backend->store_pending(filling.collection, good));
    report.embedded += stored;
    if (items.size() == kAtOnce) continue;
    // A short page was the last; what others have put since is found by whoever calls this again.
    tell();
    return {};
  }
}

Result<void> Core::note_failures(SpaceFilling& filling) {
  const std::string& name = filling.collection;
  MigrationReport& report = filling.report;
  // Of those that failed, some may have gone since; and those that have come since are not tried yet.
  std::set<std::string> pending;
  std::uint64_t after = 0;
  report.failed = 0;
  while (after < filling.after) {
    constexpr std::uint32_t kPage = 1000;
    EIDETIC_TRY(const auto items, parts_.backend->pending(name, after, kPage));
    if (items.empty()) break;
    after = items.back().version;
    for (const Item& item : items) {
      if (item.version > filling.after) break;
      ++report.failed;
      if (pending.size() < kMaxToldFailures) pending.insert(item.id);
    }
  }
  std::erase_if(report.errors, [&](const ItemError& error) { return !pending.contains(error.uri); });
  if (report.interrupted) return {};  // then most are only not yet tried
  const std::scoped_lock lock(settings_);
  return edit_settings(name, [&](const CollectionSpec&, CollectionSettings& settings) -> Result<void> {
    if (!settings.migration || settings.migration->state == State::switched) return {};
    settings.migration->state = State::ready;
    settings.migration->failed = report.failed;
    return {};
  });
}

Result<void> Core::switch_model(std::string_view name, const ModelChange& change, const MigrateRequest& request,
                                SpaceFilling& filling, const std::stop_token& stop) {
  // Searches of pictures find their model loaded.
  const Space& space = change.embedder->space();
  EIDETIC_CHECK(embedders_.get(change.model, space.metric, arithmetic_of(space), Embedders::Use::queries));
  for (int round = 1;; ++round) {
    LearntAnew learnt;
    if (!change.back) {
      EIDETIC_TRY(learnt, learn_anew(name, change));
    }
    EIDETIC_CHECK(fill_space(filling, stop));
    if (filling.report.interrupted) return {};
    const std::scoped_lock lock(settings_, writing_);
    EIDETIC_TRY(const bool done, switch_now(name, change, request, learnt, filling, round == kMaxRounds));
    if (done) return {};
  }
}

Result<bool> Core::switch_now(std::string_view name, const ModelChange& change, const MigrateRequest& request,
                              const LearntAnew& learnt, SpaceFilling& filling, bool last_try) {
  auto& report = filling.report;
  EIDETIC_TRY(const auto collection, parts_.backend->spec(name));
  EIDETIC_TRY(auto settings, parse_settings(collection.settings, name));
  if (!settings.migration) return nothing_to("switch to", name);
  const bool others_learnt = !change.back && attachments_of(settings) != learnt.instead_of;
  EIDETIC_TRY(const auto newer, parts_.backend->pending(name, filling.after, kFew + 1));
  if (!last_try && (others_learnt || newer.size() > kFew)) return false;
  if (others_learnt) return model_changed(name);
  EIDETIC_CHECK(fill_space(filling, {}));
  EIDETIC_TRY(const auto pending, parts_.backend->pending(name, 0, kMaxToldFailures));
  report.failed = pending.size();
  if (!pending.empty() && !request.drop_failed) return true;

  const CollectionSettings before = settings;
  MigrationSetting other = *std::move(settings.migration);
  settings.migration.reset();
  if (change.back) {
    settings.classifiers = std::move(other.classifiers);
    settings.calibration = std::move(other.calibration);
  } else {
    if (request.grace_s > 0) {
      settings.migration =
          MigrationSetting{.model = settings.model,
                           .state = State::switched,
                           .until_ms = now_ms() + static_cast<std::int64_t>(request.grace_s) * kMilliseconds,
                           .notes = learnt.notes,
                           .classifiers = std::move(settings.classifiers),
                           .calibration = std::move(settings.calibration)};
    }
    for (const auto& [attachment, bytes] : learnt.attachments) {
      EIDETIC_CHECK(parts_.backend->attach(name, attachment, bytes));
    }
    settings.classifiers = learnt.classifiers;
    settings.calibration = learnt.calibration;
  }
  settings.model = other.model;
  report.notes = learnt.notes;
  // Another server may change the settings until the switch itself.
  bool others_changed = false;
  const auto edit = [&](const CollectionSpec& now) -> Result<std::string> {
    others_changed = now.settings != collection.settings;
    if (others_changed) return model_changed(name);
    return to_json(settings);
  };
  const auto dropped = parts_.backend->switch_space(name, edit, request.drop_failed);
  if (!dropped && others_changed && !last_try) return false;
  EIDETIC_CHECK(dropped);
  report.dropped = *dropped;
  report.switched = true;
  EIDETIC_CHECK(drop_attachments(name, before, settings));
  return true;
}

}  // namespace eidetic
