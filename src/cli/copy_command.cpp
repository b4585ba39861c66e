// eidetic collections copy NAME --to URL|embedded [--as NAME]
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/interruption.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/session.h"

namespace eidetic {
namespace {

struct CopyOptions {
  std::string collection;
  CopyRequest request;
};

Json to_json(const CopyReport& report, const std::string& from) {
  return {{"from", from},
          {"collection", to_json(report.collection)},
          {"items", report.items},
          {"copied", report.copied},
          {"removed", report.removed},
          {"passes", report.passes},
          {"searches", report.searches},
          {"agreement", report.agreement},
          {"notes", report.notes},
          {"seconds", report.seconds},
          {"interrupted", report.interrupted}};
}

Result<int> run_copy(const Session& session, const CopyOptions& options) {
  const Interruption interruption;
  // The place is one that the data folder knows from now on.
  Globals globals = session.globals;
  EIDETIC_TRY(const auto remote, remote_options(globals));
  if (!remote && globals.backend.empty() && options.request.to != kEmbeddedBackend)
    globals.backend = options.request.to;
  EIDETIC_TRY(const auto engine, open_engine(globals));
  const auto report = [&] {
    Progress bar("copying", "items");
    return engine->copy_collection(
        options.collection, options.request,
        [&](const IndexProgress& now) {
          bar.update({.total = now.total, .done = now.done, .failed = now.failed, .seconds = now.seconds});
        },
        interruption.token());
  }();
  EIDETIC_CHECK(report);
  if (session.globals.json) {
    print_json(to_json(*report, options.collection));
  } else {
    const auto& copy = report->collection;
    fmt::print("{}: {} items copied to {}, {} there, {} removed in {:.1f} s\n", options.collection, report->copied,
               copy.backend, copy.items, report->removed, report->seconds);
    if (report->searches > 0) {
      fmt::print("{} searches find {:.1f} % of the same items there\n", report->searches, 100 * report->agreement);
    }
    for (const auto& note : report->notes) print_note(note);
  }
  if (report->interrupted) {
    return interruption.told("stopped; what is copied is kept, and the same command goes on from there");
  }
  return kDone;
}

}  // namespace

void add_copy_command(CLI::App& collections, Session& session) {
  auto* app =
      collections.add_subcommand("copy", "Copy a collection into another backend, while it is in use")->fallthrough();
  auto options = std::make_shared<CopyOptions>();
  auto& request = options->request;
  app->add_option("NAME,-c,--collection", options->collection, "the collection, which stays as it is")
      ->type_name("NAME")
      ->required();
  app->add_option("--to", request.to, "embedded, in the data folder, or a search engine, as opensearch://host:9200")
      ->type_name("URL")
      ->required();
  app->add_option("--as", request.name, "name the copy so (default: as it is)")->type_name("NAME");
  app->add_option("--index", request.index, "the copy's index (default: the same where that is possible, else auto)")
      ->type_name("KIND");
  app->add_option("--searches", request.searches, "compare so many searches at the end (default: 100)")->type_name("N");
  app->add_option("--agreement", request.min_agreement,
                  "share of the 10 nearest that these have to have in common (default: 0.9)")
      ->type_name("X");
  app->callback([=, &session] { session.command = [=, &session] { return run_copy(session, *options); }; });
}

}  // namespace eidetic
