// Which class a vector is of: what is asked before a search, so that only items of that class are ranked. It is made of
// classes described by text (text_classes.h), of clusters (train_clusters.h) or of labels (train_labels.h).
//
// Thread rule: constant once made; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

#include "learn/head.h"

namespace eidetic {

enum class ClassifierKind : std::uint32_t { text = 1, clusters = 2, labels = 3 };

// "text", "clusters", "labels".
[[nodiscard]] std::string_view to_string(ClassifierKind kind) noexcept;

inline constexpr std::size_t kMaxClasses = 10'000;
inline constexpr std::size_t kMaxClassName = 1024;  // bytes
inline constexpr std::size_t kMaxClassifierInputs = 65'536;
inline constexpr std::size_t kMaxHidden = 4096;
inline constexpr std::size_t kMaxClassifierParameters = std::size_t{1} << 24;
inline constexpr double kMaxClassifierNumber = 1e15;  // of parameters, either sign

struct Prediction {
  std::size_t index = 0;  // of the class, among class_names()
  std::string name;
  double confidence = 0;             // 0 to 1: its probability
  std::vector<float> probabilities;  // of all classes; their sum is 1
};

struct ClassifierParts {
  ClassifierKind kind = ClassifierKind::labels;
  std::vector<std::string> names;  // of 2 to kMaxClasses classes, each another one, UTF-8
  HeadShape shape;
  std::vector<float> parameters;  // as head_scores takes them
  bool unit = true;               // vectors are brought to unit length before they are scored
  double temperature = 1;         // probabilities are softmax(scores / temperature)
};

class Classifier {
 public:
  // invalid_argument: the parts do not fit together, a limit above is passed, or a number is not finite.
  [[nodiscard]] static Result<Classifier> make(ClassifierParts parts);

  [[nodiscard]] ClassifierKind kind() const noexcept { return parts_.kind; }
  [[nodiscard]] const std::vector<std::string>& class_names() const noexcept { return parts_.names; }
  [[nodiscard]] std::size_t dimensions() const noexcept { return parts_.shape.inputs; }
  [[nodiscard]] const ClassifierParts& parts() const noexcept { return parts_; }
  [[nodiscard]] std::optional<std::size_t> index_of(std::string_view name) const;

  // The most probable class; of equals the first. A vector of zeros has no direction: it is answered with what the
  // classifier thinks of nothing, which is little confidence. The same vector, the same bits.
  // invalid_argument: another number of dimensions, a value that is not finite, or so large that scores are not.
  [[nodiscard]] Result<Prediction> classify(std::span<const float> vector) const;

  // docs/file-formats.md. deserialize(serialize()) answers every vector with the same bits.
  [[nodiscard]] std::vector<std::byte> serialize() const;
  // `what` leads messages: a file's name. corrupt: these are not what serialize gave; unsupported: of a newer version.
  [[nodiscard]] static Result<Classifier> deserialize(std::span<const std::byte> bytes, std::string_view what);

 private:
  explicit Classifier(ClassifierParts parts) : parts_(std::move(parts)) {}

  ClassifierParts parts_;
};

// One answer of several, of one classifier about variants of one picture: the class that most of them have, of equals
// the one of smallest index. Probabilities are means over all, and so is the confidence. invalid_argument: there are
// none, or they are not of one classifier.
[[nodiscard]] Result<Prediction> vote(std::span<const Prediction> predictions);

}  // namespace eidetic
