#include "index/row_codes.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "base/threads.h"
#include "index/reads_beside_writes.h"
#include "index/vector_math.h"

namespace eidetic {
namespace {

constexpr std::size_t kParallelRows = 100;  // fewer are not worth waking threads
constexpr float kLargestTerm = 1e16F;       // what rows of norm kMaxNorm can give
constexpr float kLargestSquare = 1e32F;

bool plausible(const ScanTerms& terms) {
  const auto in_range = [](const auto& values) {
    return std::ranges::all_of(values, [](float value) { return value >= 0 && value <= kLargestTerm; });
  };
  return in_range(terms.scale_high) && in_range(terms.error_high) && in_range(terms.scale_full) &&
         in_range(terms.error_full) && in_range(terms.norm);
}

Block block_of(Slot slot) { return slot / static_cast<Slot>(kBlockRows); }
std::size_t lane_of(Slot slot) { return slot % kBlockRows; }

void for_each_row(std::size_t count, ThreadPool* pool, const std::function<void(std::size_t)>& work) {
  if (pool != nullptr && count >= kParallelRows) return pool->parallel_for(count, work);
  for (std::size_t i = 0; i < count; ++i) work(i);
}

std::vector<float> rotated(const Rotation& rotation, std::span<const float> vector) {
  std::vector<float> result(rotation.padded());
  rotation.apply(vector, result);
  return result;
}

// The sum of a table's entries: what every row of a product code costs. Four sums, so that additions overlap.
template <typename Code>
EIDETIC_READS_BESIDE_WRITES float sum_of_entries(const float* table, std::size_t words, const Code* code,
                                                 std::size_t segments) {
  float sum0 = 0;
  float sum1 = 0;
  float sum2 = 0;
  float sum3 = 0;
  std::size_t i = 0;
  for (; i + 4 <= segments; i += 4, table += 4 * words) {
    sum0 += table[code[i]];
    sum1 += table[words + code[i + 1]];
    sum2 += table[2 * words + code[i + 2]];
    sum3 += table[3 * words + code[i + 3]];
  }
  for (; i < segments; ++i, table += words) sum0 += table[code[i]];
  return (sum0 + sum1) + (sum2 + sum3);
}

}  // namespace

// --- flat ---

class FlatCodes::FlatScan final : public RowCodes::Scan {
 public:
  FlatScan(const FlatCodes& codes, std::span<const float> query)
      : codes_(codes), query_(rotated(codes.rotation_, query), codes.metric_) {}

  void run(Block first, Block count, Candidates& candidates) override {
    const std::uint8_t* const high = codes_.high_.at(first);
    const ScanTerms* const terms = codes_.terms_.at(first);
    for (std::size_t at = 0; at < count; ++at) {
      const ScanHit hit = scan_high(query_, candidates.threshold(), high, terms, at, count);
      at = hit.block;
      if (at == count) return;
      const Block block = first + static_cast<Block>(at);
      const ScanBounds bounds =
          scan_full(query_, candidates.threshold(), hit.sums, codes_.low_.at(block), codes_.terms_[block]);
      for (std::uint32_t lanes = hit.lanes; lanes != 0; lanes &= lanes - 1) {
        const auto lane = static_cast<Slot>(std::countr_zero(lanes));
        candidates.offer(block * static_cast<Slot>(kBlockRows) + lane, bounds.lower[lane], bounds.upper[lane]);
      }
    }
  }

 private:
  const FlatCodes& codes_;
  const ScanQuery query_;
};

FlatCodes::FlatCodes(std::uint32_t dimensions, Metric metric)
    : metric_(metric),
      rotation_(dimensions),
      high_(plane_bytes(rotation_.padded())),
      low_(plane_bytes(rotation_.padded())) {}

Result<void> FlatCodes::reserve(Block block) {
  EIDETIC_CHECK(high_.reserve(block));
  EIDETIC_CHECK(low_.reserve(block));
  return terms_.reserve(block);
}

void FlatCodes::encode(std::span<const Slot> slots, MatrixView vectors, const Matrix& /*centroids*/, ThreadPool* pool) {
  for_each_row(slots.size(), pool, [&](std::size_t i) {
    const Block block = block_of(slots[i]);
    encode_row(rotated(rotation_, vectors[i]), lane_of(slots[i]), high_.at(block), low_.at(block), terms_[block]);
  });
}

std::unique_ptr<RowCodes::Scan> FlatCodes::scan(std::span<const float> query) const {
  return std::make_unique<FlatScan>(*this, query);
}

std::uint64_t FlatCodes::memory_bytes(Block blocks) const noexcept {
  return std::uint64_t{blocks} * (high_.row_bytes() + low_.row_bytes() + terms_.row_bytes());
}

void FlatCodes::save(CheckedWriter& out, Block block) const {
  out.bytes(std::as_bytes(std::span(high_.at(block), high_.row_bytes())));
  out.bytes(std::as_bytes(std::span(low_.at(block), low_.row_bytes())));
  out.value(terms_[block]);
}

bool FlatCodes::load(CheckedReader& in, Block block) {
  return in.read(std::span(high_.at(block), high_.row_bytes())) &&
         in.read(std::span(low_.at(block), low_.row_bytes())) && in.read(std::span(terms_.at(block), 1)) &&
         plausible(terms_[block]);
}

// --- bytes ---

class ByteRowCodes::ByteScan final : public RowCodes::Scan {
 public:
  ByteScan(const ByteRowCodes& codes, std::span<const float> query)
      : codes_(codes), query_(codes.rotation_.padded(), codes.metric_) {
    const auto turned = rotated(codes.rotation_, query);
    query_.set(turned);
    if (codes.metric_ == Metric::euclidean) {
      scale_ = 0.5F;
      half_square_ = static_cast<float>(dot_product(turned, turned) / 2);
    }
  }

  void run(Block first, Block count, Candidates& candidates) override {
    const std::size_t width = byte_row_size(codes_.rotation_.padded());
    for (Block block = first; block < first + count; ++block) {
      const std::uint8_t* const rows = codes_.codes_.at(block);
      for (std::size_t lane = 0; lane < kBlockRows; ++lane) {
        const float score = half_square_ - scale_ * query_.distance_beside_writes(rows + lane * width);
        if (score < candidates.threshold()) continue;
        candidates.offer(static_cast<Slot>(block * kBlockRows + lane), score, score);
      }
    }
  }

 private:
  const ByteRowCodes& codes_;
  ByteQuery query_;
  float scale_ = 1;  // from minus a distance to a score
  float half_square_ = 0;
};

ByteRowCodes::ByteRowCodes(std::uint32_t dimensions, Metric metric)
    : metric_(metric), rotation_(dimensions), codes_(kBlockRows * byte_row_size(rotation_.padded())) {}

void ByteRowCodes::encode(std::span<const Slot> slots, MatrixView vectors, const Matrix& /*centroids*/,
                          ThreadPool* pool) {
  for_each_row(slots.size(), pool,
               [&](std::size_t i) { encode_bytes(rotated(rotation_, vectors[i]), metric_, at(slots[i])); });
}

std::unique_ptr<RowCodes::Scan> ByteRowCodes::scan(std::span<const float> query) const {
  return std::make_unique<ByteScan>(*this, query);
}

void ByteRowCodes::save(CheckedWriter& out, Block block) const {
  out.bytes(std::as_bytes(std::span(codes_.at(block), codes_.row_bytes())));
}

bool ByteRowCodes::load(CheckedReader& in, Block block) {
  if (!in.read(std::span(codes_.at(block), codes_.row_bytes()))) return false;
  for (std::size_t lane = 0; lane < kBlockRows; ++lane) {
    const std::uint8_t* const row = at(static_cast<Slot>(block * kBlockRows + lane));
    const ByteTerms terms = byte_terms(row, rotation_.padded());
    if (!(terms.scale >= 0 && terms.scale <= kLargestTerm && terms.square >= 0 && terms.square <= kLargestSquare)) {
      return false;
    }
    if (std::ranges::any_of(std::span(row, rotation_.padded()), [](std::uint8_t code) { return code > 127; }))
      return false;
  }
  return true;
}

// --- product codes ---

class ProductCodes::ProductScan final : public RowCodes::Scan {
 public:
  ProductScan(const ProductCodes& codes, std::span<const float> query)
      : codes_(codes), table_(codes.quantizer_.table(query)) {}

  void enter(float product) override { product_ = product; }
  void run(Block first, Block count, Candidates& candidates) override {
    if (codes_.wide_) return run_with<std::uint16_t>(first, count, candidates);
    run_with<std::uint8_t>(first, count, candidates);
  }

 private:
  template <typename Code>
  EIDETIC_READS_BESIDE_WRITES void run_with(Block first, Block count, Candidates& candidates) {
    const std::size_t segments = codes_.quantizer_.segments();
    const std::size_t words = codes_.quantizer_.words();
    const auto* code = reinterpret_cast<const Code*>(codes_.codes_.at(first));
    const float* term = codes_.terms_.at(first);
    const auto end = static_cast<Slot>((first + count) * kBlockRows);
    for (auto slot = static_cast<Slot>(first * kBlockRows); slot < end; ++slot, code += segments, ++term) {
      const float score = product_ + sum_of_entries(table_.data(), words, code, segments) - *term;
      if (score < candidates.threshold()) continue;
      candidates.offer(slot, score, score);
    }
  }

  const ProductCodes& codes_;
  const std::vector<float> table_;
  float product_ = 0;
};

ProductCodes::ProductCodes(std::uint32_t dimensions, std::uint32_t segments, unsigned bits, Metric metric)
    : metric_(metric),
      quantizer_(dimensions, segments, bits),
      wide_(bits > 8),
      codes_(kBlockRows * segments * (wide_ ? 2 : 1)),
      terms_(kBlockRows) {}

Result<void> ProductCodes::reserve(Block block) {
  EIDETIC_CHECK(codes_.reserve(block));
  return terms_.reserve(block);
}

void ProductCodes::encode(std::span<const Slot> slots, MatrixView vectors, const Matrix& centroids, ThreadPool* pool) {
  Matrix rest(vectors.rows(), vectors.columns);
  std::ranges::copy(vectors.values, rest.values().begin());
  for (std::size_t i = 0; i < centroids.values().size(); ++i) rest.values()[i] -= centroids.values()[i];
  const auto codes = quantizer_.encode(rest, slots.size() >= kParallelRows ? pool : nullptr);
  const std::size_t segments = quantizer_.segments();
  std::vector<float> decoded(vectors.columns);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const auto code = std::span(codes).subspan(i * segments, segments);
    std::uint8_t* const bytes = codes_.at(block_of(slots[i]));
    if (wide_) {
      std::ranges::copy(code, reinterpret_cast<std::uint16_t*>(bytes) + lane_of(slots[i]) * segments);
    } else {
      std::ranges::transform(code, bytes + lane_of(slots[i]) * segments,
                             [](ProductQuantizer::Code word) { return static_cast<std::uint8_t>(word); });
    }
    float& term = terms_.at(block_of(slots[i]))[lane_of(slots[i])];
    term = 0;
    if (metric_ == Metric::dot) continue;
    quantizer_.decode(code, decoded);
    for (std::size_t j = 0; j < decoded.size() && !centroids.values().empty(); ++j) decoded[j] += centroids[i][j];
    term = static_cast<float>(dot_product(decoded, decoded) / 2);
  }
}

std::unique_ptr<RowCodes::Scan> ProductCodes::scan(std::span<const float> query) const {
  return std::make_unique<ProductScan>(*this, query);
}

std::uint64_t ProductCodes::memory_bytes(Block blocks) const noexcept {
  return std::uint64_t{blocks} * (codes_.row_bytes() + terms_.row_bytes()) + quantizer_.memory_bytes();
}

void ProductCodes::save(CheckedWriter& out, Block block) const {
  out.bytes(std::as_bytes(std::span(codes_.at(block), codes_.row_bytes())));
  out.bytes(std::as_bytes(std::span(terms_.at(block), kBlockRows)));
}

bool ProductCodes::load(CheckedReader& in, Block block) {
  const std::span bytes(codes_.at(block), codes_.row_bytes());
  const std::span terms(terms_.at(block), kBlockRows);
  if (!in.read(bytes) || !in.read(terms)) return false;
  const auto in_table = [&](auto word) { return word < quantizer_.words(); };
  const bool words =
      wide_ ? std::ranges::all_of(std::span(reinterpret_cast<const std::uint16_t*>(bytes.data()), bytes.size() / 2),
                                  in_table)
            : std::ranges::all_of(bytes, in_table);
  return words && std::ranges::all_of(terms, [](float term) { return term >= 0 && term <= kLargestSquare; });
}

}  // namespace eidetic
