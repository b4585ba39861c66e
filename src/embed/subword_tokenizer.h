// Hugging Face's tokenizers: whatever a tokenizer.json describes (byte pairs, WordPiece, Unigram). The library is kept
// inside; what it panics with comes out as an error. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "eidetic/error.h"

#include "embed/tokenizer.h"

struct eidetic_tokenizer;

namespace eidetic {

class SubwordTokenizer final : public Tokenizer {
 public:
  // `json`: the content of a tokenizer.json. `length`: the ids of a text at most, the file's own limit does not count.
  // `pad`: as TextPart has it. `where` is the file, for messages. Errors: as load_tokenizer.
  [[nodiscard]] static Result<std::unique_ptr<const Tokenizer>> make(std::string_view json, std::uint32_t length,
                                                                     const std::optional<PaddingToken>& pad,
                                                                     std::string_view where);

  [[nodiscard]] Result<TextTokens> tokenize(std::string_view text) const override;
  [[nodiscard]] std::int64_t padding() const noexcept override { return padding_; }

 private:
  struct Free {
    void operator()(eidetic_tokenizer* tokenizer) const noexcept;
  };
  using Handle = std::unique_ptr<eidetic_tokenizer, Free>;
  SubwordTokenizer(Handle handle, std::uint32_t length, std::int64_t padding)
      : handle_(std::move(handle)), length_(length), padding_(padding) {}
  Handle handle_;
  std::uint32_t length_;
  std::int64_t padding_;
};

}  // namespace eidetic
