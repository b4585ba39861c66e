// Archives from outside, unpacked so that nothing they say can touch what lies beside. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "eidetic/error.h"

namespace eidetic {

struct UnpackOptions {
  std::uint64_t max_bytes = std::uint64_t{256} << 30;  // of all files together
  std::uint64_t max_files = 5'000'000;                 // files and folders
  // Bytes of the archive done, and in all. Called often.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress = {};
  std::stop_token stop = {};
};

struct Unpacked {
  std::uint64_t files = 0;  // without folders
  std::uint64_t bytes = 0;
};

// Where a member of that name goes, relative to the folder: without "." and doubled slashes, "" for the folder itself.
// nullopt for a name that leads anywhere else, is no UTF-8, holds control characters, or is longer than file systems
// take.
[[nodiscard]] std::optional<std::string> member_path(std::string_view name);

// Unpacks a zip or tar archive, also compressed (gzip, bzip2, xz, zstd), by content, into `folder`, which is made and
// should be empty. Files are made, with the usual rights, and folders; nothing is replaced. Errors name the archive:
// corrupt (no archive, cut off, damaged; a member outside of the folder, twice, or neither file nor folder), overloaded
// (a limit), unavailable (disk full, stopped). What was unpacked until then stays.
[[nodiscard]] Result<Unpacked> unpack_archive(const std::filesystem::path& archive, const std::filesystem::path& folder,
                                              const UnpackOptions& options = {});

}  // namespace eidetic
