// A set of rows of one store, a bit each: what a search is kept to.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace eidetic {

using Row = std::uint32_t;  // position in a VectorStore; rows are never reused within one store

// A value: any number of threads may read it while none writes.
class RowSet {
 public:
  RowSet() = default;
  // Room for rows below `end`; none is in it. Rows from `end` on can never be.
  explicit RowSet(Row end) : words_((std::size_t{end} + 63) / 64), end_(end) {}

  void insert(Row row) noexcept { words_[row / 64] |= std::uint64_t{1} << (row % 64); }
  void erase(Row row) noexcept {
    if (row < end_) words_[row / 64] &= ~(std::uint64_t{1} << (row % 64));
  }
  [[nodiscard]] bool contains(Row row) const noexcept {
    return row < end_ && (words_[row / 64] >> (row % 64) & 1U) != 0;
  }
  [[nodiscard]] Row end() const noexcept { return end_; }
  [[nodiscard]] std::uint64_t count() const noexcept {
    std::uint64_t count = 0;
    for (const auto word : words_) count += static_cast<unsigned>(std::popcount(word));
    return count;
  }

  // Of sets with the same end.
  RowSet& operator&=(const RowSet& other) noexcept {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
    return *this;
  }
  RowSet& operator|=(const RowSet& other) noexcept {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
    return *this;
  }
  // All rows below end() that are not in it.
  void complement() noexcept {
    for (auto& word : words_) word = ~word;
    if (end_ % 64 != 0) words_.back() &= (std::uint64_t{1} << (end_ % 64)) - 1;
  }

  // visit(row) for each, in rising order.
  template <typename Visit>
  void for_each(const Visit& visit) const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      for (std::uint64_t left = words_[i]; left != 0; left &= left - 1) {
        visit(static_cast<Row>(i * 64 + static_cast<unsigned>(std::countr_zero(left))));
      }
    }
  }

 private:
  std::vector<std::uint64_t> words_;
  Row end_ = 0;
};

}  // namespace eidetic
