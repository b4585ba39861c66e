// What may be stored: the one place that decides it, for every door. Pure functions.
//
// All errors are invalid_argument, naming the input and what would be right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "eidetic/backend.h"
#include "eidetic/error.h"
#include "eidetic/item.h"
#include "eidetic/space.h"

namespace eidetic {

inline constexpr std::size_t kMaxNameBytes = 64;
inline constexpr std::size_t kMaxIdBytes = 1024;
inline constexpr std::size_t kMaxUriBytes = std::size_t{128} << 20;  // data: URIs hold whole pictures
inline constexpr std::size_t kMaxMetadataBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxMetadataDepth = 64;
inline constexpr std::uint32_t kMaxDimensions = 65'536;
inline constexpr double kMaxVectorLength = 1e15;  // squares and their sums stay within float; under cosine also 1 / it

// 1 to 64 of [A-Za-z0-9_-.], not starting with a dot.
[[nodiscard]] Result<void> check_collection_name(std::string_view name);
// In front of a collection's name: that which holds the parts of its items. Nobody can give a collection such a name.
inline constexpr std::string_view kPartsPrefix = ".parts.";
// In front of a collection's name: the collection in its other space. No row of the catalog has such a name.
inline constexpr std::string_view kOtherPrefix = ".other.";
[[nodiscard]] inline bool is_other_space(std::string_view name) { return name.starts_with(kOtherPrefix); }
// Name, with or without kPartsPrefix, dimensions (1 to kMaxDimensions) and settings; not the index, which the index
// room knows.
[[nodiscard]] Result<void> check_spec(const CollectionSpec& spec);
// One JSON object within the limits above. `what` leads the message.
[[nodiscard]] Result<void> check_json_object(std::string_view text, std::string_view what);
// Everything but the vector.
[[nodiscard]] Result<void> check_facts(const Item& item);
// Dimensions of the space, finite, no longer than kMaxVectorLength; under cosine no shorter than 1 / kMaxVectorLength.
[[nodiscard]] Result<void> check_vector(std::span<const float> vector, const Space& space);

}  // namespace eidetic
