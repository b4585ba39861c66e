// What the tests of drawings share.
#pragma once

#include <cstddef>
#include <string_view>

namespace eidetic {

// How often `word` stands in `text`.
inline std::size_t count(std::string_view text, std::string_view word) {
  std::size_t found = 0;
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

}  // namespace eidetic
