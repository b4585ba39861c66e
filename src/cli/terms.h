// The query arithmetic of `eidetic search`: TERM [+|- TERM]…
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/engine.h"
#include "eidetic/error.h"

namespace eidetic {

// `words`: terms with a word "+" or "-" before each but the first (before which it may stand too). A term is
// "id:ITEM", a URL, the path of a file, or else text; "2:cat.jpg" weighs it 2, unless a file has just that name.
// Errors (invalid_argument): no term, an operator without a term, two terms without an operator, weight 0, a folder.
[[nodiscard]] Result<std::vector<Term>> parse_terms(std::span<const std::string> words);

// "X,Y,W,H": numbers at least 0, width and height above 0. Errors: invalid_argument.
[[nodiscard]] Result<Crop> parse_crop(std::string_view text);

}  // namespace eidetic
