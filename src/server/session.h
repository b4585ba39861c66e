// One connection: requests in, answers out, one after the other. For edge.cpp only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "server/edge.h"

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

using PlainStream = boost::beast::tcp_stream;
using TlsStream = boost::beast::ssl_stream<boost::beast::tcp_stream>;

class SessionBase : public std::enable_shared_from_this<SessionBase> {
 public:
  virtual ~SessionBase() = default;
  // Serves until the connection ends.
  virtual boost::asio::awaitable<void> run() = 0;
  // Closes the connection if no request is under way; else it ends after the answer. On the session's executor.
  virtual void end_when_idle() = 0;
  [[nodiscard]] virtual boost::asio::any_io_executor executor() = 0;
};

[[nodiscard]] std::shared_ptr<SessionBase> make_session(PlainStream stream, std::string client, EdgeState& state);
[[nodiscard]] std::shared_ptr<SessionBase> make_session(TlsStream stream, std::string client, EdgeState& state);

}  // namespace eidetic
