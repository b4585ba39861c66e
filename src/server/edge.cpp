#include "server/edge.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <list>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "server/session.h"

namespace eidetic {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr auto kAfterAcceptFailure = std::chrono::milliseconds(100);  // out of descriptors, most often
constexpr auto kDeadlinesEvery = std::chrono::milliseconds(100);
constexpr auto kDrainPoll = std::chrono::milliseconds(5);
constexpr int kBacklog = 1024;

// Connections are descriptors; the usual soft limit of 1,024 is for programs that use select().
void allow_many_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

// A certificate that browsers would refuse is found out here and not by the first client.
Result<void> check_validity(SSL_CTX* context, const std::filesystem::path& file) {
  const X509* certificate = ::SSL_CTX_get0_certificate(context);
  if (::X509_cmp_current_time(::X509_get0_notAfter(certificate)) < 0) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the TLS certificate '{}' has expired: put a new one in its place", file.native()));
  }
  if (::X509_cmp_current_time(::X509_get0_notBefore(certificate)) > 0) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the TLS certificate '{}' is not valid yet: check it and the clock", file.native()));
  }
  return {};
}

Result<std::unique_ptr<asio::ssl::context>> open_tls(const EdgeOptions& options) {
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  error_code failed;
  context->set_options(
      asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1, failed);
  context->use_certificate_chain_file(options.tls_certificate, failed);
  if (failed) {
    return fail(ErrorCode::invalid_argument, fmt::format("the TLS certificate '{}' cannot be used: {}",
                                                         options.tls_certificate.native(), failed.message()));
  }
  context->use_private_key_file(options.tls_key, asio::ssl::context::pem, failed);
  if (failed) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the TLS key '{}' cannot be used, or is not that of '{}': {}", options.tls_key.native(),
                            options.tls_certificate.native(), failed.message()));
  }
  EIDETIC_CHECK(check_validity(context->native_handle(), options.tls_certificate));
  return context;
}

std::string printable_address(const tcp::endpoint& endpoint) {
  const auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

class BeastEdge final : public Edge {
 public:
  BeastEdge(const EdgeOptions& options, EdgeHandler& handler)
      : state_{.options = options, .handler = handler},
        context_(static_cast<int>(options.threads)),
        acceptor_(asio::make_strand(context_)) {}

  ~BeastEdge() override {
    context_.stop();
    for (auto& thread : threads_) thread.join();
  }

  Result<void> listen() {
    const auto& options = state_.options;
    if (!options.tls_certificate.empty()) {
      EIDETIC_TRY(tls_, open_tls(options));
    }
    error_code failed;
    const auto address = asio::ip::make_address(options.address == "localhost" ? "127.0.0.1" : options.address, failed);
    if (failed) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("'{}' is no IPv4 or IPv6 address to listen on", options.address));
    }
    const tcp::endpoint endpoint(address, options.port);
    acceptor_.open(endpoint.protocol(), failed);
    if (!failed) acceptor_.set_option(asio::socket_base::reuse_address(true), failed);
    if (!failed) acceptor_.bind(endpoint, failed);
    if (!failed) acceptor_.listen(kBacklog, failed);
    if (failed) {
      const bool taken = failed == asio::error::address_in_use;
      return fail(taken ? ErrorCode::unavailable : ErrorCode::invalid_argument,
                  fmt::format("cannot listen on {} port {}: {}{}", options.address, options.port, failed.message(),
                              taken ? "; stop the program that does, or choose another listen.port" : ""));
    }
    port_ = acceptor_.local_endpoint(failed).port();
    return {};
  }

  std::uint16_t port() const override { return port_; }
  std::uint64_t connections() const noexcept override { return state_.connections; }

  void start() override {
    allow_many_descriptors();
    asio::co_spawn(acceptor_.get_executor(), accept(), asio::detached);
    asio::co_spawn(acceptor_.get_executor(), end_late_ones(), asio::detached);
    for (unsigned i = 0; i < std::max(1U, state_.options.threads); ++i) {
      threads_.emplace_back([this] { context_.run(); });
    }
  }

  void drain(double seconds) override {
    state_.draining = true;
    asio::post(acceptor_.get_executor(), [this] {
      error_code ignored;
      acceptor_.close(ignored);
    });
    for_each_session([](const std::shared_ptr<Session>& session) {
      asio::post(session->executor(), [session] { session->end_when_idle(); });
    });
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (state_.connections > 0 && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(kDrainPoll);
  }

 private:
  using Sessions = std::list<std::pair<std::string, std::weak_ptr<Session>>>;

  awaitable<void> accept() {
    while (!state_.draining) {
      auto [failed, socket] = co_await acceptor_.async_accept(asio::make_strand(context_), kNoThrow);
      if (failed == asio::error::operation_aborted) co_return;
      if (failed) {
        if (!state_.draining) log(LogLevel::warning, "cannot take a connection: {}", failed.message());
        asio::steady_timer timer(acceptor_.get_executor(), kAfterAcceptFailure);
        co_await timer.async_wait(kNoThrow);
        continue;
      }
      welcome(std::move(socket));
    }
  }

  awaitable<void> end_late_ones() {
    asio::steady_timer timer(acceptor_.get_executor());
    for (;;) {
      timer.expires_after(kDeadlinesEvery);
      if (const auto [failed] = co_await timer.async_wait(kNoThrow); failed) co_return;
      for_each_session([](const std::shared_ptr<Session>& session) {
        if (session->is_late()) asio::post(session->executor(), [session] { session->end_when_late(); });
      });
    }
  }

  template <typename Visit>
  void for_each_session(Visit visit) {
    const std::scoped_lock lock(mutex_);
    for (const auto& [client, weak] : sessions_) {
      if (const auto session = weak.lock()) visit(session);
    }
  }

  void welcome(tcp::socket socket) {
    error_code failed;
    const auto endpoint = socket.remote_endpoint(failed);
    if (failed) return;  // gone already
    socket.set_option(tcp::no_delay(true), failed);
    const std::string client = printable_address(endpoint);
    const auto& options = state_.options;
    if (state_.connections >= options.max_connections)
      return turn_away(socket, "the server has no connection left", 503);
    if (options.connections_per_client > 0 && of_client(client) >= options.connections_per_client) {
      return turn_away(socket,
                       fmt::format("no client may have more than {} connections", options.connections_per_client), 429);
    }
    ++state_.connections;
    auto session =
        make_session(tls_ ? make_tls(std::move(socket), *tls_) : make_plain(std::move(socket)), client, state_);
    const auto place = remember(client, session);
    const auto executor = session->executor();
    asio::co_spawn(
        executor, [session] { return session->run(); },
        [this, place](const std::exception_ptr& thrown) {
          forget(place);
          try {
            if (thrown) std::rethrow_exception(thrown);
          } catch (const std::exception& error) {
            log(LogLevel::error, "a connection failed: {}", error.what());
          }
        });
  }

  // As much of an answer as fits into an empty socket buffer, without waiting.
  void turn_away(tcp::socket& socket, std::string_view why, unsigned status) {
    if (tls_) return;
    Problem problem(status, status == 429 ? "too_many_requests" : "overloaded", std::string(why));
    problem.retry_after_s = 1;
    const HttpResponse response = state_.handler.refuse(problem, "0");
    const std::string text = fmt::format(
        "HTTP/1.1 {} {}\r\nServer: Eidetic\r\nContent-Type: {}\r\nContent-Length: {}\r\nRetry-After: 1\r\n"
        "Connection: close\r\n\r\n{}",
        status, status == 429 ? "Too Many Requests" : "Service Unavailable", response.content_type,
        response.body.size(), response.body);
    error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(text), ignored);
    socket.shutdown(asio::socket_base::shutdown_send, ignored);
  }

  std::size_t of_client(const std::string& client) {
    const std::scoped_lock lock(mutex_);
    const auto found = per_client_.find(client);
    return found == per_client_.end() ? 0 : found->second;
  }
  Sessions::iterator remember(const std::string& client, const std::shared_ptr<Session>& session) {
    const std::scoped_lock lock(mutex_);
    ++per_client_[client];
    return sessions_.emplace(sessions_.end(), client, session);
  }
  void forget(Sessions::iterator place) {
    const std::scoped_lock lock(mutex_);
    if (--per_client_[place->first] == 0) per_client_.erase(place->first);
    sessions_.erase(place);
  }

  EdgeState state_;
  std::unique_ptr<asio::ssl::context> tls_;
  std::mutex mutex_;
  std::map<std::string, std::size_t> per_client_;
  Sessions sessions_;
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> busy_ = asio::make_work_guard(context_);
  tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace

Result<std::unique_ptr<Edge>> Edge::open(const EdgeOptions& options, EdgeHandler& handler) {
  auto edge = std::make_unique<BeastEdge>(options, handler);
  EIDETIC_CHECK(edge->listen());
  return edge;
}

}  // namespace eidetic
