// Which rows of a store an index holds: what every index needs beside its own structure.
//
// Thread rule: one thread at a time calls extend, publish, remove and load; the rest may be called by any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "eidetic/error.h"
#include "eidetic/vector_index.h"

#include "index/checked_file.h"
#include "index/row_space.h"
#include "index/vector_store.h"

namespace eidetic {

class RowStates {
 public:
  // invalid_argument where `rows` do not rise, not start above end(), or not lie in the store.
  [[nodiscard]] Result<void> check_new(std::span<const Row> rows, const VectorStore& store) const;
  // Room for `row`, which is in no search yet.
  [[nodiscard]] Result<void> reserve(Row row) { return states_.reserve(row); }
  // From here on searches find `row`, the highest so far; everything written about it before is visible to them.
  void publish(Row row);
  void remove(std::span<const Row> rows);

  [[nodiscard]] bool live(Row row) const noexcept { return states_[row].load(std::memory_order_acquire) == kLive; }
  [[nodiscard]] bool present(Row row) const noexcept { return states_[row].load(std::memory_order_acquire) != kAbsent; }
  [[nodiscard]] Row end() const noexcept { return end_.load(std::memory_order_acquire); }  // one above the highest row
  [[nodiscard]] std::uint64_t live_count() const noexcept { return live_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t removed_count() const noexcept { return removed_.load(std::memory_order_relaxed); }

  // Everything about rows below `end`.
  void save(CheckedWriter& out, Row end) const;
  // False: not what save wrote.
  [[nodiscard]] Result<bool> load(CheckedReader& in, Row end);

 private:
  static constexpr std::uint8_t kAbsent = 0;
  static constexpr std::uint8_t kLive = 1;
  static constexpr std::uint8_t kRemoved = 2;

  RowArray<std::atomic<std::uint8_t>> states_;
  std::atomic<Row> end_ = 0;
  std::atomic<std::uint64_t> live_ = 0;
  std::atomic<std::uint64_t> removed_ = 0;
};

}  // namespace eidetic
