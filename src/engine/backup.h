// Engine::backup: a copy of the data folder that appears complete or not at all.
#pragma once

#include <filesystem>
#include <functional>

#include "eidetic/error.h"

namespace eidetic {

// Makes `folder` by way of `<folder>.part`, which `fill` writes into; then everything is synced and renamed. What an
// interrupted backup has left there is deleted first. already_exists where `folder` is there.
[[nodiscard]] Result<void> make_backup(const std::filesystem::path& folder,
                                       const std::function<Result<void>(const std::filesystem::path& part)>& fill);

// Copies files and folders below `from`, without hidden ones, which are unfinished; nothing where it is not there.
[[nodiscard]] Result<void> copy_tree(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace eidetic
