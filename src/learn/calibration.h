// Honest scores: how likely it is that a hit is a real match, and not only the nearest of what is there.
//
// A similarity says little by itself: how near unrelated pictures are depends on the model, on the collection and on
// how many items it has. A calibration is learnt from searches that a collection's own items make in it: once as they
// are, and once as if nothing of their kind were there. Logistic regression (Platt 1999) on two numbers, the similarity
// of a hit and that of the best hit, tells the two apart; what it says of classes that it was not learnt from is what
// its report gives. Which hits of an item are matches, its label says. Without labels, the widest drop in its list of
// similarities does: hits before it are taken as matches, and hits from it on are what would be found were these not
// there. docs/scores.md has what it achieves and what was tried besides.
//
// Thread rule: constant once made; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <stop_token>
#include <string_view>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/space.h"

#include "index/matrix.h"

namespace eidetic {

class ThreadPool;

inline constexpr std::uint32_t kNoLabel = std::numeric_limits<std::uint32_t>::max();
inline constexpr std::size_t kMaxCalibrationVectors = 65'536;
inline constexpr std::size_t kMaxCalibrationCases = 16'384;
inline constexpr std::size_t kLeastCalibrationCases = 100;  // fewer are too few to learn from
inline constexpr std::size_t kLeastCalibrationLabels = 5;   // different ones, each of two items or more
inline constexpr std::size_t kCalibrationRanks = 10;        // hits of a list that are learnt from
inline constexpr std::size_t kCalibrationReach = 120;       // hits of a list in which its widest drop is looked for
inline constexpr std::size_t kLeastCalibrationReach = 20;   // hits that such a list must have
inline constexpr std::size_t kCalibrationBins = 10;         // of a reliability diagram
inline constexpr double kMaxCalibrationNumber = 1e15;       // of weights, either sign

// What a search with an item of a collection found in that collection, without the item itself. Similarities as hits
// have them (eidetic/space.h), best first.
struct CalibrationCase {
  std::uint32_t label = kNoLabel;  // the item's; all cases have one, or none has
  // With labels kCalibrationRanks are wanted, without kCalibrationReach; more are not looked at. With labels it may be
  // empty: no other item has this one's label.
  std::vector<double> similarities;
  std::vector<bool> matches;  // with labels: which of these hits have the item's label
  // With labels: the best of the hits that have another label, kCalibrationRanks are wanted. Empty: unknown.
  std::vector<double> strangers;
  double query_length = 1;  // under dot: of the item's vector
};

struct CalibrationOptions {
  Metric metric = Metric::cosine;
  double absent_share = 0.5;   // of searches, how many are expected to be for what is not there; above 0, below 1
  double lost_share = 0.08;    // of right first hits, how many recommended() may cost; 0 to 0.5
  std::size_t queries = 2000;  // items that are searched with, up to kMaxCalibrationCases; drawn where there are more
  std::uint64_t seed = 1;      // of all that is drawn; the same seed and input, the same bits
  ThreadPool* pool = nullptr;  // null: on the calling thread; the answer does not depend on it
};

// What hits of at least `minimum` confidence mean, for the first hits of searches.
struct CalibrationRate {
  double minimum = 0;
  double lost = 0;     // share of right first hits that have less: matches that are not shown
  double refused = 0;  // share of searches for what is not there whose first hit has less: "nothing similar"
};

// First hits whose confidence is in one tenth of 0 to 1.
struct ReliabilityBin {
  double predicted = 0;  // mean confidence
  double observed = 0;   // share that are matches, weighted by absent_share
  std::uint64_t count = 0;
};

struct CalibrationReport {
  bool labelled = false;
  std::uint64_t items = 0;   // searched in; of cases, their number
  std::uint64_t cases = 0;   // searches learnt from
  std::uint64_t labels = 0;  // different ones; 0 without labels
  // With labels, every figure is of classes that were held out in five parts: what a calibration that never saw a class
  // says of it. Without, they are what the assumed matches give, and not measured: bins are empty, and so is the error.
  std::vector<CalibrationRate> rates;  // minimum 0, 0.05, … 1
  CalibrationRate recommended;
  std::vector<ReliabilityBin> bins;         // kCalibrationBins
  std::optional<double> calibration_error;  // expected calibration error over these bins (Naeini et al. 2015)
};

// How likely a hit is a match: sigmoid(similarity * s + best * s1 + offset), with s the similarity of the hit and s1
// that of the first hit, both as CalibrationOptions::metric measures them: under euclidean minus the distance, under
// dot divided by the query's length.
struct CalibrationCurve {
  double similarity = 0;  // not negative
  double best = 0;        // similarity + best is not negative
  double offset = 0;
};

class Calibration {
 public:
  // Learns from the neighbours that vectors have among themselves: all vectors of a collection, or a sample of it. A
  // sample has fewer strangers near, so what is learnt from it is too confident for the whole: for collections larger
  // than kMaxCalibrationVectors make cases of searches in the whole collection. `labels` is empty, or has one for each
  // row; rows of kNoLabel among others are left out. invalid_argument: fewer than kLeastCalibrationCases rows, or of
  // kLeastCalibrationLabels; labels of another number than rows; a vector that is not finite, too long, or zero under
  // cosine or dot (naming the row); options outside their ranges; nothing to be learnt, as matches are not more similar
  // than others. overloaded: more than kMaxCalibrationVectors. unavailable: stopped.
  [[nodiscard]] static Result<Calibration> fit(MatrixView vectors, std::span<const std::uint32_t> labels,
                                               const CalibrationOptions& options = {},
                                               const std::stop_token& stop = {});
  // The same from searches that were made elsewhere. `items`: how many there are to be found. overloaded: more than
  // kMaxCalibrationCases. `queries` and `pool` are not used.
  [[nodiscard]] static Result<Calibration> fit(std::span<const CalibrationCase> cases, std::uint64_t items,
                                               const CalibrationOptions& options = {},
                                               const std::stop_token& stop = {});

  // The confidence of each hit, 0 to 1, never rising with its rank. `similarities` are those of one search's hits, best
  // first, without the item that was searched with: a picture is no match of itself. `query` is only looked at under
  // dot. What is not a number has confidence 0.
  [[nodiscard]] std::vector<double> confidences(std::span<const float> query,
                                                std::span<const double> similarities) const;

  // The confidence below which a hit had better not be shown: where the first hit has less, nothing similar is there.
  [[nodiscard]] double recommended() const noexcept { return report_.recommended.minimum; }
  [[nodiscard]] const CalibrationReport& report() const noexcept { return report_; }
  [[nodiscard]] const CalibrationCurve& curve() const noexcept { return curve_; }
  [[nodiscard]] Metric metric() const noexcept { return metric_; }

  // docs/file-formats.md. deserialize(serialize()) has the same report and gives the same bits.
  [[nodiscard]] std::vector<std::byte> serialize() const;
  // `what` leads messages: a file's name. corrupt: these are not what serialize gave; unsupported: of a newer version.
  [[nodiscard]] static Result<Calibration> deserialize(std::span<const std::byte> bytes, std::string_view what);

 private:
  Calibration() = default;

  Metric metric_ = Metric::cosine;
  CalibrationCurve curve_;
  CalibrationReport report_;
};

// The searches that Calibration::fit of vectors learns from: those that up to options.queries of the rows make among
// all. Errors as there.
[[nodiscard]] Result<std::vector<CalibrationCase>> calibration_cases(MatrixView vectors,
                                                                     std::span<const std::uint32_t> labels,
                                                                     const CalibrationOptions& options,
                                                                     const std::stop_token& stop = {});

}  // namespace eidetic
