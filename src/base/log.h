// Log lines on standard error. Rooms below the command line never print; they log.
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace eidetic {

enum class LogLevel { debug, info, warning, error, off };

// Lines below the level are dropped. Default: warning.
void set_log_level(LogLevel level) noexcept;

void log_line(LogLevel level, std::string_view line);

template <typename... Args>
void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  log_line(level, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace eidetic
