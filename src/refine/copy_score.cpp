#include "refine/copy_score.h"

#include <cmath>

namespace eidetic {
namespace {

constexpr int kSameHash = 2;              // bits: photographs that are none of each other's edits are 6 or more apart
constexpr int kOtherHash = 26;            // bits: only a crop
constexpr double kOtherSimilarity = 0.6;  // below it crops are rare

// Of vectors alone: 0.5, and how fast the score rises.
constexpr double kMiddleSimilarity = 0.994;
constexpr double kSimilarityWidth = 0.0015;

// From 0 to 1, 0.5 at `middle`; rises over a few `width`.
double rising(double value, double middle, double width) { return 1 / (1 + std::exp((middle - value) / width)); }

double score_of(const PixelMatch& match) {
  // Edits leave the picture as it is, what is drawn on it apart; other photographs of the same thing agree in up to two
  // thirds. Those that do agree all over show a bit more on one side, and were taken at another angle.
  return rising(match.agreement, 0.69, 0.03) * rising(match.shown_pct, 96.5, 0.4) * rising(-match.skew_pct, -0.5, 0.07);
}

}  // namespace

double copy_score(const CopySigns& signs) noexcept {
  if (signs.pixels) return score_of(*signs.pixels);
  if (signs.hash_distance) return rising(-*signs.hash_distance, -9, 1.5);
  return rising(signs.similarity, kMiddleSimilarity, kSimilarityWidth);
}

double similarity_for(double score) noexcept {
  if (score <= 0) return -1;
  if (score >= 1) return 2;
  return kMiddleSimilarity + kSimilarityWidth * std::log(score / (1 - score));
}

bool is_unsure(const CopySigns& signs) noexcept {
  if (!signs.hash_distance) return true;
  if (*signs.hash_distance <= kSameHash) return false;
  return *signs.hash_distance < kOtherHash || signs.similarity >= kOtherSimilarity;
}

}  // namespace eidetic
