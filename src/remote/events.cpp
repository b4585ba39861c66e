#include "remote/events.h"

#include <utility>

namespace eidetic::remote {

Result<void> EventReader::line(std::string_view line) {
  if (line.empty()) {
    const bool complete = std::exchange(has_data_, false);
    const ServerEvent event = std::exchange(event_, {});
    return complete ? on_event_(event) : Result<void>();
  }
  const auto colon = line.find(':');
  const std::string_view field = line.substr(0, colon);  // empty: a comment, which keeps the line alive
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "event") event_.name = value;
  if (field == "data") {
    if (std::exchange(has_data_, true)) event_.data += '\n';
    event_.data += value;
  }
  constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
  if (event_.data.size() > kMaxBytes) return fail(ErrorCode::overloaded, "the server sends an event without end");
  return {};
}

}  // namespace eidetic::remote
