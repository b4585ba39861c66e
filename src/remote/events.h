// Server-sent events (HTML standard, 9.2), as far as a client that reads one stream needs them. Used by one thread;
// internal to this room.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "eidetic/error.h"

namespace eidetic::remote {

struct ServerEvent {
  std::string name = "message";
  std::string data;
};

// Takes a stream line by line and gives its events as they are complete.
class EventReader {
 public:
  explicit EventReader(std::function<Result<void>(const ServerEvent&)> on_event) : on_event_(std::move(on_event)) {}

  // Errors: those of on_event; overloaded for an event larger than anything a server says.
  [[nodiscard]] Result<void> line(std::string_view line);

 private:
  std::function<Result<void>(const ServerEvent&)> on_event_;
  ServerEvent event_;
  bool has_data_ = false;
};

}  // namespace eidetic::remote
