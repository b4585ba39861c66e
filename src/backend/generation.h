// One build of everything that is derived from a collection's vectors: a VectorStore and an index over it, in a folder
// of their own (vectors.f32, vectors.f32.rows, index.snapshot). Building anew makes a new generation beside the old
// one.
//
// A generation is brought up to date by comparing its keys with the catalog's (see ItemKey); what it holds after replay
// is what a new build would hold.
//
// Thread rule: one thread at a time calls replay, apply and save; store() and index() may be used by all meanwhile.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/item.h"
#include "eidetic/vector_index.h"

#include "backend/metadata_columns.h"
#include "catalog/catalog.h"
#include "index/vector_store.h"

namespace eidetic {

class Generation {
 public:
  // An empty one. `folder` is made; what is in it is replaced.
  [[nodiscard]] static Result<std::unique_ptr<Generation>> create(const std::filesystem::path& folder,
                                                                  const CollectionRecord& collection,
                                                                  std::string_view factory,
                                                                  const IndexOptions& options);
  // As last saved. Where only the index is missing or damaged, it is built again as `fallback`, with a log line.
  // Errors: not_found (never saved); corrupt (damaged, of another format, or ahead of the catalog).
  [[nodiscard]] static Result<std::unique_ptr<Generation>> open(const std::filesystem::path& folder,
                                                                const CollectionRecord& collection,
                                                                std::string_view fallback, const IndexOptions& options);

  // Takes in what the catalog has committed since. Ends early, with an unavailable, when `stop` becomes true.
  [[nodiscard]] Result<void> replay(Catalog& catalog, const CollectionRecord& collection,
                                    const std::atomic<bool>& stop);
  // Takes in one committed batch; `items` are those of the upsert. After an error this generation is good for nothing.
  [[nodiscard]] Result<void> apply(const Change& change, std::span<const Item> items);
  // Metadata of items that stay: one key an item, 0s are passed over.
  void update(std::span<const ItemKey> keys, std::span<const Item> items);
  // Makes columns of those fields that have none, from the catalog; no apply and no update may run meanwhile.
  [[nodiscard]] Result<void> learn(std::span<const FieldName> fields, Catalog& catalog,
                                   const CollectionRecord& collection);
  // Columns of the fields that another generation of the same items has columns of.
  void take_columns(const Generation& other);
  // Makes it durable as of `sequence`. Nothing is written while so few rows have changed since the last time that to
  // replay them is less work.
  [[nodiscard]] Result<void> save(std::uint64_t sequence);

  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }
  [[nodiscard]] const VectorStore& store() const noexcept { return *store_; }
  [[nodiscard]] const VectorIndex& index() const noexcept { return *index_; }
  [[nodiscard]] const MetadataColumns& columns() const noexcept { return columns_; }
  // Rows whose item is there and passes; the filter's fields have columns.
  [[nodiscard]] RowSet passing(const Filter& filter) const;
  // Rises whenever items are about to be taken out (after what replaces them has come in). A search during which it has
  // risen may have missed the new vector of an item and the old one too, or come up short: search again.
  [[nodiscard]] std::uint64_t removals() const noexcept { return removals_; }
  // The largest key there has been; 0: none. Larger ones can be added.
  [[nodiscard]] ItemKey last_key() const;
  [[nodiscard]] Row dead() const noexcept { return store_->rows() - store_->live(); }

 private:
  Generation(std::filesystem::path folder, std::shared_ptr<VectorStore> store) noexcept
      : folder_(std::move(folder)), store_(std::move(store)) {}

  [[nodiscard]] Result<void> load_saved_index(const IndexOptions& options);
  [[nodiscard]] std::vector<Row> live_rows(Row first) const;
  [[nodiscard]] Result<void> index_rows(std::span<const Row> rows, const std::atomic<bool>& stop);
  void erase_keys(std::span<const ItemKey> keys);
  [[nodiscard]] Result<std::vector<ItemKey>> keys_gone(Catalog& catalog, const CollectionRecord& collection) const;

  const std::filesystem::path folder_;
  const std::shared_ptr<VectorStore> store_;
  std::unique_ptr<VectorIndex> index_;
  MetadataColumns columns_;
  std::atomic<std::uint64_t> removals_ = 0;
  bool learnt_ = false;        // what the index learns, if anything
  bool saved_ = false;         // the files hold the state of store_->sequence()
  std::uint64_t changed_ = 0;  // rows added or removed since
};

}  // namespace eidetic
