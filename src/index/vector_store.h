// The full-precision vectors of one collection, by row, and which item (key) each belongs to. Append-only: replacing or
// erasing an item leaves its old row behind, dead. Rows are float32, in a file that is mapped for reading, or in
// memory.
//
// A cache: the catalog holds the truth. After a crash the store is back at its last sync(); what the catalog has since
// is to be applied again. Files (docs/file-formats.md): PATH holds the vectors, PATH.rows everything else.
//
// Thread rule: one thread at a time calls append, erase and sync; all else may be called by any thread at any time.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/space.h"
#include "eidetic/vector_index.h"

#include "base/file.h"
#include "index/matrix.h"
#include "index/row_space.h"

namespace eidetic {

class VectorStore {
 public:
  static constexpr std::uint32_t kMaxDimensions = 65'536;

  // A new, empty store. create: in files, replacing what is there; they can be opened only after the first sync.
  // Errors: invalid_argument (dimensions not 1 to kMaxDimensions); create also unavailable.
  [[nodiscard]] static Result<std::unique_ptr<VectorStore>> create(const std::filesystem::path& path,
                                                                   std::uint32_t dimensions, Metric metric);
  [[nodiscard]] static Result<std::unique_ptr<VectorStore>> in_memory(std::uint32_t dimensions, Metric metric);
  // The store as of its last sync; every byte is checked. Errors: not_found; corrupt (damaged, truncated, of another
  // format version, dimensions or metric): then create it again and fill it from the catalog.
  // Threads of the pool, where one is given, share the checking.
  [[nodiscard]] static Result<std::unique_ptr<VectorStore>> open(const std::filesystem::path& path,
                                                                 std::uint32_t dimensions, Metric metric,
                                                                 ThreadPool* pool = nullptr);
  // Both files, where they are there.
  static void remove_files(const std::filesystem::path& path);

  // Stores a vector under a key; a row that the key has already dies. Under cosine the unit vector is stored. Errors:
  // invalid_argument (not `dimensions` values; not finite; a norm over 1e15; zero under cosine), unavailable (disk
  // full), overloaded (2^32 rows): the store is as before.
  [[nodiscard]] Result<Row> append(std::uint64_t key, std::span<const float> vector);
  // The row that died; nullopt: no such key.
  std::optional<Row> erase(std::uint64_t key);
  // Makes everything durable, as the state of the catalog's `sequence`. In memory: only notes the sequence.
  [[nodiscard]] Result<void> sync(std::uint64_t sequence);

  [[nodiscard]] std::optional<Row> row_of(std::uint64_t key) const;
  // Of any row below rows(), dead ones too; valid as long as the store.
  [[nodiscard]] std::span<const float> vector(Row row) const noexcept {
    return {reinterpret_cast<const float*>(vectors_.at(row)), dimensions_};
  }
  // Copies of them, one a row.
  [[nodiscard]] Matrix gathered(std::span<const Row> rows) const;
  [[nodiscard]] std::uint64_t key_of(Row row) const noexcept { return keys_[row]; }
  [[nodiscard]] bool alive(Row row) const noexcept {
    return row < rows() && alive_[row].load(std::memory_order_acquire) != 0;
  }

  [[nodiscard]] Row rows() const noexcept { return rows_.load(std::memory_order_acquire); }  // dead ones too
  [[nodiscard]] Row live() const noexcept { return live_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint32_t dimensions() const noexcept { return dimensions_; }
  [[nodiscard]] Metric metric() const noexcept { return metric_; }
  // Of the last sync, or as opened; 0 before.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_.load(std::memory_order_acquire); }
  // Of the keys, the map from keys to rows, and flags.
  [[nodiscard]] std::uint64_t memory_bytes() const noexcept;
  // What the files take; in memory: what the vectors take there.
  [[nodiscard]] std::uint64_t data_bytes() const noexcept;

  // A checksum of the vectors of the first `rows` rows: what an index snapshot names as its store.
  [[nodiscard]] std::uint64_t fingerprint(Row rows) const;

 private:
  VectorStore(std::filesystem::path path, File file, std::uint32_t dimensions, Metric metric);

  [[nodiscard]] std::span<const std::byte> row_bytes(Row first, Row count) const noexcept;
  [[nodiscard]] Result<void> make_room();
  void publish(std::uint64_t key);
  [[nodiscard]] Result<void> read_rows_file(ThreadPool* pool);
  // Reads the block that begins at row `first` into `room`, which is as large as a block.
  [[nodiscard]] Result<void> check_block(Row first, std::uint64_t sum, std::span<std::byte> room) const;
  [[nodiscard]] Result<void> check_vectors(std::span<const std::uint64_t> sums, ThreadPool* pool);

  const std::filesystem::path path_;  // empty: in memory
  const File file_;
  const std::uint32_t dimensions_;
  const Metric metric_;
  RowSpace vectors_;
  RowArray<std::uint64_t> keys_;
  RowArray<std::atomic<std::uint8_t>> alive_;
  std::atomic<Row> rows_ = 0;
  std::atomic<Row> live_ = 0;
  std::atomic<std::uint64_t> sequence_ = 0;
  std::vector<float> scratch_;  // the unit vector being appended

  mutable std::shared_mutex map_mutex_;
  std::unordered_map<std::uint64_t, Row> row_of_;
  mutable std::mutex sums_mutex_;
  std::vector<std::uint64_t> block_sums_;  // of every full block of kBlockRows rows
};

}  // namespace eidetic
