// The vectors that `eidetic bench index` measures with: those of a collection or a file, or generated ones, in a store
// on the disk as collections have them, and the vectors to search with, which are not in the store.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "eidetic/error.h"
#include "eidetic/space.h"

#include "cli/session.h"
#include "index/matrix.h"
#include "index/vector_store.h"

namespace eidetic {

struct VectorShape {
  std::uint64_t rows = 0;
  std::uint32_t dimensions = 0;
};
// "100000x512". Anything else: invalid_argument.
[[nodiscard]] Result<VectorShape> parse_shape(std::string_view text);

struct BenchSource {
  // One of the three.
  std::string collection;
  std::filesystem::path vectors;  // .npy
  std::optional<VectorShape> generated;
  std::optional<Metric> metric;       // of a file or generated vectors, by default cosine; collections have their own
  std::filesystem::path queries;      // .npy; empty: vectors of the set itself are held out
  std::optional<std::uint64_t> held;  // so many; by default 1,000, at most a tenth of the set
  bool members = false;               // they stay in the set
};

struct BenchVectors {
  std::shared_ptr<const VectorStore> store;
  Matrix queries;
  std::vector<Row> members;  // the row that each query is, where they stay in the set
  double open_seconds = 0;   // that the filled store took to open
};

// The store is made in `folder`, synced, and opened again. invalid_argument: not one source; nothing left to search in
// or with; queries of other dimensions, or none that could be searched with.
[[nodiscard]] Result<BenchVectors> take_vectors(const Globals& globals, const BenchSource& source,
                                                const std::filesystem::path& folder);

// `count` of `total` rows, spread evenly.
class HeldOut {
 public:
  HeldOut(std::uint64_t count, std::uint64_t total) : count_(count), total_(total) {}
  [[nodiscard]] bool operator()(std::uint64_t row) const noexcept {
    return row < total_ && (row + 1) * count_ / total_ != row * count_ / total_;
  }

 private:
  std::uint64_t count_;
  std::uint64_t total_;
};

}  // namespace eidetic
