// A file that a command writes or reads, which may be an object in S3: then it stands in a scratch folder meanwhile,
// under the same name. The keys are those of who calls, as read_s3_options() finds them.
#pragma once

#include <filesystem>
#include <optional>

#include "eidetic/error.h"

#include "cli/scratch_folder.h"
#include "cli/session.h"
#include "s3/place.h"

namespace eidetic {

class S3File {
 public:
  [[nodiscard]] static Result<S3File> to_write(const Globals& globals, const std::filesystem::path& file);
  // Fetched, where it is an object. Errors: those of S3Client::download.
  [[nodiscard]] static Result<S3File> to_read(const Globals& globals, const std::filesystem::path& file);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // Puts an object where it belongs, and what was written beside it next to it.
  [[nodiscard]] Result<void> finish() const;

 private:
  std::filesystem::path path_;
  std::optional<S3Place> place_ = {};  // nullopt: a file as any other
  std::optional<ScratchFolder> folder_ = {};
};

}  // namespace eidetic
