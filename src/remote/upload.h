// Engine::index over a server: the pictures of this machine are sent, those that are there already are not. Internal to
// this room.
#pragma once

#include <functional>
#include <stop_token>

#include "eidetic/engine.h"

#include "remote/api.h"

namespace eidetic::remote {

// As Engine::index. A picture is unchanged where its SHA-256 is the stored one; URLs are given to the server, which
// compares them itself. What concerns the server or the collection ends the run; what is stored by then stays.
[[nodiscard]] Result<IndexReport> upload(const Api& api, Engine& engine, const CollectionInfo& collection,
                                         const IndexRequest& request,
                                         const std::function<void(const IndexProgress&)>& progress,
                                         const std::stop_token& stop);

}  // namespace eidetic::remote
