// Fields that nobody has: what a person mistyped finds nothing, and should be told so.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "eidetic/backend.h"

namespace eidetic {

// invalid_argument where a field of these is in no item of a collection that has items, naming the ones that are.
[[nodiscard]] Result<void> check_known(Backend& backend, std::string_view collection,
                                       const std::vector<std::string>& fields);
// The same of a filter that nothing passes.
[[nodiscard]] Result<void> check_known(Backend& backend, std::string_view collection, const Filter& filter);

}  // namespace eidetic
