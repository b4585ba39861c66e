// What a collection needs of a search engine that runs elsewhere: tables of items, found by vectors, filters and
// fields, and notes that several writers can change without losing each other's changes. One implementation an engine;
// ClusterBackend makes a Backend of it and holds all that engines have in common: what may be stored, which collections
// there are, parts, second spaces, attachments.
//
// Thread-safe. Every call may fail with unreachable (the engine does not answer, or cannot do it now: what could be
// tried again was), conflict (it holds something under our name that is not ours, or is of a version that is not
// known) and unsupported (this engine cannot do it; the message names engine and wish). A table that is not there:
// not_found.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/backend.h"
#include "eidetic/error.h"
#include "eidetic/filter.h"
#include "eidetic/item.h"
#include "eidetic/space.h"

namespace eidetic {

// Where the vectors of one space are kept in a table.
struct VectorField {
  std::string name;  // "v0"
  Space space;
  std::string index = "auto";  // "auto" or what check_index allows
};

struct TableInfo {
  std::uint64_t items = 0;
  std::uint64_t sequence = 0;                      // rises with every write
  std::string kind;                                // what answers searches, for people: "lucene HNSW16", "exact"
  std::string note;                                // what a person should know; empty: nothing
  std::uint64_t memory_bytes = 0, disk_bytes = 0;  // 0: the engine does not say
};

class DocumentStore {
 public:
  virtual ~DocumentStore() = default;

  // "OpenSearch at http://localhost:9200", for messages; asks nobody.
  [[nodiscard]] virtual std::string describe() const = 0;
  // "auto" and factory strings that this engine has an equivalent of, as they are stored; else invalid_argument naming
  // those. "Flat" has to be exact.
  [[nodiscard]] virtual Result<std::string> check_index(std::string_view index, const Space& space) const = 0;

  // --- notes: small texts (up to 8 MiB) under keys of [A-Za-z0-9_./-], read as they were last written ---
  struct Note {
    std::string text;
    std::string revision;  // another one after every write
  };
  [[nodiscard]] virtual Result<std::optional<Note>> note(std::string_view key) = 0;
  // Writes it where it still is of that revision, or with none where there is no such note. Nullopt: it is not, and
  // nothing was written; else the new revision.
  [[nodiscard]] virtual Result<std::optional<std::string>> write_note(std::string_view key, std::string_view text,
                                                                      const std::optional<std::string>& revision) = 0;
  [[nodiscard]] virtual Result<void> erase_note(std::string_view key) = 0;  // one that is not there too
  // The keys that begin so, in rising order.
  [[nodiscard]] virtual Result<std::vector<std::string>> notes(std::string_view prefix) = 0;

  // --- tables. Names: [A-Za-z0-9_.-], up to 100 bytes; two may differ in case alone ---
  [[nodiscard]] virtual Result<void> create_table(std::string_view table, const VectorField& field) = 0;
  // One that is not there is fine.
  [[nodiscard]] virtual Result<void> drop_table(std::string_view table) = 0;
  // Another place for vectors, in which no item has one yet.
  [[nodiscard]] virtual Result<void> add_field(std::string_view table, const VectorField& field) = 0;
  // Its vectors go, of all items.
  [[nodiscard]] virtual Result<void> drop_field(std::string_view table, const VectorField& field) = 0;
  // Sees to it that what was written before is found by all that follows. ClusterBackend calls it before it reads in
  // any way but get(), where this process has written since.
  [[nodiscard]] virtual Result<void> refresh(std::string_view table) = 0;
  // `field` is the one that is searched.
  [[nodiscard]] virtual Result<TableInfo> info(std::string_view table, const VectorField& field) = 0;
  // Waits until what is searched is built as it shall be; where an engine does that by itself, it does nothing.
  [[nodiscard]] virtual Result<void> settle(std::string_view table) = 0;

  // --- items. All are valid as Backend says, ids in one call are distinct; those that are read say their version. One
  // result an item, in order; the outer error: nothing or not all of it was stored, and to do it again is safe ---
  // Stores or replaces them whole: vectors of other fields go. Item i is of version first_version + i.
  [[nodiscard]] virtual Result<std::vector<Result<void>>> put(std::string_view table, const VectorField& field,
                                                              std::span<const Item> items,
                                                              std::uint64_t first_version) = 0;
  // Replaces all but vectors and version. Unknown ids: not_found, alone. False: it is of another version than the item
  // says, where it says one, and stays as it is.
  [[nodiscard]] virtual Result<std::vector<Result<bool>>> put_facts(std::string_view table,
                                                                    std::span<const Item> items) = 0;
  // Gives those their vector in a field that are still of that version; how many these were.
  [[nodiscard]] virtual Result<std::uint64_t> put_vectors(std::string_view table, const VectorField& field,
                                                          std::span<const Item> items) = 0;
  // How many were there.
  [[nodiscard]] virtual Result<std::uint64_t> erase(std::string_view table, std::span<const std::string> ids) = 0;
  // All items that have no vector in the field; how many. `refresh` was called.
  [[nodiscard]] virtual Result<std::uint64_t> erase_without(std::string_view table, const VectorField& field) = 0;

  // One an id, in order, as of now whatever was refreshed; `field`: with the vectors there.
  [[nodiscard]] virtual Result<std::vector<std::optional<Item>>> get(std::string_view table,
                                                                     std::span<const std::string> ids,
                                                                     const VectorField* field) = 0;
  // Those after `cursor`, in an order of the engine's that stays, by id (bytewise) where it can.
  [[nodiscard]] virtual Result<ScrollPage> scroll(std::string_view table, std::string_view cursor, std::uint32_t limit,
                                                  const VectorField* field) = 0;
  [[nodiscard]] virtual Result<ScrollPage> sorted(std::string_view table, const SortedRequest& request) = 0;
  // Those of a version above `after` without a vector in the field, by rising version.
  [[nodiscard]] virtual Result<std::vector<Item>> without(std::string_view table, const VectorField& field,
                                                          std::uint64_t after, std::uint32_t limit) = 0;
  // How many pass, and where `with` is set, have a vector there.
  [[nodiscard]] virtual Result<std::uint64_t> count(std::string_view table, const Filter& filter,
                                                    const VectorField* with) = 0;
  [[nodiscard]] virtual Result<std::vector<Facet>> facets(std::string_view table, const FacetRequest& request) = 0;
  // As Backend::search, in that field; queries are valid, `parts` is not looked at. Exactly min(k, items with a vector
  // there that pass), ties by id, also at the last place.
  [[nodiscard]] virtual Result<std::vector<Result<std::vector<Hit>>>> search(std::string_view table,
                                                                             const VectorField& field,
                                                                             std::span<const VectorQuery> queries) = 0;
};

}  // namespace eidetic
