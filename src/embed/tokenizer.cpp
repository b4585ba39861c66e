#include "embed/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "embed/clip_vocabulary.h"
#include "embed/subword_tokenizer.h"
#include "embed/words.h"

namespace eidetic {
namespace {

class WordTokenizer final : public Tokenizer {
 public:
  WordTokenizer(WordVocabulary vocabulary, std::size_t length) : vocabulary_(std::move(vocabulary)), length_(length) {}

  Result<TextTokens> tokenize(std::string_view text) const override {
    TextTokens tokens{.ids = vocabulary_.tokenize(text)};
    tokens.count = tokens.ids.size();
    if (tokens.ids.size() > length_) {
      tokens.cut = tokens.ids.size() - length_;
      tokens.ids.resize(length_);
    }
    return tokens;
  }
  std::int64_t padding() const noexcept override { return 0; }

 private:
  WordVocabulary vocabulary_;
  std::size_t length_;
};

}  // namespace

Result<std::unique_ptr<const Tokenizer>> load_tokenizer(const ModelBundle& bundle) {
  const TextPart& part = *bundle.text;
  switch (part.tokenizer) {
    case TokenizerKind::words: {
      EIDETIC_TRY(WordVocabulary vocabulary, WordVocabulary::load(bundle.file(part.vocabulary)));
      return std::make_unique<WordTokenizer>(std::move(vocabulary), part.length);
    }
    case TokenizerKind::clip: {
      EIDETIC_TRY(const std::string json, read_clip_vocabulary(bundle.file(part.merges),
                                                               part.vocabulary.empty() ? std::filesystem::path()
                                                                                       : bundle.file(part.vocabulary)));
      return SubwordTokenizer::make(json, part.length, part.pad, bundle.file(part.merges).native());
    }
    case TokenizerKind::file: break;
  }
  const std::filesystem::path file = bundle.file(part.tokenizer_file);
  EIDETIC_TRY(const std::string json, read_text(file, kMaxTokenizerBytes));
  return SubwordTokenizer::make(json, part.length, part.pad, file.native());
}

}  // namespace eidetic
