// The pictures behind paths: list_pictures of eidetic/engine.h, and what tells a picture's name and place.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "eidetic/engine.h"

#include "s3/client.h"

namespace eidetic {

// As list_pictures of eidetic/engine.h, what is in S3 by this client.
[[nodiscard]] Result<PictureList> list_pictures(std::span<const std::string> paths, const S3Client& s3);
// A URI as it is, a path as the file: URI of its absolute form.
[[nodiscard]] std::string uri_of(std::string_view path_or_uri);
// For messages: the path of a file: URI, else printable_uri.
[[nodiscard]] std::string display_name(std::string_view uri);
// Absolute and lexically normal, without a trailing slash; symbolic links stay.
[[nodiscard]] std::filesystem::path absolute_path(const std::filesystem::path& path);

}  // namespace eidetic
