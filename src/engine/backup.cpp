#include "engine/backup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/file.h"
#include "blobs/listing.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

Result<void> sync_tree(const fs::path& folder) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->is_directory()) {
      EIDETIC_CHECK(sync_directory(entry->path()));
      continue;
    }
    EIDETIC_TRY(const File file, File::open(entry->path(), O_RDONLY));
    if (::fsync(file.descriptor()) != 0) return system_error("cannot write", entry->path(), errno);
  }
  if (error) return system_error("cannot list", folder, error.value());
  return sync_directory(folder);
}

}  // namespace

Result<void> copy_tree(const fs::path& from, const fs::path& to) {
  std::error_code error;
  if (!fs::exists(from, error)) return {};
  EIDETIC_CHECK(make_directories(to));
  for (fs::directory_iterator entry(from, error), end; !error && entry != end; entry.increment(error)) {
    const auto name = entry->path().filename();
    if (name.native().starts_with('.')) continue;
    std::error_code failed;
    if (entry->is_directory(failed)) {
      EIDETIC_CHECK(copy_tree(entry->path(), to / name));
    } else if (entry->is_regular_file(failed)) {
      fs::copy_file(entry->path(), to / name, failed);
      // A download that has just ended under another name is part of no model yet.
      if (failed && failed != std::errc::no_such_file_or_directory) {
        return system_error("cannot copy to", to / name, failed.value());
      }
    }
  }
  if (error) return system_error("cannot list", from, error.value());
  return {};
}

Result<void> make_backup(const fs::path& asked, const std::function<Result<void>(const fs::path& part)>& fill) {
  if (asked.empty()) return fail(ErrorCode::invalid_argument, "no folder for the backup is given");
  const fs::path folder = absolute_path(asked);
  std::error_code error;
  const auto there = [&] {
    return fail(ErrorCode::already_exists,
                fmt::format("'{}' is there already; a backup goes into a folder of its own", folder.native()));
  };
  if (fs::exists(folder, error)) return there();
  EIDETIC_CHECK(make_directories(folder.parent_path()));
  fs::path part = folder;
  part += ".part";
  fs::remove_all(part, error);
  const auto make = [&]() -> Result<void> {
    EIDETIC_CHECK(make_directories(part));
    EIDETIC_CHECK(fill(part));
    EIDETIC_CHECK(sync_tree(part));
    if (::renameat2(AT_FDCWD, part.c_str(), AT_FDCWD, folder.c_str(), RENAME_NOREPLACE) != 0) {
      return errno == EEXIST ? Result<void>(there()) : system_error("cannot make", folder, errno);
    }
    return sync_directory(folder.parent_path());
  };
  auto made = make();
  if (!made) fs::remove_all(part, error);
  return made;
}

}  // namespace eidetic
