// The copy score: the chance that two pictures are edits of the same picture, beside how alike they look. Two
// photographs of one package on one shelf are as near each other as a photograph and its crop; only what is left of the
// picture itself tells them apart.
//
// Thread rule: pure functions and values; any thread.
#pragma once

#include <optional>

#include "refine/copy_check.h"
#include "refine/perceptual_hash.h"

namespace eidetic {

// What is known of two pictures.
struct CopySigns {
  double similarity = 0;                  // of their vectors: a cosine
  std::optional<int> hash_distance = {};  // see perceptual_hash.h; nullopt: a picture is not at hand, or plain
  std::optional<PixelMatch> pixels = {};  // nullopt: not compared
};

// 0 to 1, at 0.5 as likely as not. What is surest decides: pixels; where they were not compared the hashes; where there
// are none the vectors, which say little: 0.5 is a similarity of 0.994. docs/benchmarks.md has the data behind it.
[[nodiscard]] double copy_score(const CopySigns& signs) noexcept;

// Whether to compare the pixels would change much: not where the hashes are all but the same, and not where neither
// they nor the vectors speak for it.
[[nodiscard]] bool is_unsure(const CopySigns& signs) noexcept;

// The similarity from which on vectors alone make that score, 0 to 1; above 1 where none does.
[[nodiscard]] double similarity_for(double score) noexcept;

// Pairs of items that are less similar than this are not worth a look.
inline constexpr double kLeastCopySimilarity = 0.4;

}  // namespace eidetic
