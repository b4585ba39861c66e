#include "server/transport.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include <utility>

namespace eidetic {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::awaitable;
using boost::system::error_code;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

class Plain final : public Transport {
 public:
  explicit Plain(beast::tcp_stream stream) : stream_(std::move(stream)) {}

  awaitable<Moved> read_some(asio::mutable_buffer buffer) override {
    const auto [failed, bytes] = co_await stream_.async_read_some(buffer, kNoThrow);
    co_return Moved{failed, bytes};
  }
  awaitable<Moved> write_some(std::span<const asio::const_buffer> buffers) override {
    const auto [failed, bytes] = co_await stream_.async_write_some(buffers, kNoThrow);
    co_return Moved{failed, bytes};
  }
  awaitable<error_code> handshake() override { co_return error_code(); }
  awaitable<void> say_goodbye() override {
    error_code ignored;
    stream_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
    co_return;
  }
  beast::tcp_stream& socket() override { return stream_; }

 private:
  beast::tcp_stream stream_;
};

class Tls final : public Transport {
 public:
  Tls(beast::tcp_stream stream, asio::ssl::context& context) : stream_(std::move(stream), context) {}

  awaitable<Moved> read_some(asio::mutable_buffer buffer) override {
    const auto [failed, bytes] = co_await stream_.async_read_some(buffer, kNoThrow);
    co_return Moved{failed, bytes};
  }
  awaitable<Moved> write_some(std::span<const asio::const_buffer> buffers) override {
    const auto [failed, bytes] = co_await stream_.async_write_some(buffers, kNoThrow);
    co_return Moved{failed, bytes};
  }
  awaitable<error_code> handshake() override {
    const auto [failed] = co_await stream_.async_handshake(asio::ssl::stream_base::server, kNoThrow);
    co_return failed;
  }
  awaitable<void> say_goodbye() override { (void)co_await stream_.async_shutdown(kNoThrow); }
  beast::tcp_stream& socket() override { return stream_.next_layer(); }

 private:
  beast::ssl_stream<beast::tcp_stream> stream_;
};

}  // namespace

std::unique_ptr<Transport> make_plain(beast::tcp_stream stream) { return std::make_unique<Plain>(std::move(stream)); }

std::unique_ptr<Transport> make_tls(beast::tcp_stream stream, asio::ssl::context& context) {
  return std::make_unique<Tls>(std::move(stream), context);
}

}  // namespace eidetic
