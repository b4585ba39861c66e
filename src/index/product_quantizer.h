// Product quantisation (Jégou, Douze, Schmid 2011): a vector in segments, each replaced by the number of the nearest of
// 2^bits code words of its own. Products with a query are sums of table entries.
//
// Thread rule: train and load before all else; then any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "eidetic/vector_index.h"

#include "index/checked_file.h"
#include "index/matrix.h"

namespace eidetic {

class ProductQuantizer {
 public:
  using Code = std::uint16_t;

  // `segments` divides `dimensions`; 4 to 16 bits.
  ProductQuantizer(std::uint32_t dimensions, std::uint32_t segments, unsigned bits);

  // From at least 2^bits vectors; `again`: on from the code words it has.
  void train(MatrixView vectors, unsigned iterations, bool again, const IndexOptions& options);

  // segments() numbers a vector.
  [[nodiscard]] std::vector<Code> encode(MatrixView vectors, ThreadPool* pool) const;
  [[nodiscard]] Matrix decode(std::span<const Code> codes) const;
  void decode(std::span<const Code> codes, std::span<float> out) const;
  // segments() x words(): the product of each code word with the query's segment. The sum of the entries of a code is
  // the product of the query with the decoded vector.
  [[nodiscard]] std::vector<float> table(std::span<const float> query) const;

  [[nodiscard]] std::uint32_t segments() const noexcept { return segments_; }
  [[nodiscard]] std::size_t words() const noexcept { return words_; }
  [[nodiscard]] std::uint64_t memory_bytes() const noexcept { return code_words_.values().size_bytes(); }

  void save(CheckedWriter& out) const { out.bytes(std::as_bytes(code_words_.values())); }
  // False: not what save wrote.
  [[nodiscard]] bool load(CheckedReader& in);

 private:
  [[nodiscard]] MatrixView words_of(std::uint32_t segment) const noexcept {
    return {code_words_.values().subspan(segment * words_ * width_, words_ * width_), width_};
  }

  std::uint32_t dimensions_;
  std::uint32_t segments_;
  std::size_t words_;
  std::size_t width_;  // dimensions of a segment
  Matrix code_words_;  // segments x words rows
};

}  // namespace eidetic
