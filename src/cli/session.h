// One run of `eidetic`: the options that every command has, and how a command opens the engine. Used by one thread.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/engine.h"
#include "eidetic/error.h"

#include "remote/remote.h"

namespace eidetic {

// Exit statuses; a run stopped by a signal ends with 128 + its number.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kBadArguments = 2;  // the command line, or something it names, is not valid
inline constexpr int kSomeFailed = 3;    // done, but some items failed

struct Globals {
  std::filesystem::path data_dir;  // empty: $XDG_DATA_HOME/eidetic, else ~/.local/share/eidetic
  bool json = false;
  bool verbose = false;
  unsigned threads = 0;  // 0: one a core
  EmbedderOptions::Arithmetic arithmetic = EmbedderOptions::Arithmetic::automatic;
  // Where set, in place of a data folder: else $EIDETIC_SERVER counts, unless --data is given.
  std::string server;
  std::string token;                 // or from a file, or $EIDETIC_TOKEN
  std::filesystem::path token_file;  // its first line
  std::filesystem::path ca_file;
  // Where collections are made: kEmbeddedBackend, or the URL of a search engine; else $EIDETIC_BACKEND_URL.
  std::string backend;
};

struct Session {
  Globals globals;
  std::function<Result<int>()> command;  // what the chosen subcommand does; gives the exit status
};

// The server to work through; nullopt: a data folder of this machine. invalid_argument for options that do not go
// together.
[[nodiscard]] Result<std::optional<RemoteOptions>> remote_options(const Globals& globals);
// For what only this machine can do: invalid_argument where a server is to be used.
[[nodiscard]] Result<void> refuse_server(const Globals& globals, std::string_view what);

// invalid_argument where neither --data nor the environment names a folder.
[[nodiscard]] Result<std::filesystem::path> data_folder(const Globals& globals);
// That of the data folder, or the server's.
[[nodiscard]] Result<std::unique_ptr<Engine>> open_engine(const Globals& globals);
// The folders where bundles are looked up by name, the data folder's first.
[[nodiscard]] Result<std::vector<std::filesystem::path>> model_folders(const Globals& globals);

}  // namespace eidetic
