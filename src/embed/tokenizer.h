// From text to the numbers that a text tower takes: by words, by byte pairs as CLIP has it, or by a file of Hugging
// Face's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "eidetic/embedder.h"
#include "eidetic/error.h"

#include "embed/bundle.h"

namespace eidetic {

// Thread-safe.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // At most TextPart::length ids. Errors: invalid_argument (not UTF-8; longer than kMaxTextBytes).
  [[nodiscard]] virtual Result<TextTokens> tokenize(std::string_view text) const = 0;
  // What fills the places behind the ids.
  [[nodiscard]] virtual std::int64_t padding() const noexcept = 0;
};

// Far above what any text tower reads; tokenizers take a few hundred bytes of memory a byte of text.
inline constexpr std::size_t kMaxTextBytes = std::size_t{1} << 20;

// That of a bundle with a text part. Errors name the file: not_found, corrupt (it is no vocabulary or tokenizer, or of
// another kind), invalid_argument (`pad` names a token that the tokenizer has not).
[[nodiscard]] Result<std::unique_ptr<const Tokenizer>> load_tokenizer(const ModelBundle& bundle);

}  // namespace eidetic
