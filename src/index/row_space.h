// Arrays over rows that grow without ever moving, so that readers need no lock: address space is taken a segment at a
// time, and its pages cost memory only once they are written.
//
// Thread rule: one thread at a time calls reserve; rows it has made room for may be used by any thread from then on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "eidetic/error.h"
#include "eidetic/vector_index.h"

namespace eidetic {

// Rows of `row_bytes` each. Within a segment, rows lie one after another.
class RowSpace {
 public:
  // Segments hold the largest power of two of rows, at least 1,024, that fits into `segment_bytes`.
  explicit RowSpace(std::size_t row_bytes, std::size_t segment_bytes = std::size_t{64} << 20);
  RowSpace(const RowSpace&) = delete;
  RowSpace& operator=(const RowSpace&) = delete;
  ~RowSpace();

  // Makes room for `row`: zeroed memory, or where `descriptor` is not -1, a read-only map of that file, which must
  // reach as far as rows are read. Error: overloaded (no address space).
  [[nodiscard]] Result<void> reserve(Row row, int descriptor = -1);

  // `row` must be reserved.
  [[nodiscard]] std::byte* at(Row row) const noexcept {
    return __atomic_load_n(&segments_.get()[row >> shift_], __ATOMIC_ACQUIRE) +
           static_cast<std::size_t>(row & mask_) * row_bytes_;
  }
  [[nodiscard]] std::size_t row_bytes() const noexcept { return row_bytes_; }

 private:
  struct Free {
    void operator()(std::byte** segments) const noexcept { std::free(segments); }
  };

  std::size_t row_bytes_;
  unsigned shift_;
  Row mask_;
  std::size_t segment_count_;
  std::unique_ptr<std::byte*[], Free> segments_;
};

// The same, typed: `width` values of T a row. T must be at home in zeroed memory.
template <typename T>
class RowArray {
 public:
  explicit RowArray(std::size_t width = 1) : space_(width * sizeof(T)) {}

  [[nodiscard]] Result<void> reserve(Row row) { return space_.reserve(row); }
  [[nodiscard]] T* at(Row row) const noexcept { return reinterpret_cast<T*>(space_.at(row)); }
  [[nodiscard]] T& operator[](Row row) const noexcept { return *at(row); }
  [[nodiscard]] std::size_t row_bytes() const noexcept { return space_.row_bytes(); }

 private:
  RowSpace space_;
};

}  // namespace eidetic
