// The compressed index: vectors, projected where the plan says so, in cells around centroids (inverted file: Sivic and
// Zisserman 2003; with product codes: Jégou, Douze, Schmid 2011), kept as codes, hits scored from full precision. One
// cell where the plan names none: then all codes are looked at.
//
// What it searches by is learnt from a sample of the store's vectors, once: rows that come later go where they fit.
// Never fewer hits than asked for while there are rows to find: more cells are visited until there are enough.
#pragma once

#include <memory>
#include <mutex>

#include "eidetic/vector_index.h"

#include "index/candidates.h"
#include "index/exact_score.h"
#include "index/index_plan.h"
#include "index/inverted_lists.h"
#include "index/projection.h"
#include "index/row_codes.h"
#include "index/row_states.h"
#include "index/vector_store.h"

namespace eidetic {

class IvfIndex final : public VectorIndex {
 public:
  static constexpr FileKind kSnapshot = {"EIDETIVF", 1};

  // `plan` is of plan_index, for the store's dimensions.
  [[nodiscard]] static Result<std::unique_ptr<IvfIndex>> make(const IndexPlan& plan,
                                                              std::shared_ptr<const VectorStore> store,
                                                              const IndexOptions& options);
  // `in`: the content of a snapshot, after its header.
  [[nodiscard]] static Result<std::unique_ptr<VectorIndex>> load(CheckedReader& in, Row end,
                                                                 std::shared_ptr<const VectorStore> store,
                                                                 const IndexOptions& options);

  Result<void> train(std::span<const Row> rows) override;
  Result<void> add(std::span<const Row> rows) override;
  void remove(std::span<const Row> rows) override { states_.remove(rows); }
  Result<std::vector<Neighbor>> search(std::span<const float> query, const SearchParams& params) const override;
  std::vector<Result<std::vector<Neighbor>>> search(std::span<const std::span<const float>> queries,
                                                    const SearchParams& params) const override {
    return search_each(*this, queries, params, options_.pool);
  }
  Result<void> save(const std::filesystem::path& file) const override;
  IndexStats stats() const override;
  IndexAnatomy anatomy() const override;

 private:
  IvfIndex(const IndexPlan& plan, Projection projection, std::shared_ptr<const VectorStore> store,
           const IndexOptions& options);

  [[nodiscard]] Result<bool> read(CheckedReader& in, Row end);
  [[nodiscard]] Result<void> add_portion(std::span<const Row> rows);
  // What the product codes of vectors are of: one row of centroids each; empty where codes are of the vectors.
  [[nodiscard]] Matrix bases(std::span<const std::uint32_t> cells) const;
  [[nodiscard]] bool residual() const noexcept { return plan_.code == IndexPlan::Code::product && plan_.cells > 1; }
  [[nodiscard]] bool exact() const noexcept { return plan_.code == IndexPlan::Code::flat && projection_.identity(); }
  class Order;
  // What a scan's score says of the score outside; `square` is that of the projected query.
  [[nodiscard]] double outer_score(float scan, double square) const noexcept;
  [[nodiscard]] std::size_t depth(const SearchParams& params) const noexcept;
  [[nodiscard]] std::size_t probes(const SearchParams& params, double share) const noexcept;

  const IndexPlan plan_;
  std::shared_ptr<const VectorStore> store_;
  const IndexOptions options_;
  Projection projection_;
  Matrix centroids_;                 // cells x projected dimensions; of one cell none
  std::vector<float> half_squares_;  // of the centroids
  std::unique_ptr<RowCodes> codes_;
  InvertedLists lists_;
  RowStates states_;
  TrainingReport training_;
  mutable std::mutex write_mutex_;  // held while rows are added, and while they are copied into a snapshot
};

}  // namespace eidetic
