// Factory strings in Qdrant's terms:
//
//   auto                 as the server builds
//   Flat                 exact: no graph, and searches ask for exact ones
//   HNSW<M>[:<E>]        m, ef_construct
//   SQ8, PQ<m>           no graph: all codes are scanned, and the best scored again from full precision
//   HNSW<M>[:<E>],<code> a graph over codes
//
// SQ8 is scalar quantisation (int8), PQ<m> product quantisation, of segments of 1, 2, 4, 8 or 16 components.
#pragma once

#include <string>
#include <string_view>

#include "eidetic/error.h"
#include "eidetic/space.h"
#include "eidetic/vector_index.h"

#include "base/json.h"

namespace eidetic {

// As it is stored. invalid_argument naming what is possible.
[[nodiscard]] Result<std::string> check_qdrant_index(std::string_view index, const Space& space);
// hnsw_config and quantization_config of such an index; checked before.
[[nodiscard]] Json qdrant_vector_params(std::string_view index, const Space& space);
// "params" of a search for k.
[[nodiscard]] Json qdrant_search_params(std::string_view index, const SearchDepth& depth, std::uint32_t k);
[[nodiscard]] std::string_view qdrant_distance(Metric metric) noexcept;

}  // namespace eidetic
