// eidetic run FILE.toml
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <optional>

#include "eidetic/recipe.h"

#include "cli/commands.h"
#include "cli/interruption.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/terminal.h"

namespace eidetic {
namespace {

// A word as a shell takes it.
std::string quoted(const std::string& word) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_./:@%+=,").contains(c);
  };
  if (!word.empty() && std::ranges::all_of(word, plain)) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string(R"('\'')") : std::string(1, c);
  return text + "'";
}

// How the same collection is reached again.
Result<std::string> program(const Globals& globals) {
  EIDETIC_TRY(const auto remote, remote_options(globals));
  if (remote) return fmt::format("eidetic --server {}", quoted(remote->url));
  if (globals.data_dir.empty()) return "eidetic";
  return fmt::format("eidetic --data {}", quoted(std::filesystem::absolute(globals.data_dir).lexically_normal()));
}

Json to_json(const RecipeReport& report) {
  Json steps = Json::array();
  for (const RecipeStep& step : report.steps) {
    steps.push_back({{"step", step.name}, {"skipped", step.skipped}, {"text", step.text}, {"seconds", step.seconds}});
  }
  const bool judged = report.judged > 0;
  return {{"collection", report.collection},
          {"steps", std::move(steps)},
          {"page", report.page},
          {"report", report.report},
          {"searches", report.searches},
          {"judged", report.judged},
          {"k", report.k},
          {"p_at_1", judged ? Json(report.p_at_1) : Json()},
          {"p_at_k", judged ? Json(report.p_at_k) : Json()},
          {"plain_p_at_1", report.plain_p_at_1 ? Json(*report.plain_p_at_1) : Json()},
          {"plain_p_at_k", report.plain_p_at_k ? Json(*report.plain_p_at_k) : Json()},
          {"median_ms", report.median_ms},
          {"classifier", report.classifier ? to_json(*report.classifier) : Json()},
          {"calibration", report.calibration ? to_json(*report.calibration, report.collection) : Json()},
          {"failed", report.failed},
          {"errors", to_json(std::span(report.errors))},
          {"interrupted", report.interrupted}};
}

// The progress of the step at hand, and a line for each that is done.
class Steps {
 public:
  explicit Steps(bool lines) : lines_(lines) {}

  void progress(const RecipeProgress& now) {
    if (now.step != step_ || !bar_) {
      step_ = now.step;
      start_ = std::chrono::steady_clock::now();
      bar_.emplace(now.step, now.unit == "bytes" ? "MB" : now.unit);
    }
    constexpr std::uint64_t kMega = 1'000'000;
    const std::uint64_t unit = now.unit == "bytes" ? kMega : 1;
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
    bar_->update({.total = (now.total + unit - 1) / unit,
                  .done = now.done / unit,
                  .failed = now.failed,
                  .seconds = passed.count()});
  }
  void done(const RecipeStep& step) {
    bar_.reset();
    if (!lines_) return;
    fmt::print("{}: {}{}\n", step.name, printable(step.text),
               step.skipped ? "" : fmt::format(" ({:.1f} s)", step.seconds));
    // Whoever reads a pipe sees each step as it is done, too.
    (void)std::fflush(stdout);
  }
  void clear() { bar_.reset(); }

 private:
  bool lines_;
  std::string step_;
  std::chrono::steady_clock::time_point start_;
  std::optional<Progress> bar_;
};

Result<int> run_run(const Session& session, const std::filesystem::path& file) {
  // What is wrong with the file is told before anything is opened.
  EIDETIC_TRY(const Recipe recipe, read_recipe(file));
  RecipeOptions options;
  if (!recipe.data.dataset.empty()) {
    EIDETIC_TRY(options.data_dir, data_folder(session.globals));
  }
  EIDETIC_TRY(options.command, program(session.globals));
  Steps steps(!session.globals.json);
  options.progress = [&](const RecipeProgress& now) { steps.progress(now); };
  options.done = [&](const RecipeStep& step) { steps.done(step); };
  const Interruption interruption;
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  const auto report = run_recipe(*engine, recipe, options, interruption.token());
  steps.clear();
  if (!report) return std::unexpected(report.error());
  if (session.globals.json) {
    print_json(to_json(*report));
  } else {
    print_item_errors(report->errors);
  }
  if (report->interrupted) {
    return interruption.told("stopped; what is done is kept, and the same command goes on from there");
  }
  if (!session.globals.json) fmt::print("page: {}\n", printable(report->page.native()));
  return report->failed > 0 ? kSomeFailed : kDone;
}

}  // namespace

void add_run_command(CLI::App& root, Session& session) {
  auto* app =
      root.add_subcommand("run", "Do what a recipe says: data, index, classes, sample searches, a page")->fallthrough();
  auto file = std::make_shared<std::filesystem::path>();
  app->add_option("FILE", *file, "the recipe, in TOML")->type_name("")->required();
  app->callback([=, &session] { session.command = [=, &session] { return run_run(session, *file); }; });
}

}  // namespace eidetic
