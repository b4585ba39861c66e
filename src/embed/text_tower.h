// Words to vectors of the picture's space. Thread-safe.
#pragma once

#include <memory>
#include <string_view>

#include "eidetic/embedder.h"
#include "eidetic/error.h"
#include "eidetic/space.h"

#include "embed/bundle.h"
#include "embed/network.h"
#include "embed/tokenizer.h"

namespace eidetic {

class TextTower {
 public:
  // `bundle` with a text part. Errors as load_tokenizer and Network::load, naming the file; unsupported where the tower
  // gives another number of values than `dimensions`.
  [[nodiscard]] static Result<TextTower> load(const ModelBundle& bundle, std::size_t dimensions);

  // invalid_argument where the text holds no word that the model knows, and as Tokenizer::tokenize.
  [[nodiscard]] Result<Vector> embed(std::string_view text) const;
  [[nodiscard]] Result<TextTokens> tokenize(std::string_view text) const { return tokenizer_->tokenize(text); }

 private:
  TextTower(std::unique_ptr<const Tokenizer> tokenizer, Network network, bool normalize)
      : tokenizer_(std::move(tokenizer)), network_(std::move(network)), normalize_(normalize) {}
  std::unique_ptr<const Tokenizer> tokenizer_;
  Network network_;
  bool normalize_;
};

}  // namespace eidetic
