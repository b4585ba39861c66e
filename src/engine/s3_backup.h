// Backups below a place in S3: the files of a data folder's backup, and "backup.json", which lists them with their
// digests and comes last: where it is, the backup is complete.
#pragma once

#include <filesystem>

#include "eidetic/error.h"

#include "s3/client.h"

namespace eidetic {

// What `folder` has goes there. already_exists where anything is there; on any error nothing stays.
[[nodiscard]] Result<void> upload_backup(const S3Client& client, const std::filesystem::path& folder,
                                         const S3Place& place);

}  // namespace eidetic
