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
  Lines(const HttpCall& request) : request_(request) {}

  Result<void> take(std::span<const std::byte> bytes) {
    std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      begun_ += rest.substr(0, end);
      rest.remove_prefix(end + 1);
      EIDETIC_CHECK(finish());
    }
    begun_ += rest;
    if (begun_.size() <= request_.max_answer_bytes) return {};
    return fail(ErrorCode::overloaded, fmt::format("'{}' sends a line of more than {} bytes, the limit",
                                                   printable_url(request_.url), request_.max_answer_bytes));
  }
  // The last line may have no end.
  Result<void> finish() {
    if (begun_.ends_with('\r')) begun_.pop_back();
    const std::string line = std::exchange(begun_, {});
    return request_.answer_line(line);
  }
  [[nodiscard]] bool between_lines() const { return begun_.empty(); }

 private:
  const HttpCall& request_;
  std::string begun_;
};

Result<std::uint64_t> size_of(const File& file, const std::filesystem::path& path) {
  struct stat status{};
  if (::fstat(file.descriptor(), &status) != 0) return system_error("cannot examine", path, errno);
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no file", path.native()));
  return static_cast<std::uint64_t>(status.st_size);
}

}  // namespace

std::string_view HttpAnswer::header(std::string_view name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view() : found->second;
}

Result<HttpAnswer> HttpClient::exchange(const HttpCall& request) const {
  HttpAnswer answer;
  Lines lines(request);
  File body_file;
  TransferRequest transfer{.url = request.url, .method = request.method, .headers = request.headers};
  // Servers that know nothing of it let every large body wait for a second.
  transfer.headers.emplace_back("Expect:");
  if (!request.body_file.empty()) {
    EIDETIC_TRY(body_file, File::open(request.body_file, O_RDONLY));
    EIDETIC_TRY(const auto size, size_of(body_file, request.body_file));
    transfer.body = TransferBody{.file = &body_file, .size = size};
  } else if (!request.body.empty() || (request.method != "GET" && request.method != "DELETE")) {
    transfer.body = TransferBody{.bytes = request.body, .size = request.body.size()};
  }
  if (request.progress && transfer.body) {
    transfer.on_sent = [&](std::uint64_t sent) { request.progress(sent, transfer.body->size); };
  }
  transfer.stall_timeout_s = request.stall_timeout_s;
  transfer.any_status = true;
  transfer.stop = request.stop;

  const Sink* sink = nullptr;  // into answer_file, while that is being written
  bool elsewhere = false;      // not into the answer
  transfer.max_bytes = UINT64_MAX;
  transfer.on_head = [&](const ResponseHead& head) -> Result<void> {
    elsewhere = head.ok() && (sink != nullptr || request.answer_line);
    return {};
  };
  transfer.on_body = [&](std::span<const std::byte> bytes) -> Result<void> {
    if (elsewhere) return sink != nullptr ? (*sink)(bytes) : lines.take(bytes);
    if (answer.body.size() + bytes.size() > request.max_answer_bytes) {
      return fail(ErrorCode::overloaded, fmt::format("the answer of '{}' has more than {} bytes, the limit",
                                                     printable_url(request.url), request.max_answer_bytes));
    }
    answer.body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  };
  const auto run = [&]() -> Result<void> {
    EIDETIC_TRY(auto head, transfers_->run(transfer));
    answer.status = head.status;
    answer.headers = std::move(head.all);
    return {};
  };

  if (request.answer_file.empty()) {
    EIDETIC_CHECK(run());
    if (answer.ok() && request.answer_line && !lines.between_lines()) EIDETIC_CHECK(lines.finish());
    return answer;
  }
  const auto written = write_file_atomically(request.answer_file, [&](const Sink& into) -> Result<void> {
    sink = &into;
    EIDETIC_CHECK(run());
    // No file of what is not what was asked for; the answer says why.
    return answer.ok() ? Result<void>() : fail(ErrorCode::unavailable, "");
  });
  if (!written && (answer.status == 0 || answer.ok())) return std::unexpected(written.error());
  return answer;
}

}  // namespace eidetic
