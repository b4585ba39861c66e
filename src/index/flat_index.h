// The exact index: recall 1 by construction, see flat_scan.h. About `dimensions` + 20 bytes of memory a row.
#pragma once

#include <memory>
#include <mutex>

#include "eidetic/vector_index.h"

#include "index/exact_score.h"
#include "index/row_codes.h"
#include "index/row_states.h"
#include "index/vector_store.h"

namespace eidetic {

class FlatIndex final : public VectorIndex {
 public:
  static constexpr FileKind kSnapshot = {"EIDEFLAT", 2};

  FlatIndex(std::shared_ptr<const VectorStore> store, const IndexOptions& options);
  // `in`: the content of a snapshot, after its header.
  [[nodiscard]] static Result<std::unique_ptr<VectorIndex>> load(CheckedReader& in, Row end,
                                                                 std::shared_ptr<const VectorStore> store,
                                                                 const IndexOptions& options);

  Result<void> train(std::span<const Row> /*rows*/) override { return {}; }
  Result<void> add(std::span<const Row> rows) override;
  void remove(std::span<const Row> rows) override;
  Result<std::vector<Neighbor>> search(std::span<const float> query, const SearchParams& params) const override;
  std::vector<Result<std::vector<Neighbor>>> search(std::span<const std::span<const float>> queries,
                                                    const SearchParams& params) const override;
  Result<void> save(const std::filesystem::path& file) const override;
  IndexStats stats() const override;
  IndexAnatomy anatomy() const override { return {.kind = "Flat", .dimensions = store_->dimensions()}; }

 private:
  struct Question;

  // invalid_argument: the query or the parameters are no good.
  [[nodiscard]] Result<ExactScore> checked_score(std::span<const float> query, const SearchParams& params) const;
  void scan_run(Question& question, Block run) const;
  [[nodiscard]] Result<void> reserve(Row row);

  std::shared_ptr<const VectorStore> store_;
  IndexOptions options_;
  FlatCodes codes_;  // a row's slot is its number
  RowStates states_;
  mutable std::mutex write_mutex_;  // held while blocks are written, and copied into a snapshot
};

}  // namespace eidetic
