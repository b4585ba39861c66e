// Which rows lie in which cell: chains of blocks (see row_codes.h) that grow at their end, without ever moving.
//
// Thread rule: one thread at a time calls append and load; all else may be called by any thread meanwhile.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/vector_index.h"

#include "index/row_codes.h"
#include "index/row_space.h"

namespace eidetic {

class InvertedLists {
 public:
  explicit InvertedLists(std::size_t cells) : cells_(cells), next_(1), rows_(kBlockRows) {}

  // A place for `row` in a cell; `reserve` makes room for the codes of a new block. The row is in no search before it
  // is published (see RowStates).
  [[nodiscard]] Result<Slot> append(std::size_t cell, Row row, const std::function<Result<void>(Block)>& reserve);

  // Calls visit(first, count) for the blocks of a cell, in runs as RowCodes::Scan takes them.
  template <typename Visit>
  void runs(std::size_t cell, const Visit& visit) const {
    std::uint32_t at = cells_[cell].first.load(std::memory_order_acquire);
    while (at != 0) {
      const Block first = at - 1;
      Block count = 1;
      at = next_[first].load(std::memory_order_acquire);
      while (at == first + count + 1 && (first + count) % kBlockRun != 0) {
        at = next_[first + count++].load(std::memory_order_acquire);
      }
      visit(first, count);
    }
  }
  // nullopt: none yet.
  [[nodiscard]] std::optional<Row> row(Slot slot) const noexcept {
    const std::uint32_t stored = rows_.at(slot / kBlockRows)[slot % kBlockRows].load(std::memory_order_acquire);
    if (stored == 0) return std::nullopt;
    return stored - 1;
  }
  [[nodiscard]] std::size_t cells() const noexcept { return cells_.size(); }
  // Rows of a cell, those that died since too.
  [[nodiscard]] std::uint64_t size(std::size_t cell) const noexcept {
    return cells_[cell].size.load(std::memory_order_relaxed);
  }
  [[nodiscard]] Block blocks() const noexcept { return blocks_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t memory_bytes() const noexcept {
    return cells_.size() * sizeof(Cell) + std::uint64_t{blocks()} * (next_.row_bytes() + rows_.row_bytes());
  }

 private:
  struct Cell {
    std::atomic<std::uint32_t> first = 0;  // a block + 1
    std::atomic<std::uint64_t> size = 0;
    Block last = 0;
  };

  std::vector<Cell> cells_;
  RowArray<std::atomic<std::uint32_t>> next_;  // of a block: the one behind it, + 1
  RowArray<std::atomic<std::uint32_t>> rows_;  // of a slot: its row, + 1
  std::atomic<Block> blocks_ = 0;
};

}  // namespace eidetic
