#include "engine/watcher.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>
#include <system_error>

#include "base/log.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

constexpr auto kQuiet = std::chrono::milliseconds(500);  // changes come in crowds: until none has come for so long
constexpr auto kPatience = std::chrono::seconds(5);      // but no longer than this after the first
constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                  IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK;

bool lies_under(const fs::path& path, const fs::path& folder) {
  return std::ranges::mismatch(folder, path).in1 == folder.end();
}

bool is_empty_folder(const fs::path& folder) {
  std::error_code error;
  const bool empty = fs::directory_iterator(folder, error) == fs::directory_iterator();
  return empty && !error;
}

}  // namespace

std::optional<FolderIdentity> folder_identity(const fs::path& folder) {
  struct stat status{};
  if (::stat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return std::nullopt;
  return FolderIdentity{status.st_dev, status.st_ino};
}

Watcher::Watcher(double rescan_s, Changed changed)
    : rescan_(std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::max(rescan_s, 0.1)))),
      changed_(std::move(changed)),
      inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      next_rescan_(Clock::now() + rescan_) {
  if (!inotify_)
    log(LogLevel::warning, "folders cannot be watched ({}); they are looked at from time to time only",
        std::strerror(errno));
  pool_ = std::make_unique<ThreadPool>(1);
  pool_->post([this] { run(); });
}

Watcher::~Watcher() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  interrupt();
}

void Watcher::interrupt() const {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the thread is awake.
  [[maybe_unused]] const auto written = ::write(wake_.descriptor(), &one, sizeof(one));
}

void Watcher::set(const std::string& collection, std::vector<fs::path> folders) {
  {
    const std::scoped_lock lock(mutex_);
    if (folders.empty()) {
      watched_.erase(collection);
    } else {
      watched_[collection] = {.folders = std::move(folders), .filled = {}};
    }
    changed_list_ = true;
  }
  interrupt();
}

void Watcher::run() {
  while (true) {
    {
      const std::scoped_lock lock(mutex_);
      if (stopping_) return;
      if (std::exchange(changed_list_, false)) rebuild_watches();
      if (Clock::now() >= next_rescan_) {
        // Watches too: what was mounted or made since has none yet.
        rebuild_watches();
        mark_all();
        next_rescan_ = Clock::now() + rescan_;
      }
    }
    tell_due();
    std::array<pollfd, 2> waits = {pollfd{wake_.descriptor(), POLLIN, 0}, pollfd{inotify_.descriptor(), POLLIN, 0}};
    ::poll(waits.data(), waits.size(), wait_ms());
    if (waits[0].revents != 0) {
      std::uint64_t count = 0;
      [[maybe_unused]] const auto read = ::read(wake_.descriptor(), &count, sizeof(count));
    }
    if (waits[1].revents != 0) read_events();
  }
}

int Watcher::wait_ms() {
  const std::scoped_lock lock(mutex_);
  if (stopping_ || changed_list_) return 0;
  auto until = next_rescan_;
  for (const auto& [name, watched] : watched_) {
    if (watched.due) until = std::min(until, *watched.due);
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
  constexpr long kLongest = 60'000;
  return static_cast<int>(std::clamp<long>(left + 1, 0, kLongest));
}

void Watcher::rebuild_watches() {
  auto old = std::exchange(paths_, {});
  for (const auto& [name, watched] : watched_) {
    for (const auto& folder : watched.folders) add_watches(folder);
  }
  // The same folder keeps its descriptor, so what is watched all along loses no event.
  for (const auto& [descriptor, path] : old) {
    if (!paths_.contains(descriptor)) ::inotify_rm_watch(inotify_.descriptor(), descriptor);
  }
}

void Watcher::add_watches(const fs::path& top) {
  if (!inotify_) return;
  std::set<FolderIdentity> seen;  // links may lead back
  std::vector<fs::path> left = {top};
  while (!left.empty()) {
    const fs::path folder = std::move(left.back());
    left.pop_back();
    const auto identity = folder_identity(folder);
    if (!identity || !seen.insert(*identity).second) continue;
    const int descriptor = ::inotify_add_watch(inotify_.descriptor(), folder.c_str(), kEvents);
    if (descriptor >= 0) {
      paths_[descriptor] = folder;
    } else if (errno == ENOSPC && !std::exchange(limit_told_, true)) {
      log(LogLevel::warning,
          "there are more folders than the system lets one watch (fs.inotify.max_user_watches): changes in '{}' and "
          "others are seen when all are looked at again",
          folder.native());
    }
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
      std::error_code ignored;
      const bool hidden = entry->path().filename().native().starts_with('.');
      if (!hidden && entry->is_directory(ignored)) left.push_back(entry->path());
    }
  }
}

void Watcher::read_events() {
  alignas(inotify_event) std::array<char, 1 << 16> buffer{};
  const std::scoped_lock lock(mutex_);
  while (true) {
    const auto count = ::read(inotify_.descriptor(), buffer.data(), buffer.size());
    if (count <= 0) return;
    for (std::size_t at = 0; at < static_cast<std::size_t>(count);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof(event));
      take_event(event.wd, event.mask, event.len > 0 ? buffer.data() + at + sizeof(event) : "");
      at += sizeof(event) + event.len;
    }
  }
}

void Watcher::take_event(int descriptor, std::uint32_t mask, const char* name) {
  if ((mask & IN_Q_OVERFLOW) != 0) {
    changed_list_ = true;  // watches of folders that were made meanwhile are missing too
    mark_all();
    return;
  }
  const auto found = paths_.find(descriptor);
  if (found == paths_.end()) return;
  const fs::path folder = found->second;
  if ((mask & IN_IGNORED) != 0) paths_.erase(found);
  const bool hidden = *name == '.';
  if (hidden) return;
  const bool new_folder = (mask & IN_ISDIR) != 0 && (mask & (IN_CREATE | IN_MOVED_TO)) != 0;
  if (new_folder) add_watches(folder / name);
  mark(folder);
}

void Watcher::mark(const fs::path& path) {
  const auto now = Clock::now();
  for (auto& [name, watched] : watched_) {
    const bool ours =
        std::ranges::any_of(watched.folders, [&](const auto& folder) { return lies_under(path, folder); });
    if (!ours) continue;
    if (!watched.due) watched.first_change = now;
    watched.due = std::min(now + kQuiet, watched.first_change + kPatience);
  }
}

void Watcher::mark_all() {
  for (auto& [name, watched] : watched_) {
    if (!watched.due) watched.due = watched.first_change = Clock::now();
  }
}

void Watcher::tell_due() {
  std::vector<std::pair<std::string, std::vector<WatchedFolder>>> due;
  {
    const std::scoped_lock lock(mutex_);
    for (auto& [name, watched] : watched_) {
      if (!watched.due || Clock::now() < *watched.due) continue;
      watched.due.reset();
      auto folders = present(name, watched);
      if (!folders.empty()) due.emplace_back(name, std::move(folders));
    }
  }
  for (const auto& [name, folders] : due) changed_(name, folders);
}

std::vector<WatchedFolder> Watcher::present(const std::string& collection, Watched& watched) const {
  std::vector<WatchedFolder> folders;
  for (const auto& path : watched.folders) {
    const auto identity = folder_identity(path);
    const bool empty = identity && is_empty_folder(path);
    // What is left where something was mounted is an empty folder, and another one.
    const auto filled = watched.filled.find(path);
    if (identity && (!empty || (filled != watched.filled.end() && filled->second == *identity))) {
      watched.missing.erase(path);
      watched.filled[path] = *identity;
      folders.push_back({path, *identity});
    } else if (watched.missing.insert(path).second) {
      log(LogLevel::warning, "collection '{}': the watched folder '{}' is {}; its items stay", collection,
          path.native(), empty ? "empty, and may have been unmounted" : "not there");
    }
  }
  return folders;
}

}  // namespace eidetic
