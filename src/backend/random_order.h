// The order "@random" of sorted lists, as requests name it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "eidetic/error.h"

namespace eidetic {

// The seed of "@random:SEED", 1 of "@random"; nullopt: another field. invalid_argument: a bad seed.
[[nodiscard]] Result<std::optional<std::uint64_t>> random_seed(std::string_view field);

}  // namespace eidetic
