#include "s3/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <random>
#include <utility>

#include "base/hash.h"
#include "base/text.h"
#include "s3/call.h"

namespace eidetic {
namespace {

constexpr unsigned kTries = 6;
constexpr double kFirstPauseS = 0.1, kLongestPauseS = 5;

HttpOptions http_options(const Result<S3Options>& options) {
  HttpOptions http;
  if (options) http.stall_timeout_s = options->timeout_s;
  return http;
}

struct Endpoint {
  std::string scheme, host, path;  // "https", "s3.example.org:9000", "" or "/store"
};

Result<Endpoint> parse_endpoint(const std::string& url) {
  const auto colon = url.find("://");
  const std::string scheme = to_lower(url.substr(0, std::min(colon, url.size())));
  const std::string_view rest = colon == std::string::npos ? "" : std::string_view(url).substr(colon + 3);
  std::string host(rest.substr(0, rest.find('/')));
  if ((scheme != "http" && scheme != "https") || host.empty() || rest.find_first_of("?#@ ") != std::string_view::npos) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the endpoint of S3 is '{}'; one is https://s3.example.org:9000", printable_url(url)));
  }
  // As curl writes the header Host, which is signed.
  const std::string_view own_port = scheme == "http" ? ":80" : ":443";
  if (host.ends_with(own_port)) host.resize(host.size() - own_port.size());
  std::string path(rest.substr(std::min(rest.find('/'), rest.size())));
  while (path.ends_with('/')) path.pop_back();
  return Endpoint{scheme, std::move(host), std::move(path)};
}

// False: told to stop.
bool pause(unsigned attempt, const std::stop_token& stop) {
  const double longest = std::min(kLongestPauseS, kFirstPauseS * static_cast<double>(1U << std::min(attempt, 16U)));
  thread_local std::minstd_rand random(std::random_device{}());
  const std::chrono::duration<double> wait(std::uniform_real_distribution<double>(0, longest)(random));
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, wait, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

bool is_passing(long status) noexcept {
  return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

S3Client::S3Client(Result<S3Options> options) : options_(std::move(options)), http_(http_options(options_)) {}

std::string S3Client::endpoint() const {
  return options_->endpoint.empty() ? fmt::format("https://s3.{}.amazonaws.com", options_->region) : options_->endpoint;
}

Result<S3Request> S3Client::address(const S3Place& place) const {
  if (!options_) return std::unexpected(options_.error());
  if (options_->access_key.empty() || options_->secret_key.empty()) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("'{}': there is no {} for S3; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or have them "
                    "in ~/.aws/credentials, or in [s3] of a server's configuration",
                    place.uri(), options_->access_key.empty() ? "access key" : "secret key"));
  }
  EIDETIC_TRY(const Endpoint store, parse_endpoint(endpoint()));
  // A certificate for *.s3.amazonaws.com holds for no name with another dot.
  const bool in_path = options_->path_style.value_or(!options_->endpoint.empty() || place.bucket.contains('.'));
  S3Request request;
  request.host = in_path ? store.host : fmt::format("{}.{}", place.bucket, store.host);
  request.path = fmt::format("{}{}/{}", store.path, in_path ? "/" + place.bucket : "", uri_encode(place.key, true));
  return request;
}

std::string S3Client::url_of(const S3Request& request, const std::string& query) const {
  const std::string all = endpoint();
  return fmt::format("{}://{}{}{}{}", to_lower(all.substr(0, all.find("://"))), request.host, request.path,
                     query.empty() ? "" : "?", query);
}

Result<HttpAnswer> S3Client::send_once(const Call& call, bool& refused) const {
  EIDETIC_TRY(S3Request request, address(call.place));
  request.method = call.method;
  request.query = call.query;
  request.headers = call.headers;
  if (call.offset != nullptr) {
    request.headers.emplace_back("range", fmt::format("bytes={}-{}", *call.offset, call.end - 1));
  }
  request.payload = sha256_hex(call.body);
  HttpCall http{.method = call.method, .url = url_of(request, canonical_query(request.query)), .body = call.body};
  for (const auto& [name, value] : signed_headers(request, *options_, amz_time(std::time(nullptr)))) {
    http.headers.push_back(fmt::format("{}: {}", name, value));
  }
  if (call.piece) {
    http.answer_piece = [&, begun = false](const HttpAnswer& head, std::span<const std::byte> piece) mutable {
      auto taken = std::exchange(begun, true) ? Result<void>() : call.begin(head);
      if (taken) taken = call.piece(piece);
      refused = !taken;
      return taken;
    };
  }
  http.progress = call.progress;
  http.stop = call.stop;
  return http_.exchange(http);
}

Result<HttpAnswer> S3Client::send(const Call& call) const {
  for (unsigned attempt = 1;; ++attempt) {
    const std::uint64_t before = call.offset == nullptr ? 0 : *call.offset;
    bool refused = false;
    auto answer = send_once(call, refused);
    if (refused) return answer;
    if (answer && (answer->ok() || std::ranges::find(call.also, answer->status) != call.also.end())) return answer;
    const bool passing = answer ? is_passing(answer->status) : answer.error().code == ErrorCode::unavailable;
    if (call.offset != nullptr && *call.offset > before) attempt = 1;
    if (!passing || attempt == kTries || !pause(attempt, call.stop)) {
      if (answer) return std::unexpected(failure(call.place, *answer));
      if (!passing) return answer;
      return fail(ErrorCode::unavailable, fmt::format("'{}': the store at {} cannot be worked with: {}",
                                                      call.place.uri(), endpoint(), answer.error().message));
    }
  }
}

Result<std::string> S3Client::presigned(const S3Place& place, std::uint32_t seconds) const {
  EIDETIC_TRY(const S3Request request, address(place));
  return url_of(request, presigned_query(request, *options_, amz_time(std::time(nullptr)), seconds));
}

}  // namespace eidetic
