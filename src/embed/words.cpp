#include "embed/words.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"

namespace eidetic {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{64} << 20;
constexpr std::int64_t kNone = -1;
constexpr std::int64_t kFirstWord = 2;

bool is_word_character(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

}  // namespace

Result<WordVocabulary> WordVocabulary::load(const std::filesystem::path& file) {
  EIDETIC_TRY(const std::string text, read_text(file, kMaxBytes));
  WordVocabulary vocabulary;
  std::int64_t id = 0;
  for (std::string_view line : split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (id >= kFirstWord) vocabulary.ids_.emplace(line, id);
    ++id;
  }
  // The line end of the last word makes no word.
  vocabulary.ids_.erase("");
  if (vocabulary.ids_.empty()) {
    return fail(ErrorCode::corrupt, fmt::format("'{}' is no vocabulary: it has no words", file.native()));
  }
  return vocabulary;
}

std::int64_t WordVocabulary::find(const std::string& word) const {
  const auto look_up = [&](const std::string& form) {
    const auto found = ids_.find(form);
    return found == ids_.end() ? kNone : found->second;
  };
  std::int64_t id = look_up(word);
  // "a" and "as", "i" and "is", "bu" and "bus" are different words.
  constexpr std::size_t kShortestNoun = 3;
  if (word.size() < kShortestNoun) return id;
  if (id == kNone && word.ends_with('s')) id = look_up(word.substr(0, word.size() - 1));
  if (id == kNone) id = look_up(word + 's');
  return id;
}

std::vector<std::int64_t> WordVocabulary::tokenize(std::string_view text) const {
  std::vector<std::int64_t> ids;
  std::string word;
  const auto end_word = [&] {
    if (word.empty()) return;
    if (const std::int64_t id = find(word); id != kNone) ids.push_back(id);
    word.clear();
  };
  for (const char c : to_lower(text)) {
    if (is_word_character(c)) {
      word += c;
    } else {
      end_word();
    }
  }
  end_word();
  return ids;
}

}  // namespace eidetic
