#include "cli/s3_file.h"

#include <system_error>

#include "base/file.h"
#include "s3/client.h"

namespace eidetic {

Result<S3File> S3File::to_write(const Globals& globals, const std::filesystem::path& file) {
  S3File made;
  made.path_ = file;
  if (!is_s3_uri(file.native())) return made;
  EIDETIC_TRY(made.place_, parse_s3_object(file.native()));
  EIDETIC_TRY(const auto remote, remote_options(globals));
  std::error_code ignored;
  EIDETIC_TRY(auto folder, ScratchFolder::make(globals, remote ? std::filesystem::temp_directory_path(ignored)
                                                               : std::filesystem::path()));
  made.folder_.emplace(std::move(folder));
  const std::string& key = made.place_->key;
  made.path_ = made.folder_->path() / key.substr(key.rfind('/') + 1);
  return made;
}

Result<S3File> S3File::to_read(const Globals& globals, const std::filesystem::path& file) {
  EIDETIC_TRY(auto made, to_write(globals, file));
  if (made.place_) EIDETIC_CHECK(S3Client(read_s3_options()).download(*made.place_, made.path_));
  return made;
}

Result<void> S3File::finish() const {
  if (!place_) return {};
  const S3Client client(read_s3_options());
  const std::string folder = place_->key.substr(0, place_->key.rfind('/') + 1);
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder_->path(), error), end; !error && entry != end;
       entry.increment(error)) {
    EIDETIC_CHECK(client.upload({place_->bucket, folder + entry->path().filename().native()}, entry->path()));
  }
  if (error) return system_error("cannot list", folder_->path(), error.value());
  return {};
}

}  // namespace eidetic
