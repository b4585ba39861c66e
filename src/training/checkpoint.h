// A training's state at the end of an epoch, in a file.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "eidetic/error.h"

#include "train/head_training.h"

namespace eidetic {

// Written atomically. `key`: of all that the training depends on, 64 hexadecimal digits.
[[nodiscard]] Result<void> write_checkpoint(const std::filesystem::path& file, std::string_view key,
                                            const HeadCheckpoint& checkpoint);
// nullopt: there is none, or it is of another key, or damaged; then the training begins anew.
[[nodiscard]] std::optional<HeadCheckpoint> read_checkpoint(const std::filesystem::path& file, std::string_view key);

}  // namespace eidetic
