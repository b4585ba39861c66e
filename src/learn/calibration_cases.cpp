#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>

#include "base/threads.h"
#include "index/vector_math.h"
#include "learn/calibration.h"

namespace eidetic {
namespace {

constexpr std::size_t kBlock = 64;  // queries whose products with all rows are held at once

struct Scored {
  double score = 0;  // larger is nearer
  std::uint32_t row = 0;
};

bool nearer(const Scored& a, const Scored& b) { return a.score != b.score ? a.score > b.score : a.row < b.row; }

// The rows as they are compared, and their lengths.
struct Rows {
  Matrix vectors;  // under cosine of unit length
  std::vector<double> lengths;
};

Result<Rows> prepared(MatrixView vectors, Metric metric) {
  Rows rows{.vectors = Matrix(vectors.rows(), vectors.columns), .lengths = {}};
  rows.lengths.reserve(vectors.rows());
  // Under dot a vector of zeros is no more a query than under cosine: all is as similar to it.
  const Metric checked = metric == Metric::euclidean ? metric : Metric::cosine;
  for (std::size_t row = 0; row < vectors.rows(); ++row) {
    EIDETIC_TRY(const double length, checked_norm(vectors[row], static_cast<std::uint32_t>(vectors.columns), checked,
                                                  fmt::format("vector {}", row)));
    std::ranges::copy(vectors[row], rows.vectors[row].begin());
    if (metric == Metric::cosine) to_unit(rows.vectors[row], length);
    rows.lengths.push_back(length);
  }
  return rows;
}

// Searches with rows among rows. Immutable: any thread.
class Neighbourhood {
 public:
  Neighbourhood(const Rows& rows, std::span<const std::uint32_t> labels, Metric metric)
      : rows_(&rows), labels_(labels), metric_(metric) {
    for (const std::uint32_t label : labels) ++sizes_[label];
  }

  // `products` are those of `row` with all rows.
  [[nodiscard]] CalibrationCase search(std::uint32_t row, std::span<const float> products) const {
    CalibrationCase found;
    found.query_length = metric_ == Metric::dot ? rows_->lengths[row] : 1;
    std::vector<Scored> all;
    all.reserve(products.size());
    for (std::uint32_t other = 0; other < products.size(); ++other) {
      if (other == row || (!labels_.empty() && labels_[other] == kNoLabel)) continue;
      all.push_back({.score = estimate(row, other, products[other]), .row = other});
    }
    if (labels_.empty()) {
      for (const Scored& hit : best(row, all, kCalibrationReach)) found.similarities.push_back(similarity(hit.score));
      return found;
    }
    found.label = labels_[row];
    if (sizes_.at(found.label) > 1) {
      for (const Scored& hit : best(row, all, kCalibrationRanks)) {
        found.similarities.push_back(similarity(hit.score));
        found.matches.push_back(labels_[hit.row] == found.label);
      }
    }
    std::erase_if(all, [&](const Scored& hit) { return labels_[hit.row] == found.label; });
    for (const Scored& hit : best(row, all, kCalibrationRanks)) found.strangers.push_back(similarity(hit.score));
    return found;
  }

 private:
  [[nodiscard]] double estimate(std::uint32_t row, std::uint32_t other, float product) const {
    if (metric_ != Metric::euclidean) return static_cast<double>(product);
    return 2 * static_cast<double>(product) - rows_->lengths[other] * rows_->lengths[other] -
           rows_->lengths[row] * rows_->lengths[row];
  }
  // In double, as every index scores its hits.
  [[nodiscard]] double exact(std::uint32_t row, std::uint32_t other) const {
    const auto query = rows_->vectors[row];
    const auto vector = rows_->vectors[other];
    switch (metric_) {
      case Metric::cosine: return std::clamp(dot_product(query, vector), -1.0, 1.0);
      case Metric::dot: return dot_product(query, vector);
      case Metric::euclidean: break;
    }
    return -squared_distance(query, vector);
  }
  [[nodiscard]] double similarity(double score) const {
    return metric_ == Metric::euclidean ? 1 / (1 + std::sqrt(-score)) : score;
  }
  [[nodiscard]] std::vector<Scored> best(std::uint32_t row, std::vector<Scored>& all, std::size_t count) const {
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(count, all.size()));
    std::ranges::partial_sort(all, end, nearer);
    std::vector<Scored> hits(all.begin(), end);
    for (Scored& hit : hits) hit.score = exact(row, hit.row);
    std::ranges::sort(hits, nearer);
    return hits;
  }

  const Rows* rows_;
  std::span<const std::uint32_t> labels_;
  Metric metric_;
  std::map<std::uint32_t, std::size_t> sizes_;
};

// Up to `count` of the rows that have a label, where there are labels; in rising order.
std::vector<std::uint32_t> drawn(std::size_t rows, std::span<const std::uint32_t> labels, std::size_t count,
                                 std::uint64_t seed) {
  std::vector<std::uint32_t> places(rows);
  std::iota(places.begin(), places.end(), std::uint32_t{0});
  if (!labels.empty()) std::erase_if(places, [&](std::uint32_t row) { return labels[row] == kNoLabel; });
  if (places.size() <= count) return places;
  std::mt19937_64 random(seed);
  for (std::size_t i = 0; i < count; ++i) std::swap(places[i], places[i + random() % (places.size() - i)]);
  places.resize(count);
  std::ranges::sort(places);
  return places;
}

}  // namespace

Result<std::vector<CalibrationCase>> calibration_cases(MatrixView vectors, std::span<const std::uint32_t> labels,
                                                       const CalibrationOptions& options, const std::stop_token& stop) {
  if (!labels.empty() && labels.size() != vectors.rows()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} labels for {} vectors: give one for each, or none", labels.size(), vectors.rows()));
  }
  if (vectors.rows() > kMaxCalibrationVectors) {
    return fail(ErrorCode::overloaded, fmt::format("{} vectors to calibrate by: up to {} are possible; draw a sample",
                                                   vectors.rows(), kMaxCalibrationVectors));
  }
  if (options.queries < 1 || options.queries > kMaxCalibrationCases) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} searches to calibrate by: 1 to {} are possible",
                                                         options.queries, kMaxCalibrationCases));
  }
  EIDETIC_TRY(const Rows rows, prepared(vectors, options.metric));
  const Neighbourhood neighbourhood(rows, labels, options.metric);
  const auto queries = drawn(vectors.rows(), labels, options.queries, options.seed);
  std::vector<CalibrationCase> cases(queries.size());
  const auto one_block = [&](std::size_t block) {
    if (stop.stop_requested()) return;
    const std::size_t first = block * kBlock;
    const std::size_t count = std::min(kBlock, queries.size() - first);
    Matrix asked(count, vectors.columns);
    for (std::size_t i = 0; i < count; ++i) std::ranges::copy(rows.vectors[queries[first + i]], asked[i].begin());
    Matrix found(count, vectors.rows());
    products(asked, rows.vectors, found.values());
    for (std::size_t i = 0; i < count; ++i) cases[first + i] = neighbourhood.search(queries[first + i], found[i]);
  };
  const std::size_t blocks = (queries.size() + kBlock - 1) / kBlock;
  if (options.pool != nullptr) {
    options.pool->parallel_for(blocks, one_block);
  } else {
    for (std::size_t block = 0; block < blocks; ++block) one_block(block);
  }
  if (stop.stop_requested()) return fail(ErrorCode::unavailable, "stopped");
  return cases;
}

}  // namespace eidetic
