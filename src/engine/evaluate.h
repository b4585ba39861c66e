// How well a collection's vectors tell its classes apart.
#pragma once

#include <span>
#include <string_view>

#include "eidetic/backend.h"
#include "eidetic/engine.h"

#include "base/threads.h"

namespace eidetic {

// Engine::evaluate in `collection`. Holds all its vectors in memory meanwhile.
[[nodiscard]] Result<EvalReport> evaluate(Backend& backend, const CollectionInfo& collection, std::string_view label,
                                          std::span<const std::uint32_t> recall_k, ThreadPool& pool);

}  // namespace eidetic
