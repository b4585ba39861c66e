// Bytes over a TCP connection, in the clear or through TLS: one face for both, so that HTTP is compiled once. For
// session.cpp and edge.cpp only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>

namespace eidetic {

struct Moved {
  boost::system::error_code failed;
  std::size_t bytes = 0;
};

// Used from coroutines on its executor, one at a time. What a time-out ends fails with boost::beast::error::timeout.
class Transport {
 public:
  virtual ~Transport() = default;
  [[nodiscard]] virtual boost::asio::awaitable<Moved> read_some(boost::asio::mutable_buffer buffer) = 0;
  [[nodiscard]] virtual boost::asio::awaitable<Moved> write_some(
      std::span<const boost::asio::const_buffer> buffers) = 0;
  // Before anything else, and after it. In the clear there is nothing to do.
  [[nodiscard]] virtual boost::asio::awaitable<boost::system::error_code> handshake() = 0;
  [[nodiscard]] virtual boost::asio::awaitable<void> say_goodbye() = 0;

  [[nodiscard]] virtual boost::beast::tcp_stream& socket() = 0;

  // For all that is begun until the next call.
  void expires_after(std::chrono::nanoseconds time) { socket().expires_after(time); }
  [[nodiscard]] boost::asio::any_io_executor executor() { return socket().get_executor(); }
};

[[nodiscard]] std::unique_ptr<Transport> make_plain(boost::beast::tcp_stream stream);
// `context` must outlive it.
[[nodiscard]] std::unique_ptr<Transport> make_tls(boost::beast::tcp_stream stream, boost::asio::ssl::context& context);

}  // namespace eidetic
