// Rows of the catalog as they are read and counted; of this room alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "eidetic/error.h"
#include "eidetic/item.h"

#include "catalog/catalog.h"
#include "catalog/sqlite.h"

namespace eidetic {

// One statement on the table of the vectors of an era, or on that of the other eras.
struct ByEra {
  const char* even;
  const char* odd;

  [[nodiscard]] const char* of(std::uint64_t era) const noexcept { return era % 2 == 0 ? even : odd; }
};
#define EIDETIC_BY_ERA(before, after) {before "vectors" after, before "odd_vectors" after}

[[nodiscard]] std::unexpected<Error> no_collection(std::string_view name);

// Columns: key, name, model, hash, dimensions, metric, precision, factory, settings, created_ms, sequence, items, era.
[[nodiscard]] Result<CollectionRecord> read_record(const Statement& row);
// Columns: model, hash, dimensions, metric, precision, from this one on.
[[nodiscard]] Result<Space> read_space(const Statement& row, int column);
[[nodiscard]] Result<CollectionRecord> read_collection(Database& database, std::int64_t collection);
[[nodiscard]] Result<void> read_vector(std::span<const std::byte> bytes, Vector& vector);
// Columns: id, uri, content_hash, size_bytes, modified_ns, metadata [, vector].
[[nodiscard]] Result<Item> read_item(const Statement& row, bool with_vector);

// Counts a batch in: the new sequence and number of items into `change`. Called first in the transaction, so that a
// collection dropped meanwhile stops it, and one whose space was switched.
[[nodiscard]] Result<void> advance(Database& writer, const CollectionRecord& collection);
[[nodiscard]] Result<void> finish(Database& writer, const CollectionRecord& collection, std::int64_t more_items,
                                  Change& change);

}  // namespace eidetic
