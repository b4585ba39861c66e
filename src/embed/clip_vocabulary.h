// The byte pairs of CLIP ("Learning Transferable Visual Models From Natural Language Supervision", Radford et al. 2021,
// https://github.com/openai/CLIP), from its own files to the form that SubwordTokenizer takes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "eidetic/error.h"

namespace eidetic {

inline constexpr std::size_t kMaxTokenizerBytes = std::size_t{64} << 20;  // of any one file of a tokenizer

// `merges`: one pair a line, most frequent first, parted by a space; a first line that holds "#version" is none.
// Without a `vocabulary` the ids are counted as CLIP counts them: 256 bytes, the same at the end of a word, the merges
// (the first 48,894 of them), start and end. With one (a JSON object, token to id) they are its own. Errors: corrupt,
// led by `where` and naming the line or the token.
[[nodiscard]] Result<std::string> clip_vocabulary(std::string_view merges, std::string_view vocabulary,
                                                  std::string_view where);
// The same of files; an empty `vocabulary`: none. Errors: those of reading, too.
[[nodiscard]] Result<std::string> read_clip_vocabulary(const std::filesystem::path& merges,
                                                       const std::filesystem::path& vocabulary);

}  // namespace eidetic
