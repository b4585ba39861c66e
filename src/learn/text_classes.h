// Classes described by words: each is the vector that a model's text tower makes of its name, and a picture is of the
// class whose vector is nearest by cosine. Pure functions: any thread.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

#include "index/matrix.h"
#include "learn/classifier.h"

namespace eidetic {

// Those of Z's simple_image_search_demo.
inline constexpr std::array<std::string_view, 10> kDefaultTextClasses = {
    "Person", "Group of People", "Clothing", "Electronic device", "Furniture", "Animals", "Landscape",
    "City",   "Plants",          "Vehicle"};

// Probabilities are softmax(cosine / temperature). 0.01 is what CLIP is trained with at last (Radford et al. 2021:
// logits scaled by up to 100).
inline constexpr double kTextTemperature = 0.01;

struct ClassEmbeddings {
  std::vector<std::string> names;
  Matrix vectors;  // one a name
};

// `vectors` are brought to unit length. invalid_argument: not one vector a name, a vector that is zero or not finite
// (naming its class), a name twice, fewer than two classes, a limit of classifier.h passed.
[[nodiscard]] Result<Classifier> text_classes(const ClassEmbeddings& classes, double temperature = kTextTemperature);

// Class embeddings as Z keeps them, `0,1,…,511,category`: a number a dimension and the class's name. Spaces around
// fields do not count; a first column without a name, as pandas writes one, is passed over. `what` leads messages.
// invalid_argument, with the line: no such header, a value that is no finite number, a name missing or there twice.
[[nodiscard]] Result<ClassEmbeddings> parse_class_csv(std::string_view text, std::string_view what);
// The same; reading it gives the same bits. Names begin and end without spaces.
[[nodiscard]] std::string class_csv(const ClassEmbeddings& classes);

}  // namespace eidetic
