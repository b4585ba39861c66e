// The one place that knows all indexes: factory strings to indexes, snapshots to indexes.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "eidetic/vector_index.h"

#include "index/flat_index.h"
#include "index/hnsw_index.h"
#include "index/index_plan.h"
#include "index/ivf_index.h"
#include "index/projection.h"
#include "index/snapshot.h"

namespace eidetic {
namespace {

bool starts_with(std::span<const std::byte> file, FileKind kind) {
  const auto magic = as_bytes(kind.magic);
  return file.size() >= magic.size() && std::ranges::equal(file.first(magic.size()), magic);
}

Result<std::unique_ptr<VectorIndex>> load_content(std::span<const std::byte> file, const std::filesystem::path& path,
                                                  std::shared_ptr<const VectorStore> store,
                                                  const IndexOptions& options) {
  const auto load_as = [&]<typename Index>() -> Result<std::unique_ptr<VectorIndex>> {
    EIDETIC_TRY(CheckedReader in, read_checked(file, Index::kSnapshot, path));
    EIDETIC_TRY(const Row end, read_snapshot_header(in, *store));
    return Index::load(in, end, store, options);
  };
  const auto load = [&] {
    if (starts_with(file, HnswIndex::kSnapshot)) return load_as.template operator()<HnswIndex>();
    if (starts_with(file, IvfIndex::kSnapshot)) return load_as.template operator()<IvfIndex>();
    return load_as.template operator()<FlatIndex>();
  };
  auto index = load();
  if (!index && index.error().code == ErrorCode::corrupt) {
    return fail(ErrorCode::corrupt, fmt::format("'{}' {}", path.native(), index.error().message));
  }
  return index;
}

}  // namespace

Result<std::string> check_factory(std::string_view factory) {
  EIDETIC_TRY(const IndexPlan plan, parse_index_plan(factory));
  return plan.to_string();
}

Result<std::string> check_factory(std::string_view factory, std::uint32_t dimensions) {
  EIDETIC_TRY(const IndexPlan plan, plan_index(factory, dimensions));
  EIDETIC_CHECK(Projection::of(plan, dimensions, Metric::cosine));
  return plan.to_string();
}

Result<std::uint64_t> least_training_rows(std::string_view factory) {
  EIDETIC_TRY(const IndexPlan plan, parse_index_plan(factory));
  return plan.least_rows();
}

Result<std::unique_ptr<VectorIndex>> make_index(std::string_view factory, std::shared_ptr<const VectorStore> store,
                                                const IndexOptions& options) {
  EIDETIC_TRY(const IndexPlan plan, plan_index(factory, store->dimensions()));
  switch (plan.structure) {
    case IndexPlan::Structure::graph: return HnswIndex::make(plan, std::move(store), options);
    case IndexPlan::Structure::cells: return IvfIndex::make(plan, std::move(store), options);
    case IndexPlan::Structure::flat: break;
  }
  return std::make_unique<FlatIndex>(std::move(store), options);
}

Result<std::unique_ptr<VectorIndex>> load_index(const std::filesystem::path& file,
                                                std::shared_ptr<const VectorStore> store, const IndexOptions& options) {
  EIDETIC_TRY(const MappedFile map, MappedFile::open(file));
  auto index = load_content(map.bytes(), file, store, options);
  if (!index) return index;
  std::vector<Row> dead;
  for (Row row = 0; row < (*index)->stats().end; ++row) {
    if (!store->alive(row)) dead.push_back(row);
  }
  (*index)->remove(dead);
  return index;
}

}  // namespace eidetic
