// Base64 as in RFC 4648, section 4.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

// With or without the padding at its end; white space is passed over. Anything else: invalid_argument with its
// position.
[[nodiscard]] Result<std::vector<std::byte>> decode_base64(std::string_view text);
[[nodiscard]] std::string encode_base64(std::span<const std::byte> bytes);

}  // namespace eidetic
