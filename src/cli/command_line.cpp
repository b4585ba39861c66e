#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <span>
#include <string_view>

#include "base/log.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/session.h"

namespace eidetic {
namespace {

EmbedderOptions::Arithmetic arithmetic_of(std::string_view name) {
  using Arithmetic = EmbedderOptions::Arithmetic;
  return name == "f32" ? Arithmetic::f32 : name == "bf16" ? Arithmetic::bf16 : Arithmetic::automatic;
}

void add_globals(CLI::App& root, Globals& globals) {
  root.add_option("--data", globals.data_dir, "data folder (default: $XDG_DATA_HOME/eidetic or ~/.local/share/eidetic)")
      ->type_name("DIR");
  root.add_option("--server", globals.server, "work through this server instead of a data folder (or $EIDETIC_SERVER)")
      ->type_name("URL");
  root.add_option("--token", globals.token, "token for the server (or $EIDETIC_TOKEN); other users can see it here")
      ->type_name("TOKEN");
  root.add_option("--token-file", globals.token_file, "file whose first line is the token")->type_name("FILE");
  root.add_option("--ca-file", globals.ca_file, "certificates to believe a server by (default: the system's)")
      ->type_name("FILE");
  root.add_option("--backend", globals.backend,
                  "where new collections live: embedded, in the data folder, or a search engine, as "
                  "opensearch://host:9200 (or $EIDETIC_BACKEND_URL)")
      ->type_name("URL");
  root.add_flag("--json", globals.json, "print one JSON document");
  root.add_flag("--verbose", globals.verbose, "print log lines and timings on standard error");
  root.add_option("--threads", globals.threads, "threads to work with (default: one a core)")
      ->type_name("N")
      ->check(CLI::Range(1U, 1024U).description(""));
  root.add_option_function<std::string>(
          "--precision", [&globals](const std::string& name) { globals.arithmetic = arithmetic_of(name); },
          "arithmetic of models: auto, f32 or bf16 (default: auto)")
      ->type_name("NAME")
      ->check(CLI::IsMember({"auto", "f32", "bf16"}).description(""));
  root.set_version_flag("--version", "eidetic " EIDETIC_VERSION, "print the version");
}

void add_commands(CLI::App& root, Session& session) {
  add_index_command(root, session);
  add_search_command(root, session);
  add_collections_command(root, session);
  add_items_command(root, session);
  add_models_command(root, session);
  add_datasets_command(root, session);
  add_run_command(root, session);
  add_train_command(root, session);
  add_jobs_command(root, session);
  add_embed_command(root, session);
  add_classify_command(root, session);
  add_classifiers_command(root, session);
  add_calibrate_command(root, session);
  add_regions_command(root, session);
  add_duplicates_command(root, session);
  add_eval_command(root, session);
  add_inspect_command(root, session);
  add_backends_command(root, session);
  add_backup_command(root, session);
  add_bench_command(root, session);
  add_serve_command(root, session);
  add_doctor_command(root, session);
  add_completion_command(root, session);
}

// The innermost subcommand that the arguments chose.
const CLI::App& chosen_app(const CLI::App& root) {
  const CLI::App* app = &root;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return *app;
}

// What the first argument that nothing expects might have been meant to be.
std::string explain_extra(const CLI::App& root, const std::string& word) {
  const CLI::App& app = chosen_app(root);
  std::vector<std::string> known;
  if (word.starts_with("-")) {
    for (const CLI::App* level : {&app, &root}) {
      for (const auto* option : level->get_options()) {
        for (const auto& name : option->get_lnames()) known.push_back("--" + name);
      }
    }
    const std::string option = word.substr(0, word.find('='));
    return fmt::format("unknown option '{}'{}", option, did_you_mean(option, known));
  }
  for (const auto* subcommand : app.get_subcommands({})) known.push_back(subcommand->get_name());
  if (known.empty()) return fmt::format("unexpected argument '{}'", word);
  return fmt::format("unknown command '{}'{}", word, did_you_mean(word, known));
}

int report_parse_error(const CLI::App& root, const CLI::ParseError& error, bool json) {
  std::string message = error.what();
  // A word that nothing expects explains more than what is missing because of it.
  if (const auto extras = root.remaining(true); !extras.empty()) {
    message = explain_extra(root, extras.front());
  } else if (dynamic_cast<const CLI::RequiredError*>(&error) && !chosen_app(root).get_subcommands({}).empty()) {
    message = "a command is missing";
  }
  std::string command = "eidetic";
  for (const CLI::App* app = &root; !app->get_subcommands().empty();) {
    app = app->get_subcommands().front();
    command += ' ' + app->get_name();
  }
  return report_error(json, {ErrorCode::invalid_argument, fmt::format("{} (see {} --help)", message, command)});
}

// A full disk or a closed pipe under standard output is found out here.
int flushed(int status, bool json) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
  return report_error(json, {ErrorCode::unavailable, "cannot write to standard output"});
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
  // A file that grows past its limit is an error of that write, as a full disk is, and not the end of the process.
  std::signal(SIGXFSZ, SIG_IGN);
  Session session;
  CLI::App root("Eidetic: search pictures by what they show.", "eidetic");
  root.require_subcommand(1);
  root.option_defaults()->always_capture_default(false);
  add_globals(root, session.globals);
  root.footer("Options of every command: eidetic --help");
  add_commands(root, session);  // the footer is theirs from here on
  root.footer("Exit status: 0 done, 1 failed, 2 bad arguments, 3 done but some items failed.");

  const auto arguments = std::span(argv, static_cast<std::size_t>(argc));
  // Known before parsing, so that a mistake among the arguments is answered in JSON too.
  const bool json = std::ranges::find(arguments, std::string_view("--json")) != arguments.end();
  try {
    root.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    root.exit(help_or_version);
    return flushed(kDone, false);
  } catch (const CLI::ParseError& error) {
    return flushed(report_parse_error(root, error, json), false);
  }
  set_log_level(session.globals.verbose ? LogLevel::info : LogLevel::warning);
  const Result<int> status = session.command();
  return flushed(status ? *status : report_error(session.globals.json, status.error()), session.globals.json);
}

}  // namespace eidetic
