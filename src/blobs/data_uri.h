// data: URIs (RFC 2397).
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

// The bytes that "data:[type][;base64],…" carries. Errors: invalid_argument (no comma, bad base64 or escape),
// overloaded (more than max_bytes, told from the length of the text).
[[nodiscard]] Result<std::vector<std::byte>> decode_data_uri(std::string_view uri, std::size_t max_bytes);

}  // namespace eidetic
