// eidetic backup FOLDER
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "blobs/listing.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/session.h"

namespace eidetic {
namespace {

Result<int> run_backup(const Session& session, const std::filesystem::path& given) {
  EIDETIC_TRY(const auto remote, remote_options(session.globals));
  const auto folder = absolute_path(given);
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_CHECK(engine->backup(folder));
  const std::string made = remote ? folder.filename().native() : folder.native();
  if (session.globals.json) {
    print_json({{"backup", made}});
  } else {
    fmt::print("the backup is complete: {}{}\n", made, remote ? ", in the backup folder of the server" : "");
  }
  return kDone;
}

}  // namespace

void add_backup_command(CLI::App& root, Session& session) {
  auto* app = root.add_subcommand("backup", "Copy the data folder while everything goes on")->fallthrough();
  auto folder = std::make_shared<std::filesystem::path>();
  app->add_option("FOLDER", *folder, "the folder to make; of a server the last part of its name, in its backup folder")
      ->type_name("")
      ->required();
  app->callback([=, &session] { session.command = [=, &session] { return run_backup(session, *folder); }; });
}

}  // namespace eidetic
