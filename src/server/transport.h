// Bytes over a TCP connection, in the clear or through TLS: one face for both, so that HTTP is compiled once. For
// session.cpp and edge.cpp only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>

namespace eidetic {

struct Moved {
  boost::system::error_code failed;
  std::size_t bytes = 0;
};

// Used from coroutines on its executor, one at a time; cancel_if_late() from any thread.
//
// Deadlines are not timers of their own: setting one is a store, and whoever owns the connections looks at all of them
// now and then. What a deadline ends fails with boost::asio::error::timed_out, and the connection can still be written
// to.
class Transport {
 public:
  using Clock = std::chrono::steady_clock;

  virtual ~Transport() = default;
  [[nodiscard]] virtual boost::asio::awaitable<Moved> read_some(boost::asio::mutable_buffer buffer) = 0;
  [[nodiscard]] virtual boost::asio::awaitable<Moved> write_some(
      std::span<const boost::asio::const_buffer> buffers) = 0;
  // Before anything else, and after it. In the clear there is little to do.
  [[nodiscard]] virtual boost::asio::awaitable<boost::system::error_code> handshake() = 0;
  [[nodiscard]] virtual boost::asio::awaitable<void> say_goodbye() = 0;
  [[nodiscard]] virtual boost::asio::ip::tcp::socket& socket() = 0;

  // For all that is begun until the next call of either.
  void expires_after(std::chrono::nanoseconds time) {
    late_ = false;
    deadline_ = Clock::now().time_since_epoch() + time;
  }
  void expires_never() {
    late_ = false;
    deadline_ = Clock::duration::max();
  }
  [[nodiscard]] bool is_late() const noexcept { return Clock::now().time_since_epoch() >= deadline_.load(); }
  // On the executor: ends what is under way, if its deadline has passed.
  void cancel_if_late() {
    if (!is_late()) return;
    late_ = true;
    boost::system::error_code ignored;
    socket().cancel(ignored);
  }
  [[nodiscard]] boost::asio::any_io_executor executor() { return socket().get_executor(); }

 protected:
  [[nodiscard]] boost::system::error_code explained(boost::system::error_code failed) const {
    return failed && late_ ? boost::asio::error::timed_out : failed;
  }

 private:
  std::atomic<Clock::duration> deadline_ = Clock::duration::max();
  bool late_ = false;
};

[[nodiscard]] std::unique_ptr<Transport> make_plain(boost::asio::ip::tcp::socket socket);
// `context` must outlive it.
[[nodiscard]] std::unique_ptr<Transport> make_tls(boost::asio::ip::tcp::socket socket,
                                                  boost::asio::ssl::context& context);

}  // namespace eidetic
