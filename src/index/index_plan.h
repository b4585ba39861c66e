// A factory string, taken apart: what FAISS spells "OPQ8,IVF100,PQ8", with its words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "eidetic/error.h"

namespace eidetic {

struct IndexPlan {
  enum class Projection { none, pca, opq };
  enum class Structure { flat, graph, cells };
  enum class Code { flat, bytes, product };

  Projection projection = Projection::none;
  std::uint32_t projected = 0;     // dimensions after it; 0: as before
  std::uint32_t opq_segments = 0;  // OPQ: the product quantiser it turns vectors for

  Structure structure = Structure::flat;
  std::uint32_t links = 0, expansion = 0;  // of a graph
  std::uint32_t cells = 0;                 // 1: no IVF part
  Code code = Code::flat;
  std::uint32_t segments = 0;  // of a product code, and the bits of each
  std::uint32_t bits = 8;

  // As IndexStats::kind spells it.
  [[nodiscard]] std::string to_string() const;
  // Something is learnt from vectors before the first can be added.
  [[nodiscard]] bool needs_training() const noexcept {
    return projection != Projection::none || cells > 1 || code == Code::product;
  }
  // The fewest vectors it can be learnt from.
  [[nodiscard]] std::uint64_t least_rows() const noexcept;
  // More are not looked at.
  [[nodiscard]] std::uint64_t most_rows() const noexcept;
  // Those of them that a product code is learnt from.
  [[nodiscard]] std::uint64_t quantiser_rows() const noexcept;
  // What the structure works on, for vectors of `dimensions`.
  [[nodiscard]] std::uint32_t inner_dimensions(std::uint32_t dimensions) const noexcept {
    return projected != 0 ? projected : dimensions;
  }
};

// invalid_argument naming the part that is not understood and the nearest that is.
[[nodiscard]] Result<IndexPlan> parse_index_plan(std::string_view factory);
// The same, for vectors of so many dimensions: a PCA that would keep all of them falls away; segments that the
// dimensions do not divide into are an invalid_argument naming the nearest number that does.
[[nodiscard]] Result<IndexPlan> plan_index(std::string_view factory, std::uint32_t dimensions);

}  // namespace eidetic
