#include "net/transfer.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <memory>

#include "base/text.h"

namespace eidetic {
namespace {

struct HandleCloser {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct ListFreer {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// What curl's callbacks work on during one transfer.
struct Transfer {
  const TransferRequest& request;
  const HttpOptions& options;
  ResponseHead head = {};
  std::uint64_t received = 0;
  std::uint64_t sent = 0;  // where in the body to go on
  bool body_begun = false;
  std::optional<Error> error = {};  // why a callback ended the transfer

  [[nodiscard]] bool wanted() const { return request.any_status || head.status == 200 || head.status == 206; }
};

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::unexpected<Error> too_large(const TransferRequest& request) {
  return fail(ErrorCode::overloaded,
              fmt::format("'{}' has more than {} bytes, the limit", printable_url(request.url), request.max_bytes));
}

std::size_t on_header(char* data, std::size_t /*one*/, std::size_t size, void* user) {
  auto& head = static_cast<Transfer*>(user)->head;
  const std::string_view line = trim(std::string_view(data, size));
  if (line.starts_with("HTTP/")) {
    head = {};
    const auto space = line.find(' ');
    if (space != std::string_view::npos) head.status = static_cast<long>(number(line.substr(space + 1)));
    return size;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  const std::string name = to_lower(line.substr(0, colon));
  const std::string_view value = trim(line.substr(colon + 1));
  head.all.insert_or_assign(name, std::string(value));
  if (name == "etag") head.etag = value;
  if (name == "last-modified") head.last_modified = value;
  if (name == "content-length") head.length = number(value);
  if (name == "content-range" && value.starts_with("bytes ")) head.range_from = number(value.substr(6));
  return size;
}

Result<void> take_body(Transfer& transfer, std::span<const std::byte> bytes) {
  const auto& request = transfer.request;
  if (!transfer.body_begun) {
    transfer.body_begun = true;
    if (transfer.head.length > request.max_bytes) return too_large(request);
    if (request.on_head) EIDETIC_CHECK(request.on_head(transfer.head));
  }
  transfer.received += bytes.size();
  if (transfer.received > request.max_bytes) return too_large(request);
  return request.on_body ? request.on_body(bytes) : Result<void>();
}

// An exception must not pass through curl's C frames.
template <typename Work>
bool guarded(Transfer& transfer, Work&& work) noexcept {
  try {
    if (Result<void> done = work(); !done) transfer.error = std::move(done).error();
  } catch (const std::exception& exception) {
    transfer.error = Error{ErrorCode::internal, exception.what()};
  }
  return !transfer.error;
}

std::size_t on_body(char* data, std::size_t /*one*/, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (!transfer.wanted()) return size;
  const bool ok = guarded(transfer, [&] { return take_body(transfer, std::as_bytes(std::span(data, size))); });
  return ok ? size : 0;
}

std::size_t on_send(char* data, std::size_t /*one*/, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const TransferBody& body = *transfer.request.body;
  size = static_cast<std::size_t>(std::min<std::uint64_t>(size, body.size - transfer.sent));
  if (body.file == nullptr) {
    std::memcpy(data, body.bytes.data() + transfer.sent, size);
  } else {
    const ssize_t count = ::pread(body.file->descriptor(), data, size, static_cast<off_t>(transfer.sent));
    if (count < 0 || (count == 0 && size > 0)) {
      transfer.error = Error{ErrorCode::unavailable, fmt::format("a file being sent to '{}' cannot be read any more",
                                                                 printable_url(transfer.request.url))};
      return CURL_READFUNC_ABORT;
    }
    size = static_cast<std::size_t>(count);
  }
  transfer.sent += size;
  return size;
}

// curl goes back to the beginning when a connection that it kept turns out to be gone.
int on_seek(void* user, curl_off_t offset, int /*origin is the beginning*/) {
  static_cast<Transfer*>(user)->sent = static_cast<std::uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

int on_progress(void* user, curl_off_t /*all*/, curl_off_t /*now*/, curl_off_t /*to_send*/, curl_off_t sent) {
  const auto& request = static_cast<Transfer*>(user)->request;
  if (request.on_sent) request.on_sent(static_cast<std::uint64_t>(sent));
  return request.stop.stop_requested() ? 1 : 0;
}

curl_socket_t open_socket(void* user, curlsocktype /*purpose*/, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (transfer.options.guard) {
    char text[NI_MAXHOST] = "";
    ::getnameinfo(&address->addr, address->addrlen, text, sizeof(text), nullptr, 0, NI_NUMERICHOST);
    if (!guarded(transfer, [&] { return transfer.options.guard(text); })) return CURL_SOCKET_BAD;
  }
  // An earlier address of the same name may have been refused; this one is good.
  transfer.error.reset();
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// As one packet with them, where it is small: who answers wakes up once.
bool goes_with_the_headers(const TransferRequest& request) {
  return request.body && request.body->file == nullptr && request.any_status;
}

void set_up_method(CURL* handle, Transfer& transfer) {
  const auto& request = transfer.request;
  const auto set = [&](CURLoption option, auto value) -> void { curl_easy_setopt(handle, option, value); };
  if (goes_with_the_headers(request)) {
    const auto bytes = request.body->bytes;
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(bytes.size()));
    set(CURLOPT_POSTFIELDS, bytes.empty() ? "" : reinterpret_cast<const char*>(bytes.data()));
  } else if (request.body) {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body->size));
    set(CURLOPT_READFUNCTION, &on_send);
    set(CURLOPT_READDATA, &transfer);
    set(CURLOPT_SEEKFUNCTION, &on_seek);
    set(CURLOPT_SEEKDATA, &transfer);
    constexpr long kBuffer = 1L << 18;
    set(CURLOPT_UPLOAD_BUFFERSIZE, kBuffer);
  }
  if (request.method == "HEAD") return set(CURLOPT_NOBODY, 1L);
  if (request.body || request.method != "GET") set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

long milliseconds(double seconds) { return std::max(1L, std::lround(seconds * 1000)); }

void set_up(CURL* handle, Transfer& transfer, const curl_slist* headers) {
  const auto& options = transfer.options;
  const double asked_stall_s = transfer.request.stall_timeout_s;
  const double stall_timeout_s = asked_stall_s > 0 ? asked_stall_s : options.stall_timeout_s;
  const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(handle, option, value); };
  set(CURLOPT_URL, transfer.request.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, transfer.request.any_status ? 0L : 1L);
  set(CURLOPT_PATH_AS_IS, transfer.request.any_status ? 1L : 0L);
  set(CURLOPT_MAXREDIRS, static_cast<long>(options.max_redirects));
  set(CURLOPT_USERAGENT, "Eidetic/" EIDETIC_VERSION);
  set(CURLOPT_HTTPHEADER, headers);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options.connect_timeout_s));
  if (transfer.request.total_timeout_s > 0) set(CURLOPT_TIMEOUT_MS, milliseconds(transfer.request.total_timeout_s));
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME, std::max(1L, std::lround(stall_timeout_s)));
  if (options.guard) set(CURLOPT_PROXY, "");
  if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
  if (options.insecure_tls) {
    set(CURLOPT_SSL_VERIFYPEER, 0L);
    set(CURLOPT_SSL_VERIFYHOST, 0L);
  }
  set(CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  set(CURLOPT_OPENSOCKETDATA, &transfer);
  set(CURLOPT_HEADERFUNCTION, &on_header);
  set(CURLOPT_HEADERDATA, &transfer);
  set(CURLOPT_WRITEFUNCTION, &on_body);
  set(CURLOPT_WRITEDATA, &transfer);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &on_progress);
  set(CURLOPT_XFERINFODATA, &transfer);
}

std::unexpected<Error> curl_error(CURLcode code, const Transfer& transfer, std::string_view detail) {
  const std::string url = printable_url(transfer.request.url);
  switch (code) {
    case CURLE_URL_MALFORMAT: return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no URL: {}", url, detail));
    case CURLE_UNSUPPORTED_PROTOCOL:
      return fail(ErrorCode::unsupported, fmt::format("'{}' leads to neither http nor https: {}", url, detail));
    case CURLE_TOO_MANY_REDIRECTS:
      return fail(ErrorCode::unavailable,
                  fmt::format("'{}' redirects more than {} times, the limit", url, transfer.options.max_redirects));
    case CURLE_OPERATION_TIMEDOUT:
      return fail(ErrorCode::unavailable, fmt::format("'{}' is too slow: {}", url, detail));
    case CURLE_ABORTED_BY_CALLBACK: return fail(ErrorCode::unavailable, fmt::format("fetching '{}' was stopped", url));
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
      return fail(ErrorCode::unavailable,
                  fmt::format("'{}' was cut off after {} bytes: {}", url, transfer.received, detail));
    default: return fail(ErrorCode::unavailable, fmt::format("cannot fetch '{}': {}", url, detail));
  }
}

std::unexpected<Error> status_error(const Transfer& transfer) {
  const long status = transfer.head.status;
  const auto code = status == 404 || status == 410 ? ErrorCode::not_found : ErrorCode::unavailable;
  return fail(code, fmt::format("'{}' answered with status {}{}", printable_url(transfer.request.url), status,
                                status == 404 ? " (not found)" : ""));
}

Result<ResponseHead> perform(CURL* handle, Transfer& transfer) {
  std::unique_ptr<curl_slist, ListFreer> headers;
  bool typed = false;
  for (const auto& header : transfer.request.headers) {
    headers.reset(curl_slist_append(headers.release(), header.c_str()));
    typed = typed || to_lower(header).starts_with("content-type:");
  }
  // Else curl makes a form of it.
  if (!typed && goes_with_the_headers(transfer.request)) {
    headers.reset(curl_slist_append(headers.release(), "Content-Type:"));
  }
  char detail[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, detail);
  set_up(handle, transfer, headers.get());
  set_up_method(handle, transfer);
  const CURLcode code = curl_easy_perform(handle);
  if (code != CURLE_OK) {
    if (transfer.error) return std::unexpected(*transfer.error);
    return curl_error(code, transfer, *detail != '\0' ? detail : curl_easy_strerror(code));
  }
  if (!transfer.wanted()) {
    if (transfer.head.status == 416) return transfer.head;
    return status_error(transfer);
  }
  // An empty body makes no call of its own.
  if (!transfer.body_begun) EIDETIC_CHECK(take_body(transfer, {}));
  return transfer.head;
}

}  // namespace

TransferPool::TransferPool(HttpOptions options) : options_(std::move(options)) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

TransferPool::~TransferPool() {
  for (void* handle : idle_) curl_easy_cleanup(handle);
}

Result<ResponseHead> TransferPool::run(const TransferRequest& request) {
  std::unique_ptr<CURL, HandleCloser> handle;
  {
    const std::scoped_lock lock(mutex_);
    if (!idle_.empty()) {
      handle.reset(idle_.back());
      idle_.pop_back();
    }
  }
  if (!handle) handle.reset(curl_easy_init());
  if (!handle) return fail(ErrorCode::internal, "libcurl gives no handle");

  Transfer transfer{.request = request, .options = options_};
  auto head = perform(handle.get(), transfer);
  // Keeps the connections and forgets the pointers into this frame.
  curl_easy_reset(handle.get());
  const std::scoped_lock lock(mutex_);
  idle_.push_back(handle.release());
  return head;
}

std::string printable_url(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const auto start = scheme + 3;
  const auto authority = url.substr(start, url.find_first_of("/?#", start) - start);
  const auto at = authority.rfind('@');
  if (at == std::string_view::npos) return std::string(url);
  return fmt::format("{}{}", url.substr(0, start), url.substr(start + at + 1));
}

std::string http_library() { return fmt::format("libcurl {}", curl_version_info(CURLVERSION_NOW)->version); }

}  // namespace eidetic
