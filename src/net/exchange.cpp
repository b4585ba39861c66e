#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/file.h"
#include "net/http.h"
#include "net/transfer.h"

namespace eidetic {
namespace {

// Cuts what comes in pieces into lines.
class Lines {
 public:
  explicit Lines(const HttpCall& call) : call_(call) {}

  Result<void> take(std::span<const std::byte> bytes) {
    std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      begun_ += rest.substr(0, end);
      rest.remove_prefix(end + 1);
      EIDETIC_CHECK(finish());
    }
    begun_ += rest;
    if (begun_.size() <= call_.max_answer_bytes) return {};
    return fail(ErrorCode::overloaded, fmt::format("'{}' sends a line of more than {} bytes, the limit",
                                                   printable_url(call_.url), call_.max_answer_bytes));
  }
  // The last line may have no end.
  Result<void> finish() {
    if (begun_.ends_with('\r')) begun_.pop_back();
    const std::string line = std::exchange(begun_, {});
    return call_.answer_line(line);
  }
  [[nodiscard]] bool between_lines() const { return begun_.empty(); }

 private:
  const HttpCall& call_;
  std::string begun_;
};

Result<std::uint64_t> size_of(const File& file, const std::filesystem::path& path) {
  struct stat status{};
  if (::fstat(file.descriptor(), &status) != 0) return system_error("cannot examine", path, errno);
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no file", path.native()));
  return static_cast<std::uint64_t>(status.st_size);
}

// One call of HttpClient::exchange.
class Exchange {
 public:
  Exchange(const HttpCall& call, TransferPool& transfers) : call_(call), transfers_(transfers), lines_(call) {}

  Result<HttpAnswer> run() {
    EIDETIC_TRY(auto transfer, describe());
    if (call_.answer_file.empty()) {
      EIDETIC_CHECK(perform(transfer));
      if (answer_.ok() && call_.answer_line && !lines_.between_lines()) EIDETIC_CHECK(lines_.finish());
      return std::move(answer_);
    }
    const auto written = write_file_atomically(call_.answer_file, [&](const Sink& sink) -> Result<void> {
      sink_ = &sink;
      EIDETIC_CHECK(perform(transfer));
      // No file of what is not what was asked for; the answer says why.
      return answer_.ok() ? Result<void>() : fail(ErrorCode::unavailable, "");
    });
    if (!written && (answer_.status == 0 || answer_.ok())) return std::unexpected(written.error());
    return std::move(answer_);
  }

 private:
  Result<TransferRequest> describe() {
    TransferRequest transfer{.url = call_.url, .method = call_.method, .headers = call_.headers};
    // Servers that know nothing of it let every large body wait for a second.
    transfer.headers.emplace_back("Expect:");
    if (!call_.body_file.empty()) {
      EIDETIC_TRY(body_file_, File::open(call_.body_file, O_RDONLY));
      EIDETIC_TRY(const auto size, size_of(body_file_, call_.body_file));
      transfer.body = TransferBody{.file = &body_file_, .size = size};
    } else if (!call_.body.empty() || !(call_.method == "GET" || call_.method == "DELETE" || call_.method == "HEAD")) {
      transfer.body = TransferBody{.bytes = call_.body, .size = call_.body.size()};
    }
    if (call_.progress && transfer.body) {
      transfer.on_sent = [this, size = transfer.body->size](std::uint64_t sent) { call_.progress(sent, size); };
    }
    transfer.stall_timeout_s = call_.stall_timeout_s;
    transfer.max_bytes = UINT64_MAX;  // take() knows better
    transfer.any_status = true;
    transfer.on_head = [this](const ResponseHead& head) -> Result<void> {
      if (call_.answer_piece) answer_ = {.status = head.status, .headers = head.all};
      elsewhere_ = head.ok() && (sink_ != nullptr || call_.answer_line || call_.answer_piece);
      return {};
    };
    transfer.on_body = [this](std::span<const std::byte> bytes) { return take(bytes); };
    transfer.stop = call_.stop;
    return transfer;
  }

  Result<void> take(std::span<const std::byte> bytes) {
    if (elsewhere_ && sink_ != nullptr) return (*sink_)(bytes);
    if (elsewhere_) return call_.answer_line ? lines_.take(bytes) : call_.answer_piece(answer_, bytes);
    if (answer_.body.size() + bytes.size() > call_.max_answer_bytes) {
      return fail(ErrorCode::overloaded, fmt::format("the answer of '{}' has more than {} bytes, the limit",
                                                     printable_url(call_.url), call_.max_answer_bytes));
    }
    answer_.body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }

  Result<void> perform(const TransferRequest& transfer) {
    EIDETIC_TRY(auto head, transfers_.run(transfer));
    answer_.status = head.status;
    answer_.headers = std::move(head.all);
    return {};
  }

  const HttpCall& call_;
  TransferPool& transfers_;
  Lines lines_;
  File body_file_;
  HttpAnswer answer_;
  const Sink* sink_ = nullptr;  // into answer_file, while that is being written
  bool elsewhere_ = false;      // the body goes not into the answer
};

}  // namespace

std::string_view HttpAnswer::header(std::string_view name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view() : found->second;
}

Result<HttpAnswer> HttpClient::exchange(const HttpCall& call) const { return Exchange(call, *transfers_).run(); }

}  // namespace eidetic
