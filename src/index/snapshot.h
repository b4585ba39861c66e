// What the snapshots of all indexes share: which rows of which store they are of.
#pragma once

#include <filesystem>
#include <functional>

#include "eidetic/error.h"
#include "eidetic/vector_index.h"

#include "index/checked_file.h"
#include "index/vector_store.h"

namespace eidetic {

// `content` writes what follows the header.
[[nodiscard]] Result<void> write_snapshot(const std::filesystem::path& file, FileKind kind, const VectorStore& store,
                                          Row end, const std::function<void(CheckedWriter&)>& content);
// The header: the row that the snapshot ends before. corrupt: it is not of this store.
[[nodiscard]] Result<Row> read_snapshot_header(CheckedReader& in, const VectorStore& store);

// invalid_argument: k is not 1 to kMaxK.
[[nodiscard]] Result<void> check_params(const SearchParams& params);

}  // namespace eidetic
