#include "server/session.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/file_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>
#include <vector>

#include "base/file.h"

namespace eidetic {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::awaitable;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Parser = http::request_parser<http::buffer_body>;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kChunk = std::size_t{64} << 10;
// A refused body up to this size is read to its end, so that the connection can go on.
constexpr std::uint64_t kSwallowed = std::uint64_t{64} << 10;
// Of a larger one, as much as may be under way: a connection that is closed on unread bytes loses its answer.
constexpr std::uint64_t kLingering = std::uint64_t{32} << 20;
constexpr auto kLingerFor = std::chrono::seconds(2);
constexpr auto kStallFor = std::chrono::seconds(30);  // an answer of which nothing is taken any more
constexpr auto kEventsEvery = std::chrono::milliseconds(200);
constexpr auto kHeartbeatEvery = std::chrono::seconds(15);
constexpr std::size_t kMaxIdBytes = 128;

std::chrono::nanoseconds duration(double seconds) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
}

std::string new_request_id() {
  thread_local std::mt19937_64 random{std::random_device{}()};
  return fmt::format("{:016x}", random());
}

bool is_request_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxIdBytes &&
         std::ranges::all_of(id, [](unsigned char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; });
}

// Bytes of a body in memory, counted as long as this lives.
class BodyClaim {
 public:
  explicit BodyClaim(EdgeState& state) : state_(state) {}
  BodyClaim(const BodyClaim&) = delete;
  BodyClaim& operator=(const BodyClaim&) = delete;
  ~BodyClaim() { state_.body_bytes -= bytes_; }

  // False: all bodies together would be too much.
  bool grow_to(std::uint64_t bytes) {
    if (bytes <= bytes_) return true;
    const std::uint64_t more = bytes - bytes_;
    if (state_.body_bytes.fetch_add(more) + more > state_.options.bodies_in_memory) {
      state_.body_bytes -= more;
      return false;
    }
    bytes_ = bytes;
    return true;
  }

 private:
  EdgeState& state_;
  std::uint64_t bytes_ = 0;
};

std::string field(const http::fields& fields, http::field name) {
  const auto value = fields[name];
  return {value.data(), value.size()};
}

std::string field(const http::fields& fields, std::string_view name) {
  const auto value = fields[beast::string_view(name.data(), name.size())];
  return {value.data(), value.size()};
}

std::shared_ptr<HttpRequest> read_head(const Parser& parser, const std::string& client) {
  const auto& head = parser.get();
  auto request = std::make_shared<HttpRequest>();
  request->method = std::string(head.method_string());
  request->target = std::string(head.target());
  request->content_type = field(head, http::field::content_type);
  request->if_none_match = field(head, http::field::if_none_match);
  request->accept = field(head, http::field::accept);
  request->accept_encoding = field(head, http::field::accept_encoding);
  request->authorization = field(head, http::field::authorization);
  request->origin = field(head, http::field::origin);
  request->asked_method = field(head, http::field::access_control_request_method);
  request->asked_headers = field(head, http::field::access_control_request_headers);
  request->id = field(head, "X-Request-Id");
  if (!is_request_id(request->id)) request->id = new_request_id();
  request->client = client;
  request->has_body = head.chunked() || (parser.content_length() && *parser.content_length() > 0);
  if (parser.content_length()) request->content_length = *parser.content_length();
  return request;
}

void write_fields(http::fields& fields, const HttpResponse& response, std::string_view request_id) {
  fields.set(http::field::server, "Eidetic");
  fields.set("X-Request-Id", beast::string_view(request_id.data(), request_id.size()));
  if (response.status != 204 && response.status != 304) fields.set(http::field::content_type, response.content_type);
  for (const auto& [name, value] : response.headers) fields.insert(name, value);
}

template <typename Body>
http::response<Body> message_of(const HttpResponse& response, std::string_view request_id, bool keep_alive) {
  http::response<Body> message{static_cast<http::status>(response.status), 11};
  write_fields(message, response, request_id);
  message.keep_alive(keep_alive);
  return message;
}

class HttpSession final : public Session {
 public:
  HttpSession(std::unique_ptr<Transport> transport, std::string client, EdgeState& state)
      : transport_(std::move(transport)), client_(std::move(client)), state_(state) {}
  ~HttpSession() override { --state_.connections; }

  awaitable<void> run() override {
    transport_->expires_after(duration(state_.options.header_timeout_s));
    if (co_await transport_->handshake()) co_return;
    while (co_await serve_one()) {
    }
    transport_->expires_after(kLingerFor);
    co_await transport_->say_goodbye();
  }

  void end_when_idle() override {
    error_code ignored;
    if (idle_) transport_->socket().cancel(ignored);
  }
  void end_when_late() override { transport_->cancel_if_late(); }
  bool is_late() const override { return transport_->is_late(); }
  asio::any_io_executor executor() override { return transport_->executor(); }

 private:
  // True: the connection goes on.
  awaitable<bool> serve_one() {
    if (!co_await first_byte()) co_return false;
    started_ = Clock::now();
    Parser parser;
    parser.header_limit(static_cast<std::uint32_t>(state_.options.header_bytes));
    parser.body_limit(boost::none);
    transport_->expires_after(duration(state_.options.header_timeout_s));
    if (const error_code failed = co_await parse(parser, [&] { return parser.is_header_done(); })) {
      co_return co_await refuse_head(failed);
    }
    auto request = read_head(parser, client_);
    Admission admission = state_.handler.admit(*request);
    if (admission.refusal) co_return co_await refuse(parser, *request, *std::move(admission.refusal));

    BodyClaim claim(state_);
    if (auto problem = co_await read_body(parser, *request, admission, claim)) {
      co_return co_await refuse(parser, *request, state_.handler.refuse(*problem, request->id));
    }
    transport_->expires_never();
    const bool keep_alive = parser.get().keep_alive();
    HttpResponse response = co_await answer(request);
    co_return co_await send(*request, std::move(response), keep_alive && !state_.draining);
  }

  // Waits for a request to begin. False: the connection is over.
  awaitable<bool> first_byte() {
    if (state_.draining) co_return false;
    if (buffer_.size() > 0) co_return true;
    idle_ = true;
    transport_->expires_after(duration(state_.options.idle_timeout_s));
    const error_code failed = co_await read_more();
    idle_ = false;
    co_return !failed;
  }

  awaitable<error_code> read_more() {
    const Moved read = co_await transport_->read_some(buffer_.prepare(kChunk / 4));
    buffer_.commit(read.bytes);
    co_return read.failed;
  }

  // Feeds the parser until `done`, or until it wants room for more of the body (http::error::need_buffer).
  template <typename Done>
  awaitable<error_code> parse(Parser& parser, Done done) {
    while (!done()) {
      error_code failed = http::error::need_more;
      if (buffer_.size() > 0) {
        buffer_.consume(parser.put(buffer_.data(), failed));
        if (failed && failed != http::error::need_more) co_return failed;
      }
      if (failed != http::error::need_more) continue;
      if (const error_code broken = co_await read_more()) co_return broken;
    }
    co_return error_code();
  }

  awaitable<bool> refuse_head(error_code failed) {
    HttpRequest none;
    none.client = client_;
    none.id = new_request_id();
    Problem problem(400, "invalid_argument", fmt::format("this is no HTTP request: {}", failed.message()));
    if (failed == asio::error::eof || failed == asio::error::connection_reset) co_return false;
    if (failed == asio::error::timed_out) {
      problem = {408, "timeout",
                 fmt::format("the head of the request took longer than {} s", state_.options.header_timeout_s)};
    } else if (failed == http::error::header_limit) {
      problem = {431, "too_large",
                 fmt::format("the head of the request is larger than {} bytes", state_.options.header_bytes)};
    }
    co_await send(none, state_.handler.refuse(problem, none.id), false);
    co_await linger();
    co_return false;
  }

  // Sends a refusal; where that is cheap, the body that belongs to it is read and the connection goes on.
  awaitable<bool> refuse(Parser& parser, const HttpRequest& request, HttpResponse response) {
    const bool expects = !field(parser.get(), http::field::expect).empty();
    const bool small = !parser.get().chunked() && parser.content_length_remaining().value_or(0) <= kSwallowed;
    bool whole = parser.is_done();
    if (!whole && small && !expects && response.status != 408) {
      transport_->expires_after(duration(state_.options.header_timeout_s));
      whole = !co_await read_chunks(parser, [](std::string_view) { return std::optional<Problem>(); });
    }
    const bool keep_alive = whole && parser.get().keep_alive() && !state_.draining;
    const bool sent = co_await send(request, std::move(response), keep_alive);
    if (!keep_alive) co_await linger();
    co_return sent&& keep_alive;
  }

  // Hands the body to `take`, piece by piece, until it or the connection fails.
  template <typename Take>
  awaitable<std::optional<Problem>> read_chunks(Parser& parser, Take take) {
    std::array<char, kChunk / 4> chunk;
    while (!parser.is_done()) {
      auto& body = parser.get().body();
      body.data = chunk.data();
      body.size = chunk.size();
      // A piece at a time: done when the parser has put anything into it.
      const auto some = [&] { return parser.is_done() || body.size < chunk.size(); };
      const error_code failed = co_await parse(parser, some);
      if (failed && failed != http::error::need_buffer) co_return body_problem(failed);
      if (auto problem = take(std::string_view(chunk.data(), chunk.size() - body.size))) co_return problem;
    }
    co_return std::nullopt;
  }

  [[nodiscard]] Problem body_problem(error_code failed) const {
    if (failed == asio::error::timed_out) {
      return {408, "timeout", fmt::format("the body did not arrive within {} s", state_.options.request_timeout_s)};
    }
    return {400, "invalid_argument", fmt::format("the body breaks off: {}", failed.message())};
  }

  awaitable<std::optional<Problem>> read_body(Parser& parser, HttpRequest& request, const Admission& admission,
                                              BodyClaim& claim) {
    if (parser.is_done()) co_return std::nullopt;
    if (const auto problem = claim_body(parser, admission, claim)) co_return problem;
    transport_->expires_after(duration(state_.options.request_timeout_s));
    if (const std::string expect = field(parser.get(), http::field::expect); !expect.empty()) {
      constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      if (!co_await write(kContinue)) co_return body_problem(asio::error::connection_reset);
    }
    if (admission.to_file) co_return co_await spool(parser, request, admission.body_limit);
    request.body.reserve(static_cast<std::size_t>(request.content_length.value_or(kChunk)) + kBodyPadding);
    co_return co_await read_chunks(parser, [&](std::string_view piece) -> std::optional<Problem> {
      const std::uint64_t size = request.body.size() + piece.size();
      if (size > admission.body_limit) return too_large(admission.body_limit);
      if (!claim.grow_to(size)) return no_room();
      if (size + kBodyPadding > request.body.capacity()) request.body.reserve(2 * size + kBodyPadding);
      request.body.append(piece);
      return std::nullopt;
    });
  }

  [[nodiscard]] static Problem too_large(std::uint64_t limit) {
    return {413, "too_large", fmt::format("the body is larger than the {} bytes that are taken here", limit)};
  }
  [[nodiscard]] static Problem no_room() {
    Problem problem(503, "overloaded", "the bodies of all requests together are more than the server holds");
    problem.retry_after_s = 1;
    return problem;
  }
  [[nodiscard]] static std::optional<Problem> claim_body(const Parser& parser, const Admission& admission,
                                                         BodyClaim& claim) {
    if (!parser.content_length()) return std::nullopt;
    if (*parser.content_length() > admission.body_limit) return too_large(admission.body_limit);
    if (!admission.to_file && !claim.grow_to(*parser.content_length())) return no_room();
    return std::nullopt;
  }

  awaitable<std::optional<Problem>> spool(Parser& parser, HttpRequest& request, std::uint64_t limit) {
    const auto path = state_.options.spool_folder / fmt::format("body-{}", ++state_.bodies_spooled);
    auto file = File::open(path, O_CREAT | O_EXCL | O_WRONLY);
    if (!file) co_return Problem(file.error());
    request.body_file = TemporaryFile(path);
    std::uint64_t size = 0;
    co_return co_await read_chunks(parser, [&](std::string_view piece) -> std::optional<Problem> {
      // Slow but steady: what takes long because it is large has its time anew with every piece.
      transport_->expires_after(duration(state_.options.request_timeout_s));
      size += piece.size();
      if (size > limit) return too_large(limit);
      if (auto written = write_all(file->descriptor(), as_bytes(piece), path); !written)
        return Problem(written.error());
      return std::nullopt;
    });
  }

  awaitable<HttpResponse> answer(std::shared_ptr<HttpRequest> request) {
    return asio::async_initiate<const asio::use_awaitable_t<>&, void(HttpResponse)>(
        [this](auto completion, std::shared_ptr<HttpRequest> asked) {
          const auto back = transport_->executor();
          state_.handler.handle(
              std::move(asked), [back, completion = std::move(completion)](HttpResponse response) mutable {
                asio::post(back, [completion = std::move(completion), response = std::move(response)]() mutable {
                  std::move(completion)(std::move(response));
                });
              });
        },
        asio::use_awaitable, std::move(request));
  }

  awaitable<Event> next_event(const std::function<Event()>& next) {
    return asio::async_initiate<const asio::use_awaitable_t<>&, void(Event)>(
        [this, &next](auto completion) {
          const auto back = transport_->executor();
          state_.handler.poll(next, [back, completion = std::move(completion)](Event event) mutable {
            asio::post(back, [completion = std::move(completion), event = std::move(event)]() mutable {
              std::move(completion)(std::move(event));
            });
          });
        },
        asio::use_awaitable);
  }

  // True: sent, and the connection goes on.
  awaitable<bool> send(const HttpRequest& request, HttpResponse response, bool keep_alive) {
    const unsigned status = response.status;
    std::uint64_t bytes = response.body.size();
    bool sent = false;
    if (request.method == "HEAD") {
      auto message = message_of<http::empty_body>(response, request.id, keep_alive);
      if (!response.next_event && !response.file) message.content_length(response.body.size());
      sent = co_await write_message(message);
    } else if (response.next_event) {
      sent = co_await send_events(request, response);
      keep_alive = false;
    } else if (response.file) {
      sent = co_await send_file(request, response, keep_alive, bytes);
    } else {
      auto message = message_of<http::string_body>(response, request.id, keep_alive);
      message.body() = std::move(response.body);
      if (status != 204 && status != 304) message.prepare_payload();
      sent = co_await write_message(message);
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - started_).count();
    state_.handler.finished(request, status, seconds, bytes);
    co_return sent&& keep_alive;
  }

  awaitable<bool> send_file(const HttpRequest& request, const HttpResponse& response, bool keep_alive,
                            std::uint64_t& bytes) {
    auto message = message_of<http::file_body>(response, request.id, keep_alive);
    error_code failed;
    message.body().open(response.file.path().c_str(), beast::file_mode::scan, failed);
    if (failed) co_return false;
    bytes = message.body().size();
    message.prepare_payload();
    co_return co_await write_message(message);
  }

  // As much as the serializer has at hand, all of it or a failure.
  awaitable<bool> write(std::span<const asio::const_buffer> buffers) {
    std::vector<asio::const_buffer> rest(buffers.begin(), buffers.end());
    std::span<asio::const_buffer> left = rest;
    while (!left.empty()) {
      transport_->expires_after(kStallFor);
      Moved written = co_await transport_->write_some(left);
      if (written.failed) co_return false;
      while (!left.empty() && written.bytes >= left.front().size()) {
        written.bytes -= left.front().size();
        left = left.subspan(1);
      }
      if (!left.empty()) left.front() += written.bytes;
    }
    co_return true;
  }
  awaitable<bool> write(std::string_view text) {
    const asio::const_buffer buffer(text.data(), text.size());
    co_return co_await write(std::span(&buffer, 1));
  }

  template <typename Body>
  awaitable<bool> write_message(http::response<Body>& message) {
    http::response_serializer<Body> serializer(message);
    std::vector<asio::const_buffer> buffers;
    while (!serializer.is_done()) {
      error_code failed;
      buffers.clear();
      serializer.next(failed, [&](error_code&, const auto& sequence) {
        for (auto place = asio::buffer_sequence_begin(sequence); place != asio::buffer_sequence_end(sequence);
             ++place) {
          buffers.emplace_back(*place);
        }
      });
      if (failed || !co_await write(buffers)) co_return false;
      serializer.consume(asio::buffer_size(buffers));
    }
    co_return true;
  }

  // The head alone; the body follows in chunks.
  awaitable<bool> write_head(http::response<http::empty_body>& message) {
    http::response_serializer<http::empty_body> serializer(message);
    serializer.split(true);
    std::vector<asio::const_buffer> buffers;
    error_code failed;
    serializer.next(failed, [&](error_code&, const auto& sequence) {
      for (auto place = asio::buffer_sequence_begin(sequence); place != asio::buffer_sequence_end(sequence); ++place) {
        buffers.emplace_back(*place);
      }
    });
    if (failed) co_return false;
    co_return co_await write(buffers);
  }

  awaitable<bool> send_events(const HttpRequest& request, const HttpResponse& response) {
    auto message = message_of<http::empty_body>(response, request.id, false);
    message.set(http::field::cache_control, "no-store");
    message.chunked(true);
    if (!co_await write_head(message)) co_return false;
    asio::steady_timer timer(transport_->executor());
    auto spoken = Clock::now();
    for (bool last = false; !last && !state_.draining;) {
      Event event = co_await next_event(response.next_event);
      last = event.last;
      if (event.text.empty() && Clock::now() - spoken > kHeartbeatEvery) event.text = ": still there\n\n";
      if (!event.text.empty()) {
        spoken = Clock::now();
        if (!co_await write_chunk(event.text)) co_return false;
      }
      if (last) break;
      timer.expires_after(kEventsEvery);
      co_await timer.async_wait(kNoThrow);
    }
    co_return co_await write("0\r\n\r\n");
  }

  // One chunk of the chunked transfer coding (RFC 9112, section 7.1).
  awaitable<bool> write_chunk(const std::string& text) {
    co_return co_await write(fmt::format("{:x}\r\n{}\r\n", text.size(), text));
  }

  // Reads what is still under way after an answer that ends the connection.
  awaitable<void> linger() {
    transport_->expires_after(kLingerFor);
    co_await transport_->say_goodbye();
    buffer_.clear();
    for (std::uint64_t read = 0; read < kLingering; read += buffer_.size(), buffer_.clear()) {
      if (co_await read_more()) break;
    }
  }

  std::unique_ptr<Transport> transport_;
  const std::string client_;
  EdgeState& state_;
  beast::flat_buffer buffer_;
  Clock::time_point started_;
  bool idle_ = false;
};

}  // namespace

std::shared_ptr<Session> make_session(std::unique_ptr<Transport> transport, std::string client, EdgeState& state) {
  return std::make_shared<HttpSession>(std::move(transport), std::move(client), state);
}

}  // namespace eidetic
