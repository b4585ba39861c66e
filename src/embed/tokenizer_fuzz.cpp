#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "embed/clip_vocabulary.h"
#include "embed/subword_tokenizer.h"

namespace {

using namespace eidetic;

// The parts of the input, each up to the next zero byte.
std::string_view next(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\0'), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

void take_apart(std::string_view json, std::string_view text) {
  constexpr std::uint32_t kLength = 16;
  const auto tokenizer = SubwordTokenizer::make(json, kLength, std::nullopt, "t");
  if (!tokenizer) return;
  const auto tokens = (*tokenizer)->tokenize(text);
  if (!tokens) return;
  if (tokens->ids.size() > kLength || tokens->cut > tokens->count) std::abort();
  if ((*tokenizer)->tokenize(text)->ids != tokens->ids) std::abort();
}

}  // namespace

// The files of a tokenizer from outside, and a text: 'c', merges, vocabulary, text, or 'f', tokenizer.json, text.
// Refused, or the same ids each time, and no more of them than asked for.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  if (rest.empty()) return 0;
  const bool clip = rest.front() == 'c';
  rest.remove_prefix(1);
  if (clip) {
    const std::string_view merges = next(rest);
    const std::string_view vocabulary = next(rest);
    if (const auto json = clip_vocabulary(merges, vocabulary, "m")) take_apart(*json, rest);
  } else {
    const std::string_view json = next(rest);
    take_apart(json, rest);
  }
  return 0;
}
