#include "index/product_quantizer.h"

#include <algorithm>
#include <functional>

#include "base/threads.h"
#include "index/kmeans.h"
#include "index/vector_math.h"

namespace eidetic {
namespace {

Matrix segment_of(MatrixView vectors, std::size_t first, std::size_t width) {
  Matrix segment(vectors.rows(), width);
  for (std::size_t i = 0; i < vectors.rows(); ++i) {
    std::ranges::copy(vectors[i].subspan(first, width), segment[i].begin());
  }
  return segment;
}

void for_each(ThreadPool* pool, std::size_t count, const std::function<void(std::size_t)>& work) {
  if (pool != nullptr) return pool->parallel_for(count, work);
  for (std::size_t i = 0; i < count; ++i) work(i);
}

}  // namespace

ProductQuantizer::ProductQuantizer(std::uint32_t dimensions, std::uint32_t segments, unsigned bits)
    : dimensions_(dimensions),
      segments_(segments),
      words_(std::size_t{1} << bits),
      width_(dimensions / segments),
      code_words_(segments * words_, width_) {}

void ProductQuantizer::train(MatrixView vectors, unsigned iterations, bool again, const IndexOptions& options) {
  for_each(options.pool, segments_, [&](std::size_t segment) {
    const Matrix part = segment_of(vectors, segment * width_, width_);
    KmeansOptions own = {.iterations = iterations, .seed = segment + 1, .stop = options.stop};
    if (again) own.start = words_of(static_cast<std::uint32_t>(segment));
    const Matrix trained = kmeans(part, words_, own);
    std::ranges::copy(trained.values(), code_words_[segment * words_].data());
  });
}

std::vector<ProductQuantizer::Code> ProductQuantizer::encode(MatrixView vectors, ThreadPool* pool) const {
  std::vector<Code> codes(vectors.rows() * segments_);
  for_each(pool, segments_, [&](std::size_t segment) {
    const Matrix part = segment_of(vectors, segment * width_, width_);
    const auto assigned = assign(part, words_of(static_cast<std::uint32_t>(segment)), nullptr);
    for (std::size_t i = 0; i < assigned.size(); ++i) {
      codes[i * segments_ + segment] = static_cast<Code>(assigned[i]);
    }
  });
  return codes;
}

Matrix ProductQuantizer::decode(std::span<const Code> codes) const {
  Matrix out(codes.size() / segments_, dimensions_);
  for (std::size_t i = 0; i < out.rows(); ++i) decode(codes.subspan(i * segments_, segments_), out[i]);
  return out;
}

void ProductQuantizer::decode(std::span<const Code> codes, std::span<float> out) const {
  for (std::uint32_t segment = 0; segment < segments_; ++segment) {
    std::ranges::copy(words_of(segment)[codes[segment]], out.subspan(segment * width_).begin());
  }
}

std::vector<float> ProductQuantizer::table(std::span<const float> query) const {
  std::vector<float> table(segments_ * words_);
  for (std::uint32_t segment = 0; segment < segments_; ++segment) {
    products({query.subspan(segment * width_, width_), width_}, words_of(segment),
             std::span(table).subspan(segment * words_, words_));
  }
  return table;
}

bool ProductQuantizer::load(CheckedReader& in) {
  return in.read(code_words_.values()) && all_finite(code_words_.values());
}

}  // namespace eidetic
