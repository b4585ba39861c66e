#include "embed/text_tower.h"

#include <fmt/format.h>

#include <algorithm>

#include "embed/pooling.h"

namespace eidetic {
namespace {

void fill(std::span<std::int64_t> places, std::span<const std::int64_t> values, std::int64_t padding) {
  const auto rest = std::ranges::copy(values.first(std::min(values.size(), places.size())), places.begin()).out;
  std::fill(rest, places.end(), padding);
}

}  // namespace

Result<TextTower> TextTower::load(const ModelBundle& bundle, std::size_t dimensions) {
  const TextPart& part = *bundle.text;
  EIDETIC_TRY(auto tokenizer, load_tokenizer(bundle));
  const NetworkOptions options{
      .input = part.input, .layer = part.layer, .input_shape = {1, part.length}, .tokens = true};
  EIDETIC_TRY(Network network, Network::load(bundle.file(part.model), options));
  std::size_t size = 1;
  for (const std::size_t extent : network.output_shape()) size *= extent;
  if (size != dimensions) {
    return fail(ErrorCode::unsupported, fmt::format("the text tower '{}' gives {} values, the pictures' model {}",
                                                    bundle.file(part.model).native(), size, dimensions));
  }
  return TextTower(std::move(tokenizer), std::move(network), bundle.l2_normalize);
}

Result<Vector> TextTower::embed(std::string_view text) const {
  EIDETIC_TRY(const TextTokens text_tokens, tokenizer_->tokenize(text));
  const auto unknown = [&] {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' holds no word that the model knows; try other words, in English", text));
  };
  if (text_tokens.count == 0) return unknown();
  Network::Lease lease = network_.borrow();
  fill(lease.tokens(), text_tokens.ids, tokenizer_->padding());
  if (!lease.mask().empty()) fill(lease.mask(), std::vector<std::int64_t>(text_tokens.ids.size(), 1), 0);
  EIDETIC_TRY(const auto values, lease.infer());
  Vector vector(values.begin(), values.end());
  // Words without a meaning of their own: ranking by the zero vector would be ranking by nothing.
  if (std::ranges::all_of(vector, [](float value) { return value == 0; })) return unknown();
  if (normalize_) l2_normalize(vector);
  return vector;
}

}  // namespace eidetic
