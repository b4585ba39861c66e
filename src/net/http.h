// HTTP and HTTPS from the client's side: small bodies into memory, large ones into files that survive a broken line.
//
// Thread-safe; every call blocks the thread that makes it. Connections are kept and used again by later calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

// Asked with each numeric address ("192.0.2.7", "fe80::1%eth0") after its name was resolved and before it is connected
// to, on redirects too. An error refuses that address.
using AddressGuard = std::function<Result<void>(std::string_view address)>;

struct HttpOptions {
  double connect_timeout_s = 10;  // name look-up, TCP and TLS together
  double total_timeout_s = 60;    // of a whole get(); downloads are bounded by the stall time-out alone
  double stall_timeout_s = 20;    // without a byte arriving; whole seconds, at least 1, give or take two
  unsigned max_redirects = 5;     // only to http and https
  AddressGuard guard = {};        // where set, no proxy is used: it would hide the addresses
  // For https: certificates (PEM) to believe in place of the system's; or none is looked at, which lets anybody between
  // here and there read and change everything.
  std::filesystem::path ca_file = {};
  bool insecure_tls = false;
};

struct DownloadOptions {
  std::uint64_t max_bytes = std::uint64_t{16} << 30;
  std::optional<std::string> sha256 = {};  // expected, 64 hexadecimal digits
  // Bytes there so far, and in all (0: the server does not say). Called from the downloading thread, often.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress = {};
  std::stop_token stop = {};
};

struct Downloaded {
  std::uint64_t bytes = 0;
  std::string sha256 = {};         // of the whole file
  std::uint64_t resumed_from = 0;  // bytes that an earlier try had left
};

struct HttpAnswer {
  long status = 0;
  std::map<std::string, std::string, std::less<>> headers = {};  // names in lower case; of two of a name the last
  std::string body = {};

  [[nodiscard]] bool ok() const noexcept { return status >= 200 && status < 300; }
  // "" where there is none of that name, given in lower case.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

// One exchange with an HTTP API. What it points to must live until the call returns.
struct HttpCall {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers = {};  // "Content-Type: image/jpeg"
  // What is sent: these bytes or, where it is set, this file, which is read as it goes out.
  std::span<const std::byte> body = {};
  std::filesystem::path body_file = {};
  // Where the body of a 2xx answer goes: to a file, which appears complete or not at all; line by line, without the
  // line ends, or piece by piece with the answer's head, to a function whose error ends the exchange; else into the
  // answer. Any other answer's body goes into the answer.
  std::filesystem::path answer_file = {};
  std::function<Result<void>(std::string_view line)> answer_line = {};
  std::function<Result<void>(const HttpAnswer& head, std::span<const std::byte> piece)> answer_piece = {};
  std::uint64_t max_answer_bytes = std::uint64_t{64} << 20;  // but for files and lines; a line no longer than this
  // Bytes of the body sent so far, and in all. Called from the calling thread, often.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress = {};
  double stall_timeout_s = 0;  // 0: the client's
  std::stop_token stop = {};
};

// What gets files from URLs.
class Downloads {
 public:
  virtual ~Downloads() = default;
  // To `file`, which appears complete or not at all.
  [[nodiscard]] virtual Result<Downloaded> download(std::string_view url, const std::filesystem::path& file,
                                                    const DownloadOptions& options) const = 0;
};

class TransferPool;

// Errors of get() and download() name the URL, without the password it may hold: invalid_argument (no URL), unsupported
// (neither http nor https), not_found (404, 410), overloaded (too large), unavailable (any other status, host unknown
// or not reachable, too slow, cut off, redirects without end, refused by the guard).
class HttpClient final : public Downloads {
 public:
  explicit HttpClient(HttpOptions options = {});
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient() override;

  // The body of a 200 answer. A larger one ends as soon as that is known.
  [[nodiscard]] Result<std::vector<std::byte>> get(std::string_view url, std::size_t max_bytes,
                                                   std::stop_token stop = {}) const;

  // Downloads to `file`, which appears complete or not at all. Until then the bytes gather in `<file>.part`, with
  // `<file>.part.source` naming where they came from; the next call goes on from there if the server still has the
  // same content (ETag or Last-Modified), and starts over if not. A wrong checksum: corrupt, and nothing is kept.
  // Another process downloading the same file: unavailable.
  [[nodiscard]] Result<Downloaded> download(std::string_view url, const std::filesystem::path& file,
                                            const DownloadOptions& options = {}) const override;

  // The answer of whatever status; redirects are answers too. Bounded by the stall time-out alone. Errors name the URL:
  // invalid_argument and unsupported as above, overloaded (answer too large), unavailable (not reachable, too slow, cut
  // off, stopped), and those of the files and of answer_line.
  [[nodiscard]] Result<HttpAnswer> exchange(const HttpCall& call) const;

 private:
  std::unique_ptr<TransferPool> transfers_;
};

// The URL without user name and password, for messages.
[[nodiscard]] std::string printable_url(std::string_view url);

// "libcurl 7.88.1", the one that is loaded.
[[nodiscard]] std::string http_library();

}  // namespace eidetic
