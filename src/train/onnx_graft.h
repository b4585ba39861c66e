// A trunk's ONNX graph with a learnt head on top, in one file.
// Thread rule: pure; any thread.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "eidetic/error.h"

#include "train/perceptron.h"

namespace eidetic {

// How the trunk's values become the rows that the head was learnt from: as a model bundle says (docs/model-bundles.md).
struct TrunkOutput {
  std::optional<std::string> layer = {};  // tensor or node; none: the last output
  enum class Pooling { none, avg, max, gem };
  Pooling pooling = Pooling::none;
  double gem_p = 3;
  int rank = 2;                // dimensions of the layer, the batch among them: 2 to 4
  bool channels_last = false;  // of a layer of four dimensions; of three they are last
  bool l2_normalize = true;
};

inline constexpr std::string_view kHeadOutput = "eidetic_embedding";  // [n, outputs], not normalised

// Writes the trunk and the head as one model whose only output is kHeadOutput; what only other outputs need is left
// out. Errors: those of reading and writing; unsupported: no ONNX, weights outside of the file, a graph without that
// layer (naming it), one whose last values the head does not fit.
[[nodiscard]] Result<void> graft_head(const std::filesystem::path& trunk, const TrunkOutput& output,
                                      const PerceptronShape& shape, std::span<const float> parameters,
                                      const std::filesystem::path& file);

}  // namespace eidetic
