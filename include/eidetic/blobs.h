// Encoded pictures by URI. Implementations are thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

class Blobs {
 public:
  virtual ~Blobs() = default;

  // All bytes behind a URI. More than `max_bytes`: overloaded, found out before (or while) reading, never after.
  // Errors name the URI: not_found, unavailable (time-out, I/O error), unsupported (scheme), invalid_argument
  // (malformed).
  [[nodiscard]] virtual Result<std::vector<std::byte>> read(std::string_view uri, std::size_t max_bytes) const = 0;
};

}  // namespace eidetic
