// A collection put into another backend while it goes on being used, by passes over its items: each stores what is not
// there yet or not the same, and takes away what is gone; when one finds nothing to do, they are the same. A copy that
// was cut off goes on from what is there.
#pragma once

#include <functional>
#include <stop_token>
#include <string_view>

#include "eidetic/engine.h"
#include "eidetic/error.h"

#include "engine/backends.h"

namespace eidetic {

// Errors as Engine::copy_collection.
[[nodiscard]] Result<CopyReport> copy_collection(Backends& backends, std::string_view name, const CopyRequest& request,
                                                 const std::function<void(const IndexProgress&)>& progress,
                                                 const std::stop_token& stop);
// The name by which the copy is reached here; what the copy would be refused for is refused.
[[nodiscard]] Result<std::string> check_copy(Backends& backends, std::string_view name, const CopyRequest& request);

}  // namespace eidetic
