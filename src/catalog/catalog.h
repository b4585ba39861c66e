// The durable truth: collections, items and their vectors in one SQLite file (WAL, one transaction a batch, synced to
// disk before a call returns). Everything else is derived from it and can be thrown away.
//
// Thread-safe: readers run beside the one writer; writers wait for each other. Errors of every call: unavailable (disk
// full, I/O error, file locked by another program), corrupt (damaged file); then nothing of the call was stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/backend.h"
#include "eidetic/error.h"
#include "eidetic/item.h"

namespace eidetic {

class Connections;

// Names one version of one item's vector in all collections: rises with every upsert, is never used again, and its
// vector never changes. Larger than 0.
using ItemKey = std::int64_t;

struct CollectionRecord {
  std::int64_t key = 0;  // never used again, names the collection's folder
  CollectionSpec spec;
  std::uint64_t items = 0;
  std::uint64_t sequence = 0;
  std::int64_t created_ms = 0;
};

// What a committed batch did to the set of keys, in any order of the ids: first all `added`, then all `removed` (which
// holds keys of `added` where an id came twice).
struct Change {
  std::vector<Result<void>> results;  // one an item; empty for erase
  std::vector<ItemKey> added;         // one an item, 0 where it failed; empty for update and erase
  std::vector<ItemKey> removed;
  std::uint64_t sequence = 0;  // of the collection, after the batch
  std::uint64_t items = 0;
};

class Catalog {
 public:
  // Made if it is not there. Errors also: unsupported (written by a newer Eidetic).
  [[nodiscard]] static Result<std::unique_ptr<Catalog>> open(const std::filesystem::path& file);
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;
  ~Catalog();

  // --- collections. Unknown or dropped ones: not_found ---

  // already_exists, or invalid_argument (check_spec).
  [[nodiscard]] Result<CollectionRecord> create(const CollectionSpec& spec);
  [[nodiscard]] Result<std::vector<CollectionRecord>> collections();  // by name
  [[nodiscard]] Result<CollectionRecord> describe(std::int64_t collection);
  // Replaces the collection's index, "auto" or a factory string.
  [[nodiscard]] Result<void> set_index(std::int64_t collection, std::string_view index);
  [[nodiscard]] Result<void> configure(std::int64_t collection, std::string_view settings);
  // Bytes under a name, beside the settings; results and errors as in Backend.
  [[nodiscard]] Result<void> attach(std::int64_t collection, std::string_view name, std::span<const std::byte> content);
  [[nodiscard]] Result<std::optional<std::vector<std::byte>>> attachment(std::int64_t collection,
                                                                         std::string_view name);
  [[nodiscard]] Result<std::vector<std::string>> attachments(std::int64_t collection);
  // Gone at once for every reader; its rows are deleted by purge().
  [[nodiscard]] Result<void> drop(std::int64_t collection);
  // Deletes up to `rows` items of dropped collections, or vectors of dropped spaces, and gives their room back to the
  // disk; true: more are left.
  [[nodiscard]] Result<bool> purge(std::uint32_t rows);

  // --- a second space: vectors of the same items by another model. In a record of the other space, `spec.space` is
  // that, and `spec.era` the next one; every call that takes a record is of the vectors of its era ---

  // A row of no vectors, after those of an earlier one have gone.
  [[nodiscard]] Result<void> begin_space(const CollectionRecord& collection, const Space& space);
  // nullopt: there is none.
  [[nodiscard]] Result<std::optional<OtherSpace>> other_space(std::int64_t collection);
  // As in Backend.
  [[nodiscard]] Result<std::vector<Item>> pending(const CollectionRecord& collection, std::uint64_t after,
                                                  std::uint32_t limit);
  // Vectors into the other space: which keys have one now, 0 where the item has gone, or the vector is a bad one.
  [[nodiscard]] Result<std::vector<ItemKey>> store_other(const CollectionRecord& other, std::span<const ItemKey> keys,
                                                         std::span<const Vector> vectors);
  // Makes the other spaces of these collections theirs, and theirs the other ones, in one transaction; the first gets
  // these settings. Items without a vector there go: of the first collection only where `drop_pending` says so, else an
  // unavailable. How many of the first went.
  [[nodiscard]] Result<std::uint64_t> switch_spaces(std::span<const CollectionRecord> collections,
                                                    std::string_view settings, bool drop_pending);
  // Gone at once; its vectors are deleted by purge().
  [[nodiscard]] Result<void> drop_space(std::int64_t collection);

  // --- items; results and errors as in Backend ---

  [[nodiscard]] Result<Change> upsert(const CollectionRecord& collection, std::span<const Item> items);
  [[nodiscard]] Result<Change> update(const CollectionRecord& collection, std::span<const Item> items);
  [[nodiscard]] Result<Change> erase(const CollectionRecord& collection, std::span<const std::string> ids);

  [[nodiscard]] Result<std::vector<std::optional<Item>>> get(const CollectionRecord& collection,
                                                             std::span<const std::string> ids, bool with_vectors);
  [[nodiscard]] Result<ScrollPage> scroll(const CollectionRecord& collection, std::string_view cursor,
                                          std::uint32_t limit, bool with_vectors);
  // One entry an id, in order; 0 where there is no such item.
  [[nodiscard]] Result<std::vector<ItemKey>> keys_of(std::int64_t collection, std::span<const std::string> ids);
  // One entry a key, in order, with id, uri and metadata only; nullopt where it is gone.
  [[nodiscard]] Result<std::vector<std::optional<Item>>> facts_of(std::span<const ItemKey> keys);

  // The same with all but vectors.
  [[nodiscard]] Result<std::vector<std::optional<Item>>> items_of(std::span<const ItemKey> keys);

  // --- streams, in rising order of keys, one at a time in memory. An error of `visit` ends them and is returned ---

  using VisitKey = std::function<Result<void>(ItemKey)>;
  [[nodiscard]] Result<void> for_each_key(const CollectionRecord& collection, const VisitKey& visit);
  using VisitFacts = std::function<Result<void>(ItemKey, const Item&)>;
  // With id, uri and metadata only.
  [[nodiscard]] Result<void> for_each_facts(std::int64_t collection, const VisitFacts& visit);
  using VisitVector = std::function<Result<void>(ItemKey, std::span<const float>)>;
  // Keys larger than `after`.
  [[nodiscard]] Result<void> for_each_vector(const CollectionRecord& collection, ItemKey after,
                                             const VisitVector& visit);

  // A copy as of now into a new file, while reading and writing go on.
  [[nodiscard]] Result<void> backup_to(const std::filesystem::path& file);

 private:
  [[nodiscard]] Result<void> change(std::int64_t collection, const char* statement, std::string_view value);
  explicit Catalog(std::unique_ptr<Connections> connections) noexcept;

  std::unique_ptr<Connections> connections_;
};

// "SQLite 3.40.1", the one that is loaded.
[[nodiscard]] std::string database_library();

}  // namespace eidetic
