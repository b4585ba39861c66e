#include "index/inverted_lists.h"

namespace eidetic {

Result<Slot> InvertedLists::append(std::size_t cell, Row row, const std::function<Result<void>(Block)>& reserve) {
  Cell& list = cells_[cell];
  const std::uint64_t size = list.size.load(std::memory_order_relaxed);
  const std::size_t lane = size % kBlockRows;
  if (lane == 0) {
    const Block block = blocks_.load(std::memory_order_relaxed);
    EIDETIC_CHECK(next_.reserve(block));
    EIDETIC_CHECK(rows_.reserve(block));
    EIDETIC_CHECK(reserve(block));
    blocks_.store(block + 1, std::memory_order_release);
    (size == 0 ? list.first : next_[list.last]).store(block + 1, std::memory_order_release);
    list.last = block;
  }
  rows_.at(list.last)[lane].store(row + 1, std::memory_order_release);
  list.size.store(size + 1, std::memory_order_relaxed);
  return static_cast<Slot>(list.last * kBlockRows + lane);
}

}  // namespace eidetic
