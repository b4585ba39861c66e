// What a collection learns of itself: classes of its items, and how far its similarities can be trusted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

// Classes that a query is asked for before it is searched, so that only items of its class are ranked. Every item is of
// one, which its metadata has under the name of the classifier: filters, facets and lists see it too.
struct ClassifierRequest {
  std::string name = "class";  // 1 to 64 of [A-Za-z0-9_-]; items must not have a metadata field of this name already
  // Where the classes come from. labels: learnt from a field; items that have it are of the class it says. clusters:
  // k-means, and a linear head that learns them. text: words, of which the model's text tower makes vectors, or
  // vectors in `csv`; a picture is of the class that is nearest by cosine.
  enum class Kind { labels, clusters, text };
  Kind kind = Kind::labels;
  std::string label = {};                 // labels: a metadata field, or kFolderLabel
  std::uint32_t hidden = 0;               // labels: width of a ReLU layer before the last one; 0: linear
  std::uint32_t clusters = 10;            // clusters: how many; 2 to 10,000
  std::vector<std::string> classes = {};  // text: names; empty, and no csv: kDefaultTextClasses
  std::string csv = {};                   // text: content of a CSV, `0,1,…,511,category`
  double min_confidence = 0.5;            // 0 to 1: a query of less is searched for in the whole collection
  std::uint64_t seed = 1;                 // of what is drawn
};
[[nodiscard]] std::string_view to_string(ClassifierRequest::Kind kind) noexcept;
[[nodiscard]] Result<ClassifierRequest::Kind> parse_classifier_kind(std::string_view name);

struct ClassifierInfo {
  std::string name;
  ClassifierRequest::Kind kind = ClassifierRequest::Kind::labels;
  std::string label = {};
  std::vector<std::string> classes = {};
  double min_confidence = 0.5;
  std::uint64_t items = 0;     // learnt from; 0 of text
  std::uint64_t held_out = 0;  // the report's figures are of these, by a head that had not seen them; 0: not measured
  double accuracy = 0;
  double calibration_error = 0;  // expected calibration error of the confidences
};

// What turns similarities into the chance that a hit is a real match. Learnt from what the collection's own items find
// in it, docs/scores.md.
struct CalibrationRequest {
  std::string label = {};  // whose equal values make a match: a metadata field, or kFolderLabel; empty: without labels
  std::uint64_t seed = 1;
};

struct CalibrationInfo {
  std::string label = {};
  std::uint64_t items = 0, searches = 0, labels = 0;
  double recommended = 0;  // confidence below which a hit had better not be shown
  double lost = 0;         // share of right first hits below it
  double refused = 0;      // share of searches for what is not there that find nothing at or above it
  std::optional<double> calibration_error = {};  // with labels
  struct Bin {
    double predicted = 0, observed = 0;  // of the first hits whose confidence is in one tenth
    std::uint64_t count = 0;
  };
  std::vector<Bin> bins = {};  // with labels
};

}  // namespace eidetic
