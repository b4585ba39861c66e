#include "cluster/engine_http.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <random>
#include <utility>

#include "base/base64.h"
#include "base/file.h"
#include "base/text.h"

namespace eidetic {
namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned kReadTries = 3;
constexpr std::uint64_t kMaxAnswerBytes = std::uint64_t{1} << 30;  // a page of 10,000 items with vectors
constexpr std::string_view kDefaultPrefix = "eidetic";
constexpr std::size_t kMaxPrefixBytes = 60;

struct Scheme {
  std::string_view name;
  ClusterKind kind;
  std::string_view port;
};
constexpr std::array<Scheme, 3> kSchemes = {{{"opensearch", ClusterKind::opensearch, "9200"},
                                             {"elasticsearch", ClusterKind::elasticsearch, "9200"},
                                             {"qdrant", ClusterKind::qdrant, "6333"}}};

std::unexpected<Error> bad_url(std::string_view shown, std::string_view why) {
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is no URL of a search engine: {}; write opensearch://host:9200, "
                          "elasticsearch://host:9200 or qdrant://host:6333, with an s after the first word over TLS",
                          shown, why));
}

bool is_prefix(std::string_view text) {
  return !text.empty() && text.size() <= kMaxPrefixBytes && text.front() != '-' && text.front() != '_' &&
         std::ranges::all_of(
             text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; });
}

// A host with or without a port, as URLs have it; the user is gone.
bool is_authority(std::string_view text) {
  if (text.empty()) return false;
  if (text.front() == '[') {
    const auto end = text.find(']');
    if (end == std::string_view::npos || end == 1) return false;
    text.remove_prefix(end + 1);
    if (text.empty()) return true;
  } else {
    const auto end = std::min(text.find(':'), text.size());
    const auto host = text.substr(0, end);
    const bool sound = !host.empty() && std::ranges::all_of(host, [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_';
    });
    if (!sound) return false;
    text.remove_prefix(end);
    if (text.empty()) return true;
  }
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), port);
  return text.front() == ':' && error == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65'535;
}

bool has_port(std::string_view authority) {
  const auto colon = authority.rfind(':');
  return colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
}

bool is_temporary(long status) { return status == 429 || status == 502 || status == 503 || status == 504; }

// What an engine says of its failure, in one line.
std::string said(const HttpAnswer& answer) {
  const Json body = Json::parse(answer.body, nullptr, false);
  std::string reason;
  if (body.is_object()) {
    const auto error = body.find("error");
    const auto status = body.find("status");
    if (error != body.end() && error->is_object()) reason = error->value("reason", "");
    if (error != body.end() && error->is_string()) reason = error->get<std::string>();
    if (status != body.end() && status->is_object()) reason = status->value("error", "");
  }
  if (reason.empty()) reason = answer.body.substr(0, 200);
  std::ranges::replace(reason, '\n', ' ');
  return reason.empty() ? fmt::format("status {}", answer.status) : fmt::format("status {}: {}", answer.status, reason);
}

// False: it was asked to stop.
bool wait(Clock::duration duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait_for(lock, stop, duration, [] { return false; });
  return !stop.stop_requested();
}

HttpOptions http_options(const ClusterOptions& options) {
  HttpOptions made;
  made.stall_timeout_s = std::max(1.0, options.timeout_s);
  made.connect_timeout_s = std::min(10.0, made.stall_timeout_s);
  made.ca_file = options.ca_file;
  return made;
}

}  // namespace

std::string_view to_string(ClusterKind kind) noexcept {
  switch (kind) {
    case ClusterKind::opensearch: return "OpenSearch";
    case ClusterKind::elasticsearch: return "Elasticsearch";
    case ClusterKind::qdrant: return "Qdrant";
  }
  return "";
}

Result<ClusterAddress> parse_cluster_url(std::string_view url) {
  const std::string shown = printable_url(url);
  const auto colon = url.find("://");
  if (colon == std::string_view::npos) return bad_url(shown, "it has no scheme");
  auto scheme = url.substr(0, colon);
  std::string_view rest = url.substr(colon + 3);
  const bool plain = std::ranges::find(kSchemes, scheme, &Scheme::name) != kSchemes.end();
  if (!plain && scheme.ends_with('s')) scheme.remove_suffix(1);
  const auto known = std::ranges::find(kSchemes, scheme, &Scheme::name);
  if (known == kSchemes.end()) return bad_url(shown, fmt::format("'{}' is no such engine", url.substr(0, colon)));
  const bool tls = !plain;

  ClusterAddress address;
  address.kind = known->kind;
  const auto slash = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, slash);
  std::string_view path = rest.substr(std::min(slash + 1, rest.size()));
  if (path.ends_with('/')) path.remove_suffix(1);
  address.prefix = path.empty() ? kDefaultPrefix : path;
  if (!is_prefix(address.prefix)) {
    return bad_url(shown, fmt::format("its path is the beginning of all names there, up to {} of [a-z0-9_-], beginning "
                                      "with a letter or digit",
                                      kMaxPrefixBytes));
  }
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    address.user = authority.substr(0, at);
    authority.remove_prefix(at + 1);
    if (address.user.contains(':')) {
      return bad_url(shown,
                     "a password does not belong there: use password_file, or the variable "
                     "EIDETIC_BACKEND_PASSWORD");
    }
  }
  if (!is_authority(authority)) return bad_url(shown, "it names no host");
  const std::string host = to_lower(authority);
  const std::string full = has_port(host) ? host : fmt::format("{}:{}", host, known->port);
  address.base = fmt::format("{}://{}", tls ? "https" : "http", full);
  address.name = fmt::format("{}{}://{}{}", known->name, tls ? "s" : "", full,
                             address.prefix == kDefaultPrefix ? "" : "/" + address.prefix);
  return address;
}

std::chrono::milliseconds jittered(unsigned n, std::chrono::milliseconds base, std::chrono::milliseconds cap) {
  thread_local std::mt19937 random(std::random_device{}());
  const auto most = std::min(cap, base * (1U << std::min(n, 16U)));
  return std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(0, most.count())(random));
}

EngineHttp::EngineHttp(const ClusterOptions& options, ClusterAddress address)
    : options_(options), address_(std::move(address)), client_(http_options(options)) {
  const bool qdrant = address_.kind == ClusterKind::qdrant;
  if (!options_.api_key.empty()) {
    headers_.push_back(qdrant ? fmt::format("api-key: {}", options_.api_key)
                              : fmt::format("Authorization: ApiKey {}", options_.api_key));
  } else if (!address_.user.empty()) {
    const std::string pair = fmt::format("{}:{}", address_.user, options_.password);
    headers_.push_back(fmt::format("Authorization: Basic {}", encode_base64(as_bytes(pair))));
  }
}

std::string EngineHttp::name() const { return fmt::format("{} at {}", to_string(address_.kind), address_.base); }

Result<EngineHttp::Answer> EngineHttp::exchange(const Call& call) const {
  HttpCall request{.method = call.method, .url = address_.base + call.path, .headers = headers_};
  if (!call.body.empty()) request.headers.push_back("Content-Type: " + call.content_type);
  request.body = as_bytes(call.body);
  request.max_answer_bytes = kMaxAnswerBytes;
  request.stop = call.stop;
  const auto begun = Clock::now();
  for (unsigned tries = 0;; ++tries) {
    auto answer = client_.exchange(request);
    const bool temporary = !answer || is_temporary(answer->status);
    if (answer && !temporary) {
      if (answer->status == 401 || (answer->status == 403 && !answer->body.contains("cluster_block"))) {
        return fail(ErrorCode::unreachable,
                    fmt::format("{} refuses who asks ({}): set user and password_file, or api_key_file", name(),
                                said(*answer)));
      }
      Answer made{.status = answer->status, .body = Json::parse(answer->body, nullptr, false)};
      if (made.body.is_discarded()) made.body = nullptr;
      return made;
    }
    if (!answer && answer.error().code != ErrorCode::unavailable) return std::unexpected(std::move(answer).error());
    const std::string last = answer ? said(*answer) : answer.error().message;
    const auto waited = Clock::now() - begun;
    const bool over = call.patience == Patience::once || call.stop.stop_requested() ||
                      (call.patience == Patience::read && tries + 1 >= kReadTries) ||
                      (call.patience == Patience::write && waited > std::chrono::duration<double>(options_.wait_s));
    if (over || !wait(jittered(tries), call.stop)) {
      return fail(ErrorCode::unreachable,
                  fmt::format("{} does not answer as it should ({} {}, tried {} time{}): {}", name(), call.method,
                              call.path.substr(0, call.path.find('?')), tries + 1, tries == 0 ? "" : "s", last));
    }
  }
}

}  // namespace eidetic
