#include "server/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace eidetic {
namespace {

template <typename T>
std::optional<T> parse(std::string_view text) {
  T value{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::string> Parameters::text(std::string_view name) {
  known_.emplace_back(name);
  const auto found = values_.find(name);
  return found == values_.end() ? std::nullopt : std::optional(found->second);
}

Result<std::optional<double>> Parameters::number(std::string_view name, double least, double most) {
  const auto given = text(name);
  if (!given) return std::nullopt;
  const auto value = parse<double>(*given);
  if (!value || !(*value >= least && *value <= most)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} = '{}' is no number from {} to {}", name, *given, least, most));
  }
  return value;
}

Result<std::optional<std::int64_t>> Parameters::integer(std::string_view name, std::int64_t least, std::int64_t most) {
  const auto given = text(name);
  if (!given) return std::nullopt;
  const auto value = parse<std::int64_t>(*given);
  if (!value || *value < least || *value > most) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} = '{}' is no whole number from {} to {}", name, *given, least, most));
  }
  return value;
}

Result<std::optional<bool>> Parameters::boolean(std::string_view name) {
  const auto given = text(name);
  if (!given) return std::nullopt;
  if (*given == "true" || *given == "1") return true;
  if (*given == "false" || *given == "0") return false;
  return fail(ErrorCode::invalid_argument, fmt::format("{} = '{}' is neither true nor false", name, *given));
}

Result<void> Parameters::finish() const {
  for (const auto& [name, value] : values_) {
    if (std::ranges::find(known_, name) != known_.end()) continue;
    return fail(ErrorCode::invalid_argument, fmt::format("unknown parameter '{}'{}", name, did_you_mean(name, known_)));
  }
  return {};
}

}  // namespace eidetic
