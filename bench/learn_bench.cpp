// How well classifiers learn from vectors and their labels, each seed with other items held out.
//   learn_bench labels VECTORS.npy LABELS [SEEDS [HIDDEN]]     accuracy of a head learnt from labels
//   learn_bench clusters VECTORS.npy [SEEDS [CLUSTERS]]        how often a head and the nearest centroid agree
//   learn_bench speed ITEMS DIMENSIONS CLASSES [HIDDEN]        seconds on made-up vectors
// LABELS has a label a line, in the order of the vectors; of a path, as in X.npy.files of `eidetic embed`, the folder
// is the label.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/npy.h"
#include "base/text.h"
#include "base/threads.h"
#include "learn/train_clusters.h"
#include "learn/train_labels.h"

namespace {

using namespace eidetic;

struct Spread {
  double sum = 0, least = 1e30, most = -1e30;
  std::size_t count = 0;

  void add(double value) {
    sum += value;
    least = std::min(least, value);
    most = std::max(most, value);
    ++count;
  }
  [[nodiscard]] std::string text() const {
    return fmt::format("{:.3f} ({:.3f} to {:.3f})", sum / static_cast<double>(count), least, most);
  }
};

Result<std::vector<std::string>> read_labels(const char* file) {
  EIDETIC_TRY(const std::string text, read_text(file));
  std::vector<std::string> labels;
  for (std::string_view line : split(text, '\n')) {
    if (line.empty()) continue;
    if (const auto end = line.rfind('/'); end != std::string_view::npos) {
      line = line.substr(0, end);
      line = line.substr(line.rfind('/') + 1);
    }
    labels.emplace_back(line);
  }
  return labels;
}

// `learn` gives a report for a seed.
template <typename Learn>
Result<void> over_seeds(std::size_t seeds, const Learn& learn) {
  Spread accuracy, error, raw_error, seconds;
  for (std::size_t seed = 1; seed <= seeds; ++seed) {
    EIDETIC_TRY(const LearnReport report, learn(seed));
    fmt::print(
        "seed {}: accuracy {:.3f} of {}, decay {:g}, {} iterations, temperature {:.2f}, calibration error {:.3f} "
        "({:.3f} without temperature), {:.2f} s\n",
        seed, report.accuracy, report.held_out, report.decay, report.iterations, report.temperature,
        report.calibration_error, report.raw_calibration_error, report.seconds);
    for (std::size_t i = 0; i < std::min<std::size_t>(3, report.confusions.size()); ++i) {
      const auto& confusion = report.confusions[i];
      fmt::print("        {} for {}: {}\n", confusion.predicted, confusion.truth, confusion.count);
    }
    accuracy.add(report.accuracy);
    error.add(report.calibration_error);
    raw_error.add(report.raw_calibration_error);
    seconds.add(report.seconds);
  }
  fmt::print("accuracy {}, calibration error {}, without temperature {}, seconds {}\n", accuracy.text(), error.text(),
             raw_error.text(), seconds.text());
  return {};
}

std::size_t number(std::span<char*> arguments, std::size_t place, std::size_t otherwise) {
  return place < arguments.size() ? std::stoul(arguments[place]) : otherwise;
}

Result<void> measure_labels(std::span<char*> arguments, ThreadPool& pool) {
  EIDETIC_TRY(const NpyArray array, read_npy(arguments[0]));
  EIDETIC_TRY(const auto labels, read_labels(arguments[1]));
  const MatrixView vectors(array.values, array.shape.back());
  return over_seeds(number(arguments, 2, 5), [&](std::uint64_t seed) -> Result<LearnReport> {
    const auto hidden = static_cast<unsigned>(number(arguments, 3, 0));
    EIDETIC_TRY(auto learnt, train_labels(vectors, labels, {.hidden = hidden, .seed = seed, .pool = &pool}));
    return std::move(learnt.report);
  });
}

Result<void> measure_clusters(std::span<char*> arguments, ThreadPool& pool) {
  EIDETIC_TRY(const NpyArray array, read_npy(arguments[0]));
  const MatrixView vectors(array.values, array.shape.back());
  return over_seeds(number(arguments, 1, 5), [&](std::uint64_t seed) -> Result<LearnReport> {
    EIDETIC_TRY(auto learnt,
                train_clusters(vectors, number(arguments, 2, kDefaultClusters), {.seed = seed, .pool = &pool}));
    return std::move(learnt.report);
  });
}

Result<void> measure_speed(std::span<char*> arguments, ThreadPool& pool) {
  const std::size_t dimensions = number(arguments, 1, 0);
  const std::size_t classes = number(arguments, 2, 0);
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  Matrix centers(classes, dimensions);
  for (float& value : centers.values()) value = normal(random);
  Matrix vectors(number(arguments, 0, 0), dimensions);
  std::vector<std::string> labels;
  for (std::size_t row = 0; row < vectors.rows(); ++row) {
    const std::size_t of = row % classes;
    for (std::size_t i = 0; i < dimensions; ++i) vectors[row][i] = centers[of][i] + 4 * normal(random);
    labels.push_back(std::to_string(of));
  }
  const auto hidden = static_cast<unsigned>(number(arguments, 3, 0));
  return over_seeds(1, [&](std::uint64_t seed) -> Result<LearnReport> {
    EIDETIC_TRY(auto learnt, train_labels(vectors, labels, {.hidden = hidden, .seed = seed, .pool = &pool}));
    return std::move(learnt.report);
  });
}

Result<void> run(std::span<char*> arguments) {
  ThreadPool pool(available_cores());
  const std::string_view what = arguments.empty() ? "" : arguments[0];
  if (what == "labels" && arguments.size() >= 3) return measure_labels(arguments.subspan(1), pool);
  if (what == "clusters" && arguments.size() >= 2) return measure_clusters(arguments.subspan(1), pool);
  if (what == "speed" && arguments.size() >= 4) return measure_speed(arguments.subspan(1), pool);
  return fail(ErrorCode::invalid_argument,
              "labels VECTORS.npy LABELS [SEEDS [HIDDEN]], clusters VECTORS.npy [SEEDS "
              "[CLUSTERS]] or speed ITEMS DIMENSIONS CLASSES [HIDDEN]");
}

}  // namespace

int main(int count, char** arguments) {
  const auto done = run(std::span(arguments, static_cast<std::size_t>(count)).subspan(1));
  if (!done) fmt::print(stderr, "learn_bench: {}\n", done.error().message);
  return done ? 0 : 1;
}
