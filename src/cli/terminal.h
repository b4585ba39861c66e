// What the streams of this process are attached to, and text that is safe to show there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace eidetic {

[[nodiscard]] bool is_terminal(int descriptor);
// Columns of the terminal behind a descriptor; 0: no terminal, no limit.
[[nodiscard]] std::size_t terminal_width(int descriptor);
// The locale of the environment is a UTF-8 one.
[[nodiscard]] bool locale_is_utf8();

// Control characters, which a file name may hold and a terminal would obey, become '?', and so does what is not UTF-8.
[[nodiscard]] std::string printable(std::string_view text);

enum class Cut { head, tail };  // which end is left out
// At most `width` columns of `text`; where something is left out, `mark` (one column wide) stands for it.
[[nodiscard]] std::string shorten(std::string_view text, std::size_t width, Cut cut, std::string_view mark);
// `text` with spaces up to `width` columns.
[[nodiscard]] std::string pad(std::string_view text, std::size_t width, bool right_aligned = false);

}  // namespace eidetic
