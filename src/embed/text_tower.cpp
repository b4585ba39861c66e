#include "embed/text_tower.h"

#include <fmt/format.h>

#include <algorithm>

#include "embed/pooling.h"

namespace eidetic {

Result<TextTower> TextTower::load(const ModelBundle& bundle, std::size_t dimensions) {
  const TextPart& part = *bundle.text;
  EIDETIC_TRY(WordVocabulary vocabulary, WordVocabulary::load(bundle.file(part.vocabulary)));
  const NetworkOptions options{
      .input = part.input, .layer = part.layer, .input_shape = {1, part.length}, .tokens = true};
  EIDETIC_TRY(Network network, Network::load(bundle.file(part.model), options));
  std::size_t size = 1;
  for (const std::size_t extent : network.output_shape()) size *= extent;
  if (size != dimensions) {
    return fail(ErrorCode::unsupported, fmt::format("the text tower '{}' gives {} values, the pictures' model {}",
                                                    bundle.file(part.model).native(), size, dimensions));
  }
  return TextTower(std::move(vocabulary), std::move(network), bundle.l2_normalize);
}

Result<Vector> TextTower::embed(std::string_view text) const {
  const auto ids = vocabulary_.tokenize(text);
  const auto unknown = [&] {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' holds no word that the model knows; try other words, in English", text));
  };
  if (ids.empty()) return unknown();
  Network::Lease lease = network_.borrow();
  const std::span<std::int64_t> tokens = lease.tokens();
  std::ranges::fill(tokens, 0);
  std::ranges::copy_n(ids.begin(), static_cast<std::ptrdiff_t>(std::min(ids.size(), tokens.size())), tokens.begin());
  EIDETIC_TRY(const auto values, lease.infer());
  Vector vector(values.begin(), values.end());
  // Words without a meaning of their own: ranking by the zero vector would be ranking by nothing.
  if (std::ranges::all_of(vector, [](float value) { return value == 0; })) return unknown();
  if (normalize_) l2_normalize(vector);
  return vector;
}

}  // namespace eidetic
