// An Eidetic server, from configuration to the last answer.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>

#include "eidetic/error.h"

#include "server/config.h"

namespace eidetic {

// Opens the data folder of `config` and serves it until `stop` is asked for; then takes no more requests, finishes
// those that are under way and the batches of running jobs, and returns. `listening` is told the URL, once requests are
// answered. Errors: those of Engine::open and Edge::open; of a collection to preload.
[[nodiscard]] Result<void> serve(const ServerConfig& config, std::stop_token stop,
                                 const std::function<void(const std::string& url)>& listening);

}  // namespace eidetic
