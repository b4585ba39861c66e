// One connection: requests in, answers out, one after the other. For edge.cpp only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <atomic>
#include <memory>
#include <string>

#include "server/edge.h"
#include "server/transport.h"

namespace eidetic {

// What the connections of an edge share. Outlives them.
struct EdgeState {
  EdgeOptions options;
  EdgeHandler& handler;
  std::atomic<bool> draining = false;
  std::atomic<std::uint64_t> connections = 0;
  std::atomic<std::uint64_t> body_bytes = 0;  // in memory
  std::atomic<std::uint64_t> bodies_spooled = 0;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  virtual ~Session() = default;
  // Serves until the connection ends.
  virtual boost::asio::awaitable<void> run() = 0;
  // Closes the connection if no request is under way; else it ends after the answer. On the session's executor.
  virtual void end_when_idle() = 0;
  // Ends what has taken longer than it may. On the session's executor, now and then, where is_late() says so.
  virtual void end_when_late() = 0;
  [[nodiscard]] virtual bool is_late() const = 0;  // from any thread
  [[nodiscard]] virtual boost::asio::any_io_executor executor() = 0;
};

[[nodiscard]] std::shared_ptr<Session> make_session(std::unique_ptr<Transport> transport, std::string client,
                                                    EdgeState& state);

}  // namespace eidetic
