// What the databases of the data folder are made of (docs/data-folder.md draws their tables). Private to this room.
#pragma once

#include <filesystem>
#include <span>
#include <string_view>

#include "catalog/sqlite.h"

namespace eidetic {

struct Schema {
  std::string_view what;  // "catalog", for messages
  int application_id = 0;
  int version = 1;
  const char* tables = nullptr;                // SQL that makes those of version 1
  std::span<const char* const> upgrades = {};  // SQL that makes version 2 of version 1, 3 of 2, …: version - 1 of them
  bool durable = true;                         // false: a cache, not synced to disk
};

inline constexpr int kCatalogVersion = 3;
inline constexpr int kCatalogApplicationId = 0x45494443;  // "EIDC"
[[nodiscard]] const Schema& catalog_schema();

// Makes a new file such a database, or checks that it is one this build reads, and brings one of an older version up to
// this one's. Errors: corrupt (another program's
// database, or damaged), unsupported (written by a newer Eidetic).
[[nodiscard]] Result<void> prepare_schema(Database& database, const std::filesystem::path& file, const Schema& schema);

}  // namespace eidetic
