// eidetic eval -c NAME --label FIELD
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <array>

#include "base/csv.h"
#include "base/file.h"
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
  std::filesystem::path csv;
};

// A row a class, the worst first, after one of all.
Result<void> write_csv(const EvalReport& report, const std::filesystem::path& file) {
  std::string text = "class,queries";
  for (const auto& [name, measure] : kRetrievalMeasures) text += fmt::format(",{}", name);
  const auto add = [&](std::string_view name, std::uint64_t queries, const RetrievalMeasures& of) {
    text += fmt::format("\n{},{}", csv_field(name), queries);
    for (const auto& [unused, measure] : kRetrievalMeasures) text += fmt::format(",{}", of.*measure);
  };
  add("", report.queries, report.mean);
  for (const auto& [name, queries, mean] : report.by_class) add(name, queries, mean);
  return write_file_atomically(file, text + "\n");
}

Result<int> run_eval(const Session& session, const EvalOptions& options) {
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const EvalReport report, engine->evaluate(options.collection, options.label, options.recall));
  if (!options.csv.empty()) EIDETIC_CHECK(write_csv(report, options.csv));
  if (session.globals.json) {
    print_json(to_json(report, options.collection));
    return kDone;
  }
  fmt::print("{} by '{}': {} queries, {} classes, {} without a label\n", options.collection, report.label,
             report.queries, report.classes, report.unlabelled);
  Table table({{.title = "measure"}, {.title = "value", .right_aligned = true}, {.title = "±", .right_aligned = true}});
  const auto add = [&](std::string name, double value, std::string margin = "") {
    table.add({std::move(name), fmt::format("{:.4f}", value), std::move(margin)});
  };
  constexpr std::array kTitles = {"P@1", "P@10", "R-precision", "mAP", "MAP@R", "MRR"};
  for (std::size_t i = 0; i < kRetrievalMeasures.size(); ++i) {
    const auto measure = kRetrievalMeasures[i].second;
    add(kTitles[i], report.mean.*measure, fmt::format("{:.4f}", report.margin.*measure));
  }
  for (const auto& [k, share] : report.recall_at) add(fmt::format("recall@{}", k), share);
  add("NMI", report.nmi);
  add("AMI", report.ami);
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
  app->add_option("--csv", options->csv, "write the measures of each class to it, the worst first")->type_name("FILE");
  app->callback([=, &session] { session.command = [=, &session] { return run_eval(session, *options); }; });
}

}  // namespace eidetic
