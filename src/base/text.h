// Small text helpers for messages and tables.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

// Up to `count` of `known` that are nearest to `name` by edit distance or contain it, best first; none that is far off.
[[nodiscard]] std::vector<std::string> nearest_names(std::string_view name, std::span<const std::string> known,
                                                     std::size_t count = 3);
// "; did you mean 'a' or 'b'?", or "" where nothing is near.
[[nodiscard]] std::string did_you_mean(std::string_view name, std::span<const std::string> known);

[[nodiscard]] std::string to_lower(std::string_view text);  // ASCII only
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);
// Valid UTF-8 without overlong forms and surrogates (RFC 3629).
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;
// Columns that a terminal gives to UTF-8 text: 2 for wide characters, 0 for combining ones (wcwidth of the C.UTF-8
// tables).
[[nodiscard]] std::size_t display_width(std::string_view text);
// "%20" and the like as bytes. A '%' without two hexadecimal digits, or "%00": invalid_argument.
[[nodiscard]] Result<std::string> percent_decode(std::string_view text);
// Everything but letters, digits and "-._~" (and "/", where slashes are kept) as %XX (RFC 3986).
[[nodiscard]] std::string uri_encode(std::string_view text, bool keep_slashes = false);
// "12.3 MB", "1.0 kB", "17 B".
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);
// For HTML between tags and in attributes; control characters become U+FFFD.
[[nodiscard]] std::string html_escaped(std::string_view text);

}  // namespace eidetic
