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

#include "eidetic/error.h"
#include "eidetic/space.h"

#include "base/file.h"
#include "index/faiss_records.h"

namespace eidetic {

class FaissFile {
 public:
  // Flat, PQ, SQ8 and SQfp16, and IVF over Flat with any of them inside; behind IDMap, L2norm, centering, and linear
  // transforms with orthonormal rows (OPQ, PCA, rotations). Errors name the file: unsupported (another kind, which is
  // named, and lists that lie in another file), invalid_argument (never trained; negative ids, or one twice), corrupt.
  [[nodiscard]] static Result<FaissFile> open(const std::filesystem::path& path);
  // It begins with the four characters of an index, whether that can be read or not.
  [[nodiscard]] static bool is_one(std::span<const std::byte> content) noexcept;

  [[nodiscard]] std::uint32_t dimensions() const noexcept { return records_.dimensions; }
  // L2 is euclidean, inner product dot; nullopt for FAISS's others.
  [[nodiscard]] std::optional<Metric> metric() const noexcept { return records_.metric; }
  // As FAISS's index_factory spells it: "IVF100,PQ8"; "Linear64" for a transform that could be OPQ's.
  [[nodiscard]] const std::string& kind() const noexcept { return records_.kind; }
  [[nodiscard]] std::uint64_t size() const noexcept { return records_.size; }
  // Ids were not given but are places: 0 to size() - 1.
  [[nodiscard]] bool ids_are_places() const noexcept { return records_.entries.empty(); }

  // By rising id; i below size().
  [[nodiscard]] std::int64_t id(std::uint64_t i) const noexcept;
  // What FAISS's `reconstruct` gives: of compressed vectors, what is left of them. Any values, NaN too.
  [[nodiscard]] Vector vector(std::uint64_t i) const;

 private:
  MappedFile file_;
  faiss::Records records_;
};

}  // namespace eidetic
