// From a query's terms to vectors.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/backend.h"
#include "eidetic/engine.h"

#include "engine/query_parts.h"
#include "engine/stages.h"
#include "engine/verify.h"

namespace eidetic {

inline constexpr std::string_view kQueryRegions = "multi";              // of Augmentation::parts
inline constexpr std::string_view kGivenPicture = "the given picture";  // that came as bytes, in errors

// The terms of one query. Not thread-safe; what is given to it is to outlive it.
class Terms {
 public:
  Terms(const QueryParts& parts, const CollectionSpec& collection, const Query& query, StageTimes& times)
      : parts_(parts), collection_(collection), query_(query), times_(times) {}

  // One vector, or, of a picture with augmentation, one of it and one of each of its variants or regions.
  [[nodiscard]] Result<std::vector<Vector>> vectors(const Term& term);
  // The picture that hits are verified with; invalid_argument where no term is one.
  [[nodiscard]] Result<SoughtPicture> sought();
  // What a person should know of how the terms were taken.
  [[nodiscard]] const std::vector<std::string>& notes() const noexcept { return notes_; }

 private:
  [[nodiscard]] Result<std::vector<Vector>> picture(Bytes bytes, std::string_view name, const Term& term) const;
  [[nodiscard]] Result<Bytes> read(const std::string& uri);
  [[nodiscard]] Result<Item> stored(const std::string& id, bool with_vector) const;
  [[nodiscard]] Result<Vector> text(const std::string& words);
  [[nodiscard]] Result<Vector> given(const Vector& vector) const;

  const QueryParts& parts_;
  const CollectionSpec& collection_;
  const Query& query_;
  StageTimes& times_;
  std::vector<std::string> notes_;
  std::map<std::string, std::vector<std::byte>> read_;  // by URI: nothing is read twice
};

// The query's vector where each term has one; where some have variants, the vectors of the first, second, … of each.
[[nodiscard]] Result<std::vector<Vector>> combine_variants(const std::vector<std::vector<Vector>>& terms,
                                                           std::span<const double> weights);

// A single vector of weight 1 as it is; else the sum of the vectors' directions times their weights, stretched to the
// vectors' mean length. As many weights as vectors, at least one. invalid_argument where a vector is zero or the sum
// vanishes.
[[nodiscard]] Result<Vector> combine(std::span<const Vector> vectors, std::span<const double> weights);

}  // namespace eidetic
