#include "server/transport.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace eidetic {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

class Plain final : public Transport {
 public:
  explicit Plain(tcp::socket socket) : socket_(std::move(socket)) {}

  awaitable<Moved> read_some(asio::mutable_buffer buffer) override {
    const auto [failed, bytes] = co_await socket_.async_read_some(buffer, kNoThrow);
    co_return Moved{explained(failed), bytes};
  }
  awaitable<Moved> write_some(std::span<const asio::const_buffer> buffers) override {
    const auto [failed, bytes] = co_await socket_.async_write_some(buffers, kNoThrow);
    co_return Moved{explained(failed), bytes};
  }
  awaitable<error_code> handshake() override { co_return error_code(); }
  awaitable<void> say_goodbye() override {
    error_code ignored;
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
    co_return;
  }
  tcp::socket& socket() override { return socket_; }

 private:
  tcp::socket socket_;
};

class Tls final : public Transport {
 public:
  Tls(tcp::socket socket, asio::ssl::context& context) : stream_(std::move(socket), context) {}

  awaitable<Moved> read_some(asio::mutable_buffer buffer) override {
    const auto [failed, bytes] = co_await stream_.async_read_some(buffer, kNoThrow);
    co_return Moved{explained(failed), bytes};
  }
  awaitable<Moved> write_some(std::span<const asio::const_buffer> buffers) override {
    const auto [failed, bytes] = co_await stream_.async_write_some(buffers, kNoThrow);
    co_return Moved{explained(failed), bytes};
  }
  awaitable<error_code> handshake() override {
    const auto [failed] = co_await stream_.async_handshake(asio::ssl::stream_base::server, kNoThrow);
    co_return explained(failed);
  }
  awaitable<void> say_goodbye() override { (void)co_await stream_.async_shutdown(kNoThrow); }
  tcp::socket& socket() override { return stream_.next_layer(); }

 private:
  asio::ssl::stream<tcp::socket> stream_;
};

}  // namespace

std::unique_ptr<Transport> make_plain(tcp::socket socket) { return std::make_unique<Plain>(std::move(socket)); }

std::unique_ptr<Transport> make_tls(tcp::socket socket, asio::ssl::context& context) {
  return std::make_unique<Tls>(std::move(socket), context);
}

}  // namespace eidetic
