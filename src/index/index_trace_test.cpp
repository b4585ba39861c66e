// How searches and indexes are shown to people.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "index/index_test.h"

namespace eidetic {
namespace {

class IndexTrace : public IndexTest {};
INSTANTIATE_TEST_SUITE_P(All, IndexTrace, testing::ValuesIn(every_kind()), kind_name);

TEST_P(IndexTrace, ShowsHowItSearchesAndIsBuilt) {
  const TestVectors& data = crowd().data;
  const auto index = crowd().full(crowd().store);
  const Row left = crowd().rows - 2;
  const std::vector<Row> gone = {0, 1};
  index->remove(gone);
  SearchTrace trace;
  const auto found = index->search(data[5], {.k = 10, .nprobe = 3, .trace = &trace}).value();
  EXPECT_EQ(rows_of(found), rows_of(index->search(data[5], {.k = 10, .nprobe = 3}).value()));

  // What is found is the best of the candidates.
  ASSERT_GE(trace.candidates.size(), found.size());
  auto candidates = trace.candidates;
  std::ranges::sort(candidates, std::greater{}, &SearchTrace::Candidate::similarity);
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(candidates[i].similarity, found[i].similarity);
  EXPECT_TRUE(std::ranges::is_sorted(trace.candidates, std::greater{}, &SearchTrace::Candidate::estimate));
  const IndexAnatomy anatomy = index->anatomy();
  EXPECT_EQ(anatomy.kind, factory());
  EXPECT_EQ(trace.steps.empty(), !factory().contains("HNSW"));
  EXPECT_EQ(anatomy.layers.empty(), !factory().contains("HNSW"));
  if (!trace.steps.empty()) {
    EXPECT_EQ(anatomy.layers[0].rows, left);
    EXPECT_GT(anatomy.layers[0].mean_links, 4);
    std::set<Row> seen = {trace.steps[0].row};
    for (const auto& step : trace.steps) {
      EXPECT_TRUE(seen.contains(step.from));
      seen.insert(step.row);
      EXPECT_LT(step.layer, anatomy.layers.size());
    }
    for (const auto& candidate : trace.candidates) EXPECT_TRUE(seen.contains(candidate.row));
  }
  EXPECT_EQ(trace.visits.empty(), !factory().contains("IVF"));
  EXPECT_EQ(anatomy.cells.empty(), !factory().contains("IVF"));
  if (trace.visits.empty()) return;
  EXPECT_EQ(trace.visits.size(), 3U);
  if (metric() != Metric::dot) {
    EXPECT_TRUE(std::ranges::is_sorted(trace.visits, std::less{}, &SearchTrace::Visit::distance));
  }
  std::uint64_t rows = 0;
  for (const auto& cell : anatomy.cells) {
    rows += cell.rows;
    EXPECT_EQ(cell.centroid.size(), anatomy.dimensions);
    EXPECT_LE(cell.mean_distance, cell.radius);
  }
  EXPECT_EQ(rows, left);
  EXPECT_EQ(anatomy.cell_of[0], kNoCell);
  EXPECT_EQ(std::ranges::count(anatomy.cell_of, trace.visits[0].cell),
            static_cast<std::ptrdiff_t>(anatomy.cells[trace.visits[0].cell].rows));
}

// On average, as a share of the similarities.
TEST_P(IndexTrace, EstimatesAreAsCloseAsTheKindPromises) {
  double apart = 0;
  double size = 0;
  for (Row i = 0; i < 20; ++i) {
    SearchTrace trace;
    ASSERT_TRUE(crowd().index->search(crowd().query(i), {.k = 10, .nprobe = 3, .trace = &trace}));
    for (const auto& candidate : trace.candidates) {
      apart += std::abs(candidate.estimate - candidate.similarity);
      size += std::abs(candidate.similarity);
    }
  }
  EXPECT_LE(apart / size, GetParam().kind.closeness);
}

}  // namespace
}  // namespace eidetic
