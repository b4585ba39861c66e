// Points in time as the API writes them: UTC, RFC 3339, "2026-05-04T13:12:11.25Z". Pure functions; internal to this
// room.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace eidetic::remote {

// Nanoseconds since 1970; nullopt for what is no such text. Offsets ("+02:00") are understood.
[[nodiscard]] std::optional<std::int64_t> parse_time(std::string_view text);

}  // namespace eidetic::remote
