// How heads are learnt on frozen features: what training of labels and of clusters have in common.
//
// A part of each class is put aside first, and nothing but the report sees it. Of the rest another part is put aside,
// and the weight decay, when to stop (of two layers) and the temperature are chosen by it. With these a head is learnt
// on all but the first part, and judged by it; then another on everything, which is the answer. Thread rule: pure; any
// thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "eidetic/error.h"

#include "index/matrix.h"
#include "learn/classifier.h"

namespace eidetic {

class ThreadPool;

struct LearnOptions {
  unsigned hidden = 0;  // width of a ReLU layer between, up to kMaxHidden; 0: linear
  bool unit = true;     // vectors are brought to unit length: on, unless their lengths say something about the class
  double decay = 0;     // weight decay (L2), more than 0; 0: the best of 1e-4 to 1 by a held-out part
  unsigned iterations = 200;                // of each fit, at most; 1 to 10,000
  double hold_out = 0.2;                    // share of each class that the report is made on; above 0, up to 0.5
  std::size_t max_items = 100'000;          // more than these: learnt from as many, drawn evenly of each class
  std::uint64_t seed = 1;                   // of all that is drawn; the same seed and vectors, the same bits
  ThreadPool* pool = nullptr;               // null: on the calling thread; the answer does not depend on it
  const std::atomic<bool>* stop = nullptr;  // where set and true, it ends with `unavailable`
  std::function<void(double share)> progress = {};  // on the calling thread; 0 to 1, rising
};

struct ClassReport {
  std::string name;
  std::uint64_t items = 0;     // learnt from at the end
  std::uint64_t held_out = 0;  // of these, judged on; 0 of a class with a single item
  std::uint64_t correct = 0;   // of those held out
};

// Items of one class that were taken for another.
struct Confusion {
  std::string truth, predicted;
  std::uint64_t count = 0;
};

// What is to be expected of the classifier, measured on items that it had not seen. Judged is a head that was learnt
// without them; the answer is learnt from them too.
struct LearnReport {
  std::uint64_t items = 0;     // learnt from at the end
  std::uint64_t left_out = 0;  // without a label, or beyond max_items
  std::uint64_t held_out = 0;
  double accuracy = 0;               // of those held out
  double calibration_error = 0;      // expected_calibration_error of their confidences
  double raw_calibration_error = 0;  // the same at temperature 1
  double temperature = 1;
  double decay = 0;
  unsigned iterations = 0;
  double seconds = 0;
  std::vector<ClassReport> classes;         // in the classifier's order
  std::vector<Confusion> confusions;        // the most frequent first, up to 10
  std::vector<std::string> single_classes;  // with one item: learnt, but not judged
};

struct LearntClassifier {
  Classifier classifier;
  LearnReport report;
};

// `classes` are the numbers of the rows' classes among `names`, each of which has a row.
// invalid_argument: options beyond their bounds; fewer than two classes; no class with two rows; a value that is not
// finite (naming the row); a limit of classifier.h passed. unavailable: stopped.
[[nodiscard]] Result<LearntClassifier> learn(MatrixView features, std::span<const std::uint32_t> classes,
                                             std::vector<std::string> names, ClassifierKind kind,
                                             const LearnOptions& options);

// Copies of the rows, each of unit length; zeros stay. invalid_argument: a value that is not finite, naming the row.
[[nodiscard]] Result<Matrix> unit_rows(MatrixView rows);

}  // namespace eidetic
