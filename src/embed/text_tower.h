// Words to vectors of the picture's space. Thread-safe.
#pragma once

#include <string_view>

#include "eidetic/error.h"
#include "eidetic/space.h"

#include "embed/bundle.h"
#include "embed/network.h"
#include "embed/words.h"

namespace eidetic {

class TextTower {
 public:
  // `bundle` with a text part. Errors as Network::load, naming the file; unsupported where the tower gives another
  // number of values than `dimensions`.
  [[nodiscard]] static Result<TextTower> load(const ModelBundle& bundle, std::size_t dimensions);

  // invalid_argument where the text holds no word that the model knows.
  [[nodiscard]] Result<Vector> embed(std::string_view text) const;

 private:
  TextTower(WordVocabulary vocabulary, Network network, bool normalize)
      : vocabulary_(std::move(vocabulary)), network_(std::move(network)), normalize_(normalize) {}
  WordVocabulary vocabulary_;
  Network network_;
  bool normalize_;
};

}  // namespace eidetic
