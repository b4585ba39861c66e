// eidetic eval -c NAME --label FIELD
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/table.h"

namespace eidetic {
namespace {

struct EvalOptions {
  std::string collection;
  std::string label;
  std::vector<std::uint32_t> recall = {1, 5, 10};
};

Result<int> run_eval(const Session& session, const EvalOptions& options) {
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const EvalReport report, engine->evaluate(options.collection, options.label, options.recall));
  if (session.globals.json) {
    print_json(to_json(report, options.collection));
    return kDone;
  }
  fmt::print("{} by '{}': {} queries, {} classes, {} without a label\n", options.collection, report.label,
             report.queries, report.classes, report.unlabelled);
  Table table({{.title = "measure"}, {.title = "value", .right_aligned = true}});
  const auto add = [&](std::string name, double value) { table.add({std::move(name), fmt::format("{:.4f}", value)}); };
  add("P@1", report.p_at_1);
  add("P@10", report.p_at_10);
  add("mAP", report.map);
  for (const auto& [k, share] : report.recall_at) add(fmt::format("recall@{}", k), share);
  table.print();
  return kDone;
}

}  // namespace

void add_eval_command(CLI::App& root, Session& session) {
  auto* app =
      root.add_subcommand("eval", "Measure how well a collection finds pictures of the same label, leave-one-out")
          ->fallthrough();
  auto options = std::make_shared<EvalOptions>();
  app->add_option("-c,--collection", options->collection, "collection to measure")->type_name("NAME")->required();
  app->add_option("--label", options->label, "metadata field that holds the label")->type_name("FIELD")->required();
  app->add_option("--recall", options->recall, "the k of recall@k (default: 1,5,10)")
      ->type_name("K,…")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(1U, kMaxK).description(""));
  app->callback([=, &session] { session.command = [=, &session] { return run_eval(session, *options); }; });
}

}  // namespace eidetic
