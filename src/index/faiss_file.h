// Index files that FAISS writes (faiss/impl/index_write.cpp of https://github.com/facebookresearch/faiss,
// versions 1.6.3 to 1.15), read for the vectors in them. The file is mapped; codes stay where they lie and are decoded
// one vector at a time. Hostile files are safe: every length is held against what is left of the file before it is
// used.
//
// An opened file is immutable: any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/space.h"

#include "base/file.h"

namespace eidetic {

// How the bytes of one vector are decoded.
struct FaissCodec {
  enum class Kind { floats, halves, product, bytes };
  Kind kind = Kind::floats;
  std::uint32_t dimensions = 0;
  std::uint64_t code_bytes = 0;  // of one vector
  // product: centroids, subquantizers x 2^bits x (dimensions / subquantizers); bytes: least values, then ranges
  std::vector<float> table = {};
  std::uint32_t subquantizers = 0;
  std::uint32_t bits = 0;  // of a subquantizer's code
};

// What was done to vectors before they were stored, as it is undone: x = matrix^T (y - before) + after; an empty part
// is left out.
struct FaissTransform {
  std::uint32_t from = 0, to = 0;  // dimensions given and stored
  std::vector<float> matrix = {};  // to x from, orthonormal rows
  std::vector<float> before = {};  // `to` values
  std::vector<float> after = {};   // `from` values
};

class FaissFile {
 public:
  // Flat, PQ, SQ8 and SQfp16, and IVF over Flat with any of them inside; behind IDMap, L2norm, centering, and linear
  // transforms with orthonormal rows (OPQ, PCA, rotations). Errors name the file: unsupported (another kind, which is
  // named, and lists that lie in another file), invalid_argument (never trained; negative ids, or one twice), corrupt.
  [[nodiscard]] static Result<FaissFile> open(const std::filesystem::path& path);
  // It begins with the four characters of an index, whether that can be read or not.
  [[nodiscard]] static bool is_one(std::span<const std::byte> content) noexcept;

  [[nodiscard]] std::uint32_t dimensions() const noexcept { return dimensions_; }
  // L2 is euclidean, inner product dot; nullopt for FAISS's others.
  [[nodiscard]] std::optional<Metric> metric() const noexcept { return metric_; }
  // As FAISS's index_factory spells it: "IVF100,PQ8"; "Linear64" for a transform that could be OPQ's.
  [[nodiscard]] const std::string& kind() const noexcept { return kind_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  // Ids were not given but are places: 0 to size() - 1.
  [[nodiscard]] bool ids_are_places() const noexcept { return entries_.empty(); }

  // By rising id; i below size().
  [[nodiscard]] std::int64_t id(std::uint64_t i) const noexcept;
  // What FAISS's `reconstruct` gives: of compressed vectors, what is left of them. Any values, NaN too.
  [[nodiscard]] Vector vector(std::uint64_t i) const;

 private:
  friend class FaissReader;
  struct Entry {
    std::int64_t id;
    std::uint32_t list, place;
  };

  MappedFile file_;
  std::uint32_t dimensions_ = 0;
  std::optional<Metric> metric_;
  std::string kind_;
  std::uint64_t size_ = 0;
  FaissCodec codec_;
  std::vector<FaissTransform> transforms_;         // in the order they were applied
  std::vector<std::span<const std::byte>> lists_;  // codes; one list where there is no IVF
  std::vector<float> centroids_;                   // of the lists, where codes are relative to them
  std::vector<Entry> entries_;                     // by id
};

}  // namespace eidetic
