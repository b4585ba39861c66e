// An item as a point of Qdrant. Its payload:
//
//   id uri hash size mtime metadata   as in Item; metadata is the text as it came
//   version                           of Item
//   k n                               the facts of the metadata, see qdrant_facts.h
//   r                                 four numbers below 2^31 that look drawn at random, made of the id
//   raw_FIELD                         the vector there as it came, as base64 of its floats (little-endian), where
//   Qdrant
//                                     would give it back changed: under cosine it keeps vectors at length 1
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "eidetic/error.h"
#include "eidetic/item.h"

#include "base/json.h"
#include "cluster/document_store.h"

namespace eidetic {

inline constexpr std::size_t kQdrantDraws = 4;
[[nodiscard]] std::array<std::uint32_t, kQdrantDraws> qdrant_draws(std::string_view id);

// The key of a vector as it came; and that vector, "" where Qdrant keeps it as it is.
[[nodiscard]] std::string qdrant_raw_key(const VectorField& field);
[[nodiscard]] std::string qdrant_raw(const VectorField& field, const Vector& vector);
// "[0.1,2]" with the nine digits that tell all floats apart.
[[nodiscard]] std::string qdrant_numbers(std::span<const float> vector);

// The payload that facts are kept in: all but version and raw vectors.
[[nodiscard]] Json qdrant_payload(const Item& item);
// One of "points".
[[nodiscard]] std::string qdrant_point(const Item& item, const VectorField& field, std::uint64_t version);

// "with_payload" and "with_vector" of a request for items, to be followed by more or by the end of the body.
[[nodiscard]] std::string qdrant_item_wishes(const VectorField* field);
// What such a request is answered with. conflict: it is no item of ours.
[[nodiscard]] Result<Item> qdrant_item(const Json& point, const VectorField* field);

}  // namespace eidetic
