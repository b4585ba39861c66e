// The tables of the catalog (docs/data-folder.md draws them). Private to this room.
#pragma once

#include <filesystem>

#include "catalog/sqlite.h"

namespace eidetic {

inline constexpr int kCatalogVersion = 1;
inline constexpr int kCatalogApplicationId = 0x45494443;  // "EIDC"

// Makes a new file a catalog, or checks that it is one this build reads. Errors: corrupt (another program's database,
// or damaged), unsupported (written by a newer Eidetic).
[[nodiscard]] Result<void> prepare_schema(Database& database, const std::filesystem::path& file);

}  // namespace eidetic
