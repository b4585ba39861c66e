// Log lines on standard error. Rooms below the command line never print; they log.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

namespace eidetic {

enum class LogLevel { debug, info, warning, error, off };
// "debug", "info", "warning", "error" and "off"; else nullopt.
[[nodiscard]] std::optional<LogLevel> parse_log_level(std::string_view name) noexcept;

// Lines below the level are dropped. Default: warning.
void set_log_level(LogLevel level) noexcept;

// text: "2026-01-31T12:00:00.000 info message name=value". json: one object a line, {"ts", "level", "message"} and the
// fields, the time in UTC. Default: text.
enum class LogFormat { text, json };
void set_log_format(LogFormat format);

void log_line(LogLevel level, std::string_view line);

// What a line says beside its message. Values stay on the line: text is quoted where it must be.
struct LogField {
  std::string_view name;
  std::variant<std::string_view, std::uint64_t, double> value;
};
void log_fields(LogLevel level, std::string_view message, std::span<const LogField> fields);

template <typename... Args>
void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  log_line(level, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace eidetic
