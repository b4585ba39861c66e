// eidetic backup FOLDER, eidetic restore URI FOLDER
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "blobs/listing.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/session.h"
#include "s3/place.h"

namespace eidetic {
namespace {

Result<int> run_backup(const Session& session, const std::filesystem::path& given) {
  EIDETIC_TRY(const auto remote, remote_options(session.globals));
  const bool s3 = is_s3_uri(given.native());
  if (remote && s3) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}': a server has its own place for backups, paths.backup; give a name in there",
                            given.native()));
  }
  const auto folder = s3 ? given : absolute_path(given);
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

Result<int> run_restore(const Session& session, const std::string& from, const std::filesystem::path& folder) {
  EIDETIC_TRY(const auto s3, read_s3_options());
  EIDETIC_CHECK(restore_backup(from, folder, s3));
  const auto made = absolute_path(folder).native();
  if (session.globals.json) {
    print_json({{"folder", made}});
  } else {
    fmt::print("the backup is restored; it is a data folder: --data {}\n", made);
  }
  return kDone;
}

}  // namespace

void add_backup_command(CLI::App& root, Session& session) {
  auto* app = root.add_subcommand("backup", "Copy the data folder while everything goes on")->fallthrough();
  auto folder = std::make_shared<std::filesystem::path>();
  app->add_option("FOLDER", *folder,
                  "the folder to make, or s3://bucket/prefix; of a server a name in its backup folder")
      ->type_name("")
      ->required();
  app->callback([=, &session] { session.command = [=, &session] { return run_backup(session, *folder); }; });

  auto* restore = root.add_subcommand("restore", "Fetch a backup from S3 as a data folder")->fallthrough();
  auto from = std::make_shared<std::string>();
  auto to = std::make_shared<std::filesystem::path>();
  restore->add_option("FROM", *from, "where backup put it: s3://bucket/prefix")->type_name("")->required();
  restore->add_option("FOLDER", *to, "the data folder to make")->type_name("")->required();
  restore->callback([=, &session] { session.command = [=, &session] { return run_restore(session, *from, *to); }; });
}

}  // namespace eidetic
