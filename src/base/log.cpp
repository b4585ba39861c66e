#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "base/json.h"

namespace eidetic {
namespace {

constexpr std::array<std::string_view, 5> kLevelNames = {"debug", "info", "warning", "error", "off"};
constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v";

spdlog::level::level_enum to_spdlog(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warning: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
    case LogLevel::off: return spdlog::level::off;
  }
  return spdlog::level::info;
}

std::atomic<LogFormat>& format() noexcept {
  static std::atomic<LogFormat> instance = LogFormat::text;
  return instance;
}

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = std::make_shared<spdlog::logger>("eidetic", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_level(spdlog::level::warn);
    made->set_pattern(kTextPattern);
    return made;
  }();
  return *instance;
}

// The members of a JSON object behind its time and level.
std::string json_members(std::string_view message, std::span<const LogField> fields) {
  std::string text = fmt::format("\"message\":{}", dump_json(message));
  for (const LogField& field : fields) {
    const Json value = std::visit([](const auto& held) { return Json(held); }, field.value);
    text += fmt::format(",{}:{}", dump_json(field.name), dump_json(value));
  }
  return text;
}

// Letters that need no quotes to be read as one value: what a shell or logfmt would not take apart.
bool is_plain(std::string_view text) noexcept {
  const auto plain = [](char letter) { return letter > ' ' && letter <= '~' && letter != '"' && letter != '\\'; };
  return !text.empty() && std::ranges::all_of(text, plain);
}

std::string text_of(const LogField& field) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    return is_plain(*text) ? std::string(*text) : dump_json(*text);
  }
  return std::visit([](const auto& held) { return fmt::format("{}", held); }, field.value);
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view name) noexcept {
  const auto found = std::ranges::find(kLevelNames, name);
  if (found == kLevelNames.end()) return std::nullopt;
  return static_cast<LogLevel>(found - kLevelNames.begin());
}

void set_log_level(LogLevel level) noexcept { logger().set_level(to_spdlog(level)); }

void set_log_format(LogFormat wanted) {
  format() = wanted;
  if (wanted == LogFormat::json) {
    logger().set_pattern(R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})", spdlog::pattern_time_type::utc);
  } else {
    logger().set_pattern(kTextPattern);
  }
}

void log_line(LogLevel level, std::string_view line) {
  if (format() == LogFormat::json) return log_fields(level, line, {});
  logger().log(to_spdlog(level), "{}", line);
}

void log_fields(LogLevel level, std::string_view message, std::span<const LogField> fields) {
  if (!logger().should_log(to_spdlog(level))) return;
  std::string line;
  if (format() == LogFormat::json) {
    line = json_members(message, fields);
  } else {
    line = message;
    for (const LogField& field : fields) line += fmt::format(" {}={}", field.name, text_of(field));
  }
  logger().log(to_spdlog(level), "{}", line);
}

}  // namespace eidetic
