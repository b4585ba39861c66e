// eidetic duplicates -c NAME
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/interruption.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/terminal.h"

namespace eidetic {
namespace {

struct DuplicatesOptions {
  std::string collection;
  std::string verify = "unsure";
  bool extra = false;
  DuplicatesRequest request;
};

void print_groups(const DuplicatesReport& report) {
  Table table({{.title = "", .right_aligned = true},
               {.title = "id", .least = 16, .cut = Cut::head},
               {.title = "picture", .optional = true},
               {.title = "size", .right_aligned = true, .optional = true},
               {.title = "similarity", .right_aligned = true},
               {.title = "copy", .right_aligned = true},
               {.title = "judged by"}});
  std::size_t number = 0;
  for (const DuplicateGroup& group : report.found) {
    ++number;
    for (const auto& member : group.members) {
      const bool keep = &member == group.members.data();
      const bool centre = member.id == group.centre;
      table.add({keep ? std::to_string(number) : "", member.id,
                 member.width > 0 ? fmt::format("{} x {}", member.width, member.height) : "",
                 member.size_bytes > 0 ? human_bytes(member.size_bytes) : "",
                 centre ? "" : fmt::format("{:.4f}", member.similarity),
                 centre ? "" : fmt::format("{:.2f}", member.copy_score),
                 centre ? "centre" : std::string(to_string(member.evidence))});
    }
  }
  if (!report.found.empty()) table.print();
}

std::string summary(const DuplicatesReport& report) {
  std::string line = fmt::format("{}: {} duplicates in {} groups among {} items, {} of them the same bytes",
                                 report.collection, report.duplicates, report.groups, report.items, report.exact);
  line +=
      fmt::format("; {} pairs judged, {} by their pixels, in {:.1f} s", report.pairs, report.verified, report.seconds);
  if (report.unreadable > 0) line += fmt::format("; {} pictures could not be read", report.unreadable);
  return line;
}

Result<int> run_duplicates(const Session& session, const DuplicatesOptions& options) {
  DuplicatesRequest request = options.request;
  EIDETIC_TRY(request.verify, parse_verify(options.verify));
  if (options.extra) request.limit = kMaxDuplicateGroups;
  const Interruption interruption;
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  const auto report = [&] {
    std::optional<Progress> bar;
    std::string stage;
    return engine->duplicates(
        options.collection, request,
        [&](const DuplicatesProgress& now) {
          if (!bar || stage != now.stage) bar.emplace(now.stage, now.stage == "pictures" ? "pairs" : "items");
          stage = now.stage;
          bar->update({.total = now.total, .done = now.done});
        },
        interruption.token());
  }();
  if (!report && interruption.token().stop_requested()) {
    return interruption.told("stopped");
  }
  EIDETIC_CHECK(report);
  if (options.extra) {
    // As they are, for scripts.
    for (const DuplicateGroup& group : report->found) {
      for (const auto& member : std::span(group.members).subspan(1)) fmt::print("{}\n", member.id);
    }
  } else if (session.globals.json) {
    print_json(to_json(*report));
    return kDone;
  } else {
    print_groups(*report);
    fmt::print("{}\n", summary(*report));
  }
  if (report->groups > report->found.size()) {
    print_note(fmt::format("{} of {} groups are shown", report->found.size(), report->groups));
  }
  return kDone;
}

}  // namespace

void add_duplicates_command(CLI::App& root, Session& session) {
  auto* app = root.add_subcommand("duplicates", "Find copies among the pictures of a collection, edited ones too")
                  ->fallthrough();
  auto options = std::make_shared<DuplicatesOptions>();
  app->add_option("-c,--collection", options->collection, "collection to look through")->type_name("NAME")->required();
  app->add_option("--min-score", options->request.min_copy_score,
                  "least chance that two pictures are copies, 0 to 1 (default: 0.5)")
      ->type_name("S")
      ->check(CLI::Range(0.0, 1.0).description(""));
  app->add_option("--verify", options->verify,
                  "pairs whose pixels are compared: never, unsure or always (default: unsure)")
      ->type_name("WHICH");
  app->add_option("--filter", options->request.filter, "only items whose metadata it matches")->type_name("EXPR");
  app->add_option("--neighbors", options->request.neighbors, "nearest items of each that are judged (default: 10)")
      ->type_name("K")
      ->check(CLI::Range(1U, kMaxDuplicateNeighbors).description(""));
  app->add_option("--limit", options->request.limit, "groups shown, the largest first (default: 1000)")
      ->type_name("N")
      ->check(CLI::Range(1U, kMaxDuplicateGroups).description(""));
  app->add_flag("--extra", options->extra, "print only the ids that are not to be kept, one a line");
  app->callback([=, &session] { session.command = [=, &session] { return run_duplicates(session, *options); }; });
}

}  // namespace eidetic
