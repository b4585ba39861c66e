// eidetic regions PLAN -c NAME
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/interruption.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/terminal.h"

namespace eidetic {
namespace {

struct RegionsOptions {
  std::string collection;
  std::string plan;
};

Result<int> run_regions(const Session& session, const RegionsOptions& options) {
  const Interruption interruption;
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  const auto report = [&] {
    Progress bar("regions", "images");
    return engine->set_regions(
        options.collection, options.plan,
        [&](const IndexProgress& now) {
          bar.update({.total = now.total, .done = now.done, .failed = now.failed, .seconds = now.seconds});
        },
        interruption.token());
  }();
  EIDETIC_CHECK(report);
  if (session.globals.json) {
    print_json({{"collection", report->collection},
                {"plan", options.plan},
                {"indexed", report->indexed},
                {"skipped", report->skipped},
                {"failed", report->failed},
                {"errors", to_json(std::span(report->errors))},
                {"seconds", report->seconds},
                {"images_per_s", report->images_per_s},
                {"interrupted", report->interrupted}});
  } else if (options.plan == "none") {
    fmt::print("{}: no regions\n", report->collection);
  } else {
    fmt::print("{}: {} items got regions, {} as they were, {} failed in {:.1f} s\n", report->collection,
               report->indexed, report->skipped, report->failed, report->seconds);
    print_item_errors(report->errors);
  }
  if (report->interrupted) {
    return interruption.told("stopped; what is done is kept, and the same command goes on from there");
  }
  return report->failed > 0 ? kSomeFailed : kDone;
}

}  // namespace

void add_regions_command(CLI::App& root, Session& session) {
  auto* app = root.add_subcommand("regions", "Choose the parts of pictures that a collection is searched by, too")
                  ->fallthrough();
  auto options = std::make_shared<RegionsOptions>();
  app->add_option("PLAN", options->plan, "none, multi, or tiles such as 2x3: rows x columns")
      ->type_name("")
      ->required();
  app->add_option("-c,--collection", options->collection, "collection whose pictures get regions")
      ->type_name("NAME")
      ->required();
  app->callback([=, &session] { session.command = [=, &session] { return run_regions(session, *options); }; });
}

}  // namespace eidetic
