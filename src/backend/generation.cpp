#include "backend/generation.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/log.h"

namespace eidetic {
namespace {

std::filesystem::path vectors_file(const std::filesystem::path& folder) { return folder / "vectors.f32"; }
std::filesystem::path index_file(const std::filesystem::path& folder) { return folder / "index.snapshot"; }

std::uint64_t store_key(ItemKey key) noexcept { return static_cast<std::uint64_t>(key); }

}  // namespace

Result<std::unique_ptr<Generation>> Generation::create(const std::filesystem::path& folder,
                                                       const CollectionRecord& collection, std::string_view factory,
                                                       const IndexOptions& options) {
  EIDETIC_CHECK(make_directories(folder));
  const Space& space = collection.spec.space;
  EIDETIC_TRY(auto store, VectorStore::create(vectors_file(folder), space.dimensions, space.metric));
  std::unique_ptr<Generation> made(new Generation(folder, std::move(store)));
  EIDETIC_TRY(made->index_, make_index(factory, made->store_, options));
  return made;
}

Result<std::unique_ptr<Generation>> Generation::open(const std::filesystem::path& folder,
                                                     const CollectionRecord& collection, std::string_view fallback,
                                                     const IndexOptions& options) {
  const Space& space = collection.spec.space;
  EIDETIC_TRY(auto store, VectorStore::open(vectors_file(folder), space.dimensions, space.metric, options.pool));
  if (store->sequence() > collection.sequence) {
    return fail(ErrorCode::corrupt, fmt::format("'{}' is ahead of the catalog (change {} of {})", folder.native(),
                                                store->sequence(), collection.sequence));
  }
  std::unique_ptr<Generation> opened(new Generation(folder, std::move(store)));
  if (const auto loaded = opened->load_saved_index(options); !loaded) {
    log(LogLevel::warning, "collection '{}': {}; building the index again from the vectors", collection.spec.name,
        loaded.error().message);
    EIDETIC_TRY(opened->index_, make_index(fallback, opened->store_, options));
    const auto rows = opened->live_rows(0);
    EIDETIC_CHECK(opened->index_->train(rows));
    EIDETIC_CHECK(opened->index_->add(rows));
  } else {
    opened->saved_ = true;
  }
  opened->learnt_ = true;
  return opened;
}

Result<void> Generation::load_saved_index(const IndexOptions& options) {
  EIDETIC_TRY(index_, load_index(index_file(folder_), store_, options));
  return index_->add(live_rows(index_->stats().end));
}

std::vector<Row> Generation::live_rows(Row first) const {
  std::vector<Row> rows;
  for (Row row = first; row < store_->rows(); ++row) {
    if (store_->alive(row)) rows.push_back(row);
  }
  return rows;
}

Result<void> Generation::index_rows(std::span<const Row> rows, const std::atomic<bool>& stop) {
  constexpr std::size_t kPortion = 1024;
  for (std::size_t done = 0; done < rows.size(); done += kPortion) {
    if (stop) return fail(ErrorCode::unavailable, "stopped");
    EIDETIC_CHECK(index_->add(rows.subspan(done, std::min(kPortion, rows.size() - done))));
  }
  return {};
}

void Generation::erase_keys(std::span<const ItemKey> keys) {
  if (keys.empty()) return;
  ++removals_;
  changed_ += keys.size();
  std::vector<Row> dead;
  for (const ItemKey key : keys) {
    if (const auto row = store_->row_of(store_key(key))) dead.push_back(*row);
  }
  index_->remove(dead);
  for (const ItemKey key : keys) store_->erase(store_key(key));
}

// Rows lie in rising order of keys, as the catalog lists them: one walk along both.
Result<std::vector<ItemKey>> Generation::keys_gone(Catalog& catalog, const CollectionRecord& collection) const {
  const Row rows = store_->rows();
  std::vector<ItemKey> gone;
  Row row = 0;
  const auto pass_below = [&](std::uint64_t key) {
    for (; row < rows && store_->key_of(row) < key; ++row) {
      if (store_->alive(row)) gone.push_back(static_cast<ItemKey>(store_->key_of(row)));
    }
  };
  EIDETIC_CHECK(catalog.for_each_key(collection, [&](ItemKey key) -> Result<void> {
    pass_below(store_key(key));
    if (row == rows) return {};  // newer than all that is here
    if (store_->key_of(row) != store_key(key) || !store_->alive(row)) {
      return fail(ErrorCode::corrupt, fmt::format("'{}' lacks items of the catalog", folder_.native()));
    }
    ++row;
    return {};
  }));
  pass_below(UINT64_MAX);
  return gone;
}

ItemKey Generation::last_key() const {
  const Row rows = store_->rows();
  return rows == 0 ? 0 : static_cast<ItemKey>(store_->key_of(rows - 1));
}

Result<void> Generation::replay(Catalog& catalog, const CollectionRecord& collection, const std::atomic<bool>& stop) {
  EIDETIC_TRY(const auto gone, keys_gone(catalog, collection));
  erase_keys(gone);

  const Row before = store_->rows();
  const ItemKey last = last_key();
  // First all vectors, then the index: a graph takes long, and an open read would keep the catalog's log from
  // shrinking.
  EIDETIC_CHECK(catalog.for_each_vector(collection, last, [&](ItemKey key, auto vector) -> Result<void> {
    if (stop) return fail(ErrorCode::unavailable, "stopped");
    EIDETIC_CHECK(store_->append(store_key(key), vector));
    return {};
  }));
  std::vector<Row> added(store_->rows() - before);
  for (Row i = 0; i < added.size(); ++i) added[i] = before + i;
  changed_ += added.size();
  if (!std::exchange(learnt_, true)) EIDETIC_CHECK(index_->train(live_rows(0)));
  return index_rows(added, stop);
}

Result<void> Generation::apply(const Change& change, std::span<const Item> items) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < change.added.size(); ++i) {
    if (change.added[i] == 0) continue;
    EIDETIC_TRY(rows.emplace_back(), store_->append(store_key(change.added[i]), items[i].vector));
    columns_.set(rows.back(), items[i]);
  }
  changed_ += rows.size();
  if (!rows.empty()) EIDETIC_CHECK(index_->add(rows));
  erase_keys(change.removed);
  return {};
}

void Generation::update(std::span<const ItemKey> keys, std::span<const Item> items) {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i] == 0) continue;
    if (const auto row = store_->row_of(store_key(keys[i]))) columns_.set(*row, items[i]);
  }
}

Result<void> Generation::learn(std::span<const FieldName> fields, Catalog& catalog,
                               const CollectionRecord& collection) {
  return columns_.learn(fields, [&](const auto& visit) {
    return catalog.for_each_facts(collection.key, [&](ItemKey key, const Item& item) -> Result<void> {
      if (const auto row = store_->row_of(store_key(key))) visit(*row, item);
      return {};
    });
  });
}

void Generation::take_columns(const Generation& other) {
  columns_.take_over(other.columns_, store_->rows(),
                     [&](Row row) { return other.store_->row_of(store_->key_of(row)); });
}

RowSet Generation::passing(const Filter& filter) const {
  RowSet rows = columns_.matching(filter, store_->rows());
  for (Row row = 0; row < rows.end(); ++row) {
    if (!store_->alive(row)) rows.erase(row);
  }
  return rows;
}

Result<void> Generation::save(std::uint64_t sequence) {
  constexpr std::uint64_t kFewChanges = 256;
  if (saved_ && changed_ < kFewChanges) return {};
  saved_ = false;
  EIDETIC_CHECK(store_->sync(sequence));
  EIDETIC_CHECK(index_->save(index_file(folder_)));
  saved_ = true;
  changed_ = 0;
  return {};
}

}  // namespace eidetic
