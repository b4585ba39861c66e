// eidetic serve [--config FILE]
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/interruption.h"
#include "cli/report.h"
#include "cli/session.h"
#include "server/access_log.h"
#include "server/config.h"
#include "server/server.h"

namespace eidetic {
namespace {

struct ServeOptions {
  std::optional<std::filesystem::path> config;
  std::optional<std::uint16_t> port;
  std::optional<std::string> store;
  bool check = false;
};

// The command line over environment and file, where it says something.
Result<ServerConfig> configuration(const Globals& globals, const ServeOptions& options) {
  EIDETIC_TRY(ServerConfig config, load_config(options.config, process_environment()));
  if (!globals.data_dir.empty() || config.data.folder.empty()) {
    EIDETIC_TRY(config.data.folder, data_folder(globals));
  }
  if (options.port) config.listen.port = *options.port;
  if (!globals.backend.empty()) config.backend.url = globals.backend == kEmbeddedBackend ? "" : globals.backend;
  if (options.store) config.s3.store = *options.store;
  if (globals.threads > 0) config.engine.threads = globals.threads;
  return config;
}

Result<int> run_serve(const Session& session, const ServeOptions& options) {
  EIDETIC_TRY(const ServerConfig config, configuration(session.globals, options));
  if (options.check) {
    print_note("the configuration is valid");
    return kDone;
  }
  const auto level = parse_log_level(config.log.level);  // checked when it was read
  set_log_level(session.globals.verbose ? LogLevel::debug : level.value_or(LogLevel::info));
  set_log_format(config.log.format == "json" ? LogFormat::json : LogFormat::text);
  const Interruption interruption;
  EIDETIC_CHECK(serve(config, interruption.token(), [&](const std::string& url) {
    if (config.auth.tokens.empty()) print_note("no token is set: whoever reaches this address may do everything");
    print_note(fmt::format("listening on {}", url));
  }));
  return kDone;
}

}  // namespace

void add_serve_command(CLI::App& root, Session& session) {
  auto* app = root.add_subcommand("serve", "Serve the data folder over HTTP")->fallthrough();
  auto options = std::make_shared<ServeOptions>();
  app->add_option("--config", options->config, "TOML file; every key has a default (docs/configuration.md)")
      ->type_name("FILE");
  app->add_option("--port", options->port, "listen on this port; 0: any free one")->type_name("N");
  app->add_option("--store", options->store,
                  "keep stored pictures and thumbnails below s3://bucket/prefix, where other servers share them")
      ->type_name("URI");
  app->add_flag("--check", options->check, "check the configuration and end");
  app->callback([=, &session] { session.command = [=, &session] { return run_serve(session, *options); }; });
}

}  // namespace eidetic
