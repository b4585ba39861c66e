// One run of `eidetic`: the options that every command has, and how a command opens the engine. Used by one thread.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "eidetic/engine.h"
#include "eidetic/error.h"

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
};

struct Session {
  Globals globals;
  std::function<Result<int>()> command;  // what the chosen subcommand does; gives the exit status
};

// invalid_argument where neither --data nor the environment names a folder.
[[nodiscard]] Result<std::filesystem::path> data_folder(const Globals& globals);
[[nodiscard]] Result<std::unique_ptr<Engine>> open_engine(const Globals& globals);
// The folders where bundles are looked up by name, the data folder's first.
[[nodiscard]] Result<std::vector<std::filesystem::path>> model_folders(const Globals& globals);

}  // namespace eidetic
