// The tokenizer "words": one id a word of the vocabulary. Thread-safe after loading.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

class WordVocabulary {
 public:
  // One word a line, its id the number of its line from 0; line 0 stands for padding, line 1 for the unknown word.
  [[nodiscard]] static Result<WordVocabulary> load(const std::filesystem::path& file);

  // Lower-cased, split at all but a-z and 0-9; a word of three letters or more that is not there is tried
  // without, then with an "s" at its end; what is not found is left out. Empty: no known word.
  [[nodiscard]] std::vector<std::int64_t> tokenize(std::string_view text) const;

 private:
  [[nodiscard]] std::int64_t find(const std::string& word) const;
  std::unordered_map<std::string, std::int64_t> ids_;
};

}  // namespace eidetic
