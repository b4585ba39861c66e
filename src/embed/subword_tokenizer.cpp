#include "embed/subword_tokenizer.h"

#include <eidetic_tokenizers.h>
#include <fmt/format.h>

#include <array>
#include <variant>
#include <vector>

#include "base/text.h"

namespace eidetic {
namespace {

using Message = std::array<char, 512>;

Result<std::int64_t> padding_of(const eidetic_tokenizer& tokenizer, const std::optional<PaddingToken>& pad,
                                std::string_view where) {
  if (!pad) return std::max(eidetic_tokenizer_padding(&tokenizer), std::int64_t{0});
  if (const auto* const id = std::get_if<std::int64_t>(&*pad)) return *id;
  const auto& token = std::get<std::string>(*pad);
  const std::int64_t id = eidetic_tokenizer_id(&tokenizer, token.data(), token.size());
  if (id >= 0) return id;
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' has no token '{}', which 'pad' of model.json names; give a token or an id that it has",
                          where, token));
}

}  // namespace

void SubwordTokenizer::Free::operator()(eidetic_tokenizer* tokenizer) const noexcept {
  eidetic_tokenizer_free(tokenizer);
}

Result<std::unique_ptr<const Tokenizer>> SubwordTokenizer::make(std::string_view json, std::uint32_t length,
                                                                const std::optional<PaddingToken>& pad,
                                                                std::string_view where) {
  Message message = {};
  Handle handle(eidetic_tokenizer_new(json.data(), json.size(), length, message.data(), message.size()));
  if (!handle) {
    return fail(ErrorCode::corrupt,
                fmt::format("'{}' makes no tokenizer for {} ids: {}", where, length, message.data()));
  }
  EIDETIC_TRY(const std::int64_t padding, padding_of(*handle, pad, where));
  return std::unique_ptr<const Tokenizer>(new SubwordTokenizer(std::move(handle), length, padding));
}

Result<TextTokens> SubwordTokenizer::tokenize(std::string_view text) const {
  if (text.size() > kMaxTextBytes) {
    return fail(ErrorCode::invalid_argument, fmt::format("a text of {} is too long to be searched with: {} at most",
                                                         human_bytes(text.size()), human_bytes(kMaxTextBytes)));
  }
  if (!is_utf8(text)) return fail(ErrorCode::invalid_argument, "the text to search with is not valid UTF-8");
  std::vector<std::uint32_t> ids(length_);
  std::size_t cut = 0;
  Message message = {};
  const std::int64_t count = eidetic_tokenizer_encode(handle_.get(), text.data(), text.size(), ids.data(), &cut,
                                                      message.data(), message.size());
  if (count < 0) {
    return fail(ErrorCode::unsupported, fmt::format("the tokenizer cannot take the text apart: {}", message.data()));
  }
  ids.resize(static_cast<std::size_t>(count));
  const std::size_t around = eidetic_tokenizer_around(handle_.get());
  return TextTokens{
      .ids = {ids.begin(), ids.end()}, .count = ids.size() > around ? ids.size() - around + cut : 0, .cut = cut};
}

}  // namespace eidetic
