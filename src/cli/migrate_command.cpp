// eidetic collections migrate NAME --model MODEL [--prepare] | --compare | --switch | --rollback | --cancel | --finish
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/commands.h"
#include "cli/interruption.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/table.h"

namespace eidetic {
namespace {

struct MigrateOptions {
  std::string collection;
  MigrateRequest request;
  bool prepare = false, switch_over = false, rollback = false, cancel = false, finish = false, compare = false;
  CompareRequest comparison;
};

void print_report(const MigrationReport& report, const CollectionInfo& now) {
  fmt::print("{}: {} items embedded, {} had their vector, {} failed in {:.1f} s\n", report.collection, report.embedded,
             report.kept, report.failed, report.seconds);
  print_item_errors(report.errors);
  const auto& migration = now.migration;
  if (report.dropped > 0) fmt::print("{} items without a vector of {} removed\n", report.dropped, now.spec.space.model);
  for (const auto& note : report.notes) print_note(note);
  if (report.switched) {
    fmt::print("searched with the model {} now", now.spec.space.model);
    if (migration)
      fmt::print("; back to {} with --rollback until {}", migration->model,
                 time_json(migration->until_ms).get<std::string>());
    fmt::print("\n");
  } else if (migration && !report.interrupted) {
    fmt::print("searched with the model {} still; {} waits for {}{}\n", now.spec.space.model, migration->model,
               migration->state == MigrationInfo::State::switched ? "--rollback" : "--switch",
               report.failed > 0 ? ", which --drop-failed allows to remove what has failed" : "");
  }
}

Result<int> run_migrate(const Session& session, const MigrateOptions& options) {
  const Interruption interruption;
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  const auto report = [&] {
    Progress bar("embedding", "images");
    return engine->migrate(
        options.collection, options.request,
        [&](const IndexProgress& now) {
          bar.update({.total = now.total, .done = now.done, .failed = now.failed, .seconds = now.seconds});
        },
        interruption.token());
  }();
  EIDETIC_CHECK(report);
  EIDETIC_TRY(const auto now, engine->describe(options.collection));
  if (session.globals.json) {
    Json json = to_json(*report);
    json["migration"] = to_json(now)["migration"];
    print_json(json);
  } else {
    print_report(*report, now);
  }
  if (report->interrupted) {
    return interruption.told("stopped; what is made is kept, and the same command goes on from there");
  }
  return report->failed > 0 ? kSomeFailed : kDone;
}

Result<int> run_compare(const Session& session, const MigrateOptions& options) {
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const auto compared, engine->compare_models(options.collection, options.comparison));
  if (session.globals.json) {
    print_json(to_json(compared));
    return kDone;
  }
  fmt::print("{}: {} searched with, {} beside; {} of {} items have vectors of both\n", compared.collection,
             compared.model, compared.other_model, compared.compared, compared.items);
  fmt::print("of {} searches: {:.1f} ± {:.1f} % of the first {} hits are found by both, {:.1f} % have the same first\n",
             compared.searches.size(), 100 * compared.overlap, 100 * compared.overlap_margin, kComparedHits,
             100 * compared.same_first);
  if (!compared.report || !compared.other_report) return kDone;
  Table table({{.title = "measure"},
               {.title = compared.model, .right_aligned = true},
               {.title = "±", .right_aligned = true},
               {.title = compared.other_model, .right_aligned = true},
               {.title = "±", .right_aligned = true}});
  for (const auto& [name, measure] : kRetrievalMeasures) {
    std::vector<std::string> row = {std::string(name)};
    for (const auto* report : {&*compared.report, &*compared.other_report}) {
      row.push_back(fmt::format("{:.4f}", report->mean.*measure));
      row.push_back(fmt::format("{:.4f}", report->margin.*measure));
    }
    table.add(std::move(row));
  }
  table.print();
  return kDone;
}

Result<int> run_end(const Session& session, const MigrateOptions& options) {
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  const auto info =
      options.cancel ? engine->cancel_migration(options.collection) : engine->finish_migration(options.collection);
  EIDETIC_CHECK(info);
  if (session.globals.json) {
    print_json(to_json(*info));
  } else {
    fmt::print("{}: searched with the model {}, no vectors of another one are kept\n", info->spec.name,
               info->spec.space.model);
  }
  return kDone;
}

Result<int> run(const Session& session, MigrateOptions options) {
  const auto steps = {options.prepare || !options.request.model.empty(),
                      options.switch_over,
                      options.rollback,
                      options.cancel,
                      options.finish,
                      options.compare};
  if (std::ranges::count(steps, true) != 1) {
    return fail(ErrorCode::invalid_argument,
                "one step is expected: --model MODEL (with or without --prepare), --compare, --switch, --rollback, "
                "--cancel or --finish");
  }
  using Step = MigrateRequest::Step;
  if (options.compare) return run_compare(session, options);
  if (options.cancel || options.finish) return run_end(session, options);
  if (options.prepare) options.request.step = Step::prepare;
  if (options.switch_over) options.request.step = Step::switch_over;
  if (options.rollback) options.request.step = Step::rollback;
  return run_migrate(session, options);
}

}  // namespace

void add_migrate_command(CLI::App& collections, Session& session) {
  auto* app = collections.add_subcommand("migrate", "Change a collection's model while it is searched and written to")
                  ->fallthrough();
  auto options = std::make_shared<MigrateOptions>();
  auto& request = options->request;
  auto& comparison = options->comparison;
  app->add_option("NAME,-c,--collection", options->collection, "the collection")->type_name("NAME")->required();
  app->add_option("--model", request.model,
                  "make vectors of this model, a bundle name, folder or file, and switch to it")
      ->type_name("BUNDLE");
  app->add_flag("--prepare", options->prepare, "with --model: make the vectors only; --switch comes later");
  app->add_flag("--compare", options->compare, "show what both models find");
  app->add_flag("--switch", options->switch_over, "switch to the model whose vectors are made");
  app->add_flag("--rollback", options->rollback, "within the time of grace: back to the model before");
  app->add_flag("--cancel", options->cancel, "before the switch: leave all as it was");
  app->add_flag("--finish", options->finish, "after the switch: give up the vectors of the model before now");
  app->add_flag("--drop-failed", request.drop_failed,
                "remove items that cannot be embedded, when it is switched (default: do not switch)");
  const std::map<std::string, std::uint64_t> units = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86'400}};
  app->add_option("--grace", request.grace_s,
                  "how long the old vectors are kept for --rollback, 0s for not at all (default: 7d)")
      ->transform(CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::CASE_SENSITIVE, "").description(""))
      ->type_name("TIME");
  app->add_option("--sample", comparison.sample, "--compare: items searched with (default: 100)")
      ->type_name("N")
      ->check(CLI::Range(1U, kMaxCompared).description(""));
  app->add_option("--seed", comparison.seed, "--compare: of which items these are (default: 1)")->type_name("N");
  app->add_option("--label", comparison.label, "--compare: measure both by this metadata field too, or @folder")
      ->type_name("FIELD");
  app->callback([=, &session] { session.command = [=, &session] { return run(session, *options); }; });
}

}  // namespace eidetic
