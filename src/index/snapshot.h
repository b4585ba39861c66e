// What the snapshots of all indexes share: which rows of which store they are of.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "eidetic/error.h"
#include "eidetic/vector_index.h"

#include "index/checked_file.h"
#include "index/index_plan.h"
#include "index/vector_store.h"

namespace eidetic {

// `content` writes what follows the header.
[[nodiscard]] Result<void> write_snapshot(const std::filesystem::path& file, FileKind kind, const VectorStore& store,
                                          Row end, const std::function<void(CheckedWriter&)>& content);
// The header: the row that the snapshot ends before. corrupt: it is not of this store.
[[nodiscard]] Result<Row> read_snapshot_header(CheckedReader& in, const VectorStore& store);

// What an index is, and what it was learnt from.
void write_plan(CheckedWriter& out, const IndexPlan& plan, const TrainingReport& training);
// nullopt: not what write_plan wrote, of another structure, or larger than what is left of the snapshot can fill.
[[nodiscard]] std::optional<IndexPlan> read_plan(CheckedReader& in, const VectorStore& store,
                                                 IndexPlan::Structure structure, TrainingReport& training);

// invalid_argument: k is not 1 to kMaxK.
[[nodiscard]] Result<void> check_params(const SearchParams& params);

}  // namespace eidetic
