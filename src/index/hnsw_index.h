// The graph index: a graph walked by 7-bit codes, of projected vectors where the plan says so; hits scored from full
// precision. About `dimensions` + 8.5 bytes times `links` of memory a row. Never fewer hits than asked for while there
// are rows to find: what the walk does not reach is found by scanning.
#pragma once

#include <memory>
#include <mutex>

#include "eidetic/vector_index.h"

#include "index/exact_score.h"
#include "index/hnsw_graph.h"
#include "index/index_plan.h"
#include "index/projection.h"
#include "index/rotation.h"
#include "index/row_states.h"
#include "index/vector_store.h"

namespace eidetic {

class HnswIndex final : public VectorIndex {
 public:
  static constexpr FileKind kSnapshot = {"EIDEHNSW", 2};
  static constexpr std::uint32_t kDefaultEf = 64;

  // `plan` is of plan_index, for the store's dimensions.
  [[nodiscard]] static Result<std::unique_ptr<HnswIndex>> make(const IndexPlan& plan,
                                                               std::shared_ptr<const VectorStore> store,
                                                               const IndexOptions& options);
  // `in`: the content of a snapshot, after its header.
  [[nodiscard]] static Result<std::unique_ptr<VectorIndex>> load(CheckedReader& in, Row end,
                                                                 std::shared_ptr<const VectorStore> store,
                                                                 const IndexOptions& options);

  Result<void> train(std::span<const Row> rows) override;
  Result<void> add(std::span<const Row> rows) override;
  void remove(std::span<const Row> rows) override;
  Result<std::vector<Neighbor>> search(std::span<const float> query, const SearchParams& params) const override;
  std::vector<Result<std::vector<Neighbor>>> search(std::span<const std::span<const float>> queries,
                                                    const SearchParams& params) const override {
    return search_each(*this, queries, params, options_.pool);
  }
  Result<void> save(const std::filesystem::path& file) const override;
  IndexStats stats() const override;
  IndexAnatomy anatomy() const override;

 private:
  HnswIndex(const IndexPlan& plan, Projection projection, std::shared_ptr<const VectorStore> store,
            const IndexOptions& options);

  // As the graph has them: projected, turned.
  [[nodiscard]] std::vector<float> inside(std::span<const float> vector) const;
  void insert(Row row) { graph_.insert(row, inside(store_->vector(row))); }
  [[nodiscard]] std::vector<Neighbor> rescore(const ExactScore& score, std::span<const HnswGraph::Near> nearest,
                                              const SearchParams& params) const;

  const IndexPlan plan_;
  std::shared_ptr<const VectorStore> store_;
  const IndexOptions options_;
  Projection projection_;
  TrainingReport training_;
  Rotation rotation_;
  RowStates states_;
  HnswGraph graph_;
  mutable std::mutex write_mutex_;  // held while rows are inserted, and while links are copied into a snapshot
};

}  // namespace eidetic
