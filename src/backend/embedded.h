// The backend inside this process: SQLite as the truth (catalog room), our own indexes (index room) derived from it, in
// one data folder (docs/data-folder.md).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "eidetic/backend.h"
#include "eidetic/error.h"

#include "base/threads.h"

namespace eidetic {

struct EmbeddedOptions {
  std::filesystem::path data_dir;  // made if it is not there; one process at a time owns it
  ThreadPool* pool = nullptr;      // for background builds and snapshots; must outlive the backend
  // Collections with index "auto" are searched exactly below this many items, and with HNSW16 from there on. At the
  // default, scanning 512 dimensions takes about as long as decoding and embedding the picture that is searched for.
  std::uint64_t hnsw_from_items = 100'000;
  // Snapshots are written at flush, at the end, and after a write when the last one is older than this.
  std::chrono::milliseconds snapshot_every = std::chrono::minutes(5);
};

// Opens quickly however much is stored: a collection's index is loaded at its first use. Destruction stops background
// builds and writes snapshots. Errors: unavailable (folder owned by another process, disk full), unsupported (written
// by a newer Eidetic), corrupt (catalog damaged), invalid_argument (no pool).
[[nodiscard]] Result<std::unique_ptr<Backend>> open_embedded_backend(const EmbeddedOptions& options);

}  // namespace eidetic
