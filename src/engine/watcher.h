// Follows folders for changes, through inotify and by looking again from time to time, and says which collection has
// to be indexed again.
//
// Thread-safe; one thread of its own, joined by the destructor.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "eidetic/error.h"

#include "base/file.h"
#include "base/threads.h"

namespace eidetic {

// Which folder a path leads to: device and inode.
using FolderIdentity = std::pair<std::uint64_t, std::uint64_t>;
[[nodiscard]] std::optional<FolderIdentity> folder_identity(const std::filesystem::path& folder);

struct WatchedFolder {
  std::filesystem::path path;
  FolderIdentity identity;  // as it was when the change was seen
};

class Watcher {
 public:
  // Told, on the watcher's thread, that something may have changed under these folders of the collection; all are
  // there.
  using Changed = std::function<void(const std::string& collection, const std::vector<WatchedFolder>& folders)>;

  // All folders are looked at once at the start, and then every `rescan_s`.
  Watcher(double rescan_s, Changed changed);
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  ~Watcher();

  // Replaces what is watched for a collection, absolute paths; none: nothing.
  void set(const std::string& collection, std::vector<std::filesystem::path> folders);

 private:
  using Clock = std::chrono::steady_clock;
  struct Watched {
    std::vector<std::filesystem::path> folders;
    std::optional<Clock::time_point> due = Clock::now();  // of telling; none: nothing has changed
    Clock::time_point first_change = {};
    std::map<std::filesystem::path, FolderIdentity> filled;  // folders that had something in them, as they were then
    std::set<std::filesystem::path> missing = {};            // that were told of as missing or empty
  };

  void run();
  void rebuild_watches();
  // Watches a folder and those below it, links followed.
  void add_watches(const std::filesystem::path& folder);
  void read_events();
  void take_event(int descriptor, std::uint32_t mask, const char* name);
  // With mutex_ held: collections that watch a folder above the path are due soon.
  void mark(const std::filesystem::path& path);
  void mark_all();
  void tell_due();
  // Of those folders, which to index: those that are there and have not been unmounted, as far as can be told.
  [[nodiscard]] std::vector<WatchedFolder> present(const std::string& collection, Watched& watched) const;
  [[nodiscard]] int wait_ms();
  void interrupt() const;

  const Clock::duration rescan_;
  const Changed changed_;
  File inotify_, wake_;
  bool limit_told_ = false;  // that there are more folders than may be watched
  Clock::time_point next_rescan_;
  std::unordered_map<int, std::filesystem::path> paths_;  // by watch descriptor
  std::mutex mutex_;
  bool stopping_ = false;
  bool changed_list_ = false;
  std::map<std::string, Watched> watched_;
  std::unique_ptr<ThreadPool> pool_;  // last: joins before the rest goes
};

}  // namespace eidetic
