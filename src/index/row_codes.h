// How vectors are kept to be scanned: codes, in blocks of kBlockRows slots, and the comparison of a query with them.
//
// Thread rule: scan may run at any time beside everything; reserve by one thread at a time; encode by any, for
// different slots. A slot that is being written may be scanned and give any score: who reads knows which slots count.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/space.h"

#include "index/byte_codes.h"
#include "index/candidates.h"
#include "index/checked_file.h"
#include "index/flat_scan.h"
#include "index/matrix.h"
#include "index/product_quantizer.h"
#include "index/rotation.h"
#include "index/row_space.h"

namespace eidetic {

class ThreadPool;

inline constexpr std::size_t kBlockRows = kScanRows;
using Block = std::uint32_t;
// How many blocks may be scanned in one go: what a segment of their arrays holds.
inline constexpr Block kBlockRun = 1024;

class RowCodes {
 public:
  // A query, ready to be compared.
  class Scan {
   public:
    virtual ~Scan() = default;
    // From here on blocks of a cell; `product` is that of its centroid with the query.
    virtual void enter(float product) { static_cast<void>(product); }
    // Blocks [first, first + count) of one run of kBlockRun.
    virtual void run(Block first, Block count, Candidates& candidates) = 0;
  };

  virtual ~RowCodes() = default;

  [[nodiscard]] virtual Result<void> reserve(Block block) = 0;
  // One vector a slot. `centroids`, as many, are taken into account where codes are of what a centroid leaves over.
  virtual void encode(std::span<const Slot> slots, MatrixView vectors, const Matrix& centroids, ThreadPool* pool) = 0;
  [[nodiscard]] virtual std::unique_ptr<Scan> scan(std::span<const float> query) const = 0;

  [[nodiscard]] virtual std::uint64_t memory_bytes(Block blocks) const noexcept = 0;
  virtual void save(CheckedWriter& out, Block block) const = 0;
  // False: not what save wrote. `block` is reserved.
  [[nodiscard]] virtual bool load(CheckedReader& in, Block block) = 0;
};

// See flat_scan.h: with a proven bound. About `dimensions` + 20 bytes a row.
class FlatCodes final : public RowCodes {
 public:
  FlatCodes(std::uint32_t dimensions, Metric metric);

  Result<void> reserve(Block block) override;
  void encode(std::span<const Slot> slots, MatrixView vectors, const Matrix& centroids, ThreadPool* pool) override;
  std::unique_ptr<Scan> scan(std::span<const float> query) const override;
  std::uint64_t memory_bytes(Block blocks) const noexcept override;
  void save(CheckedWriter& out, Block block) const override;
  bool load(CheckedReader& in, Block block) override;

 private:
  class FlatScan;

  Metric metric_;
  Rotation rotation_;
  RowArray<std::uint8_t> high_;
  RowArray<std::uint8_t> low_;
  RowArray<ScanTerms> terms_;
};

// See byte_codes.h: an estimate from 7 bits a component. `dimensions` + 12 bytes a row.
class ByteRowCodes final : public RowCodes {
 public:
  ByteRowCodes(std::uint32_t dimensions, Metric metric);

  Result<void> reserve(Block block) override { return codes_.reserve(block); }
  void encode(std::span<const Slot> slots, MatrixView vectors, const Matrix& centroids, ThreadPool* pool) override;
  std::unique_ptr<Scan> scan(std::span<const float> query) const override;
  std::uint64_t memory_bytes(Block blocks) const noexcept override {
    return std::uint64_t{blocks} * codes_.row_bytes();
  }
  void save(CheckedWriter& out, Block block) const override;
  bool load(CheckedReader& in, Block block) override;

 private:
  class ByteScan;

  [[nodiscard]] std::uint8_t* at(Slot slot) const noexcept {
    return codes_.at(slot / kBlockRows) + slot % kBlockRows * byte_row_size(rotation_.padded());
  }

  Metric metric_;
  Rotation rotation_;
  RowArray<std::uint8_t> codes_;
};

// Product codes of what is left of a vector beside its centroid, and half the square of the vector they stand for (0
// under dot). `segments` bytes (twice that above 8 bits) + 4 a row.
class ProductCodes final : public RowCodes {
 public:
  ProductCodes(std::uint32_t dimensions, std::uint32_t segments, unsigned bits, Metric metric);

  [[nodiscard]] ProductQuantizer& quantizer() noexcept { return quantizer_; }

  Result<void> reserve(Block block) override;
  void encode(std::span<const Slot> slots, MatrixView vectors, const Matrix& centroids, ThreadPool* pool) override;
  std::unique_ptr<Scan> scan(std::span<const float> query) const override;
  std::uint64_t memory_bytes(Block blocks) const noexcept override;
  void save(CheckedWriter& out, Block block) const override;
  bool load(CheckedReader& in, Block block) override;

 private:
  class ProductScan;

  Metric metric_;
  ProductQuantizer quantizer_;
  bool wide_;  // codes of two bytes
  RowArray<std::uint8_t> codes_;
  RowArray<float> terms_;
};

}  // namespace eidetic
