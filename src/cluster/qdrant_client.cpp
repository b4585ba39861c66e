#include "cluster/qdrant_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "base/text.h"

namespace eidetic {
namespace {

// The first that gives a collection another named vector, and that updates points only if they pass a filter.
constexpr unsigned kMajor = 1;
constexpr unsigned kLeastMinor = 18;

bool is_known(std::string_view version) {
  const auto parts = split(version, '.');
  unsigned major = 0, minor = 0;
  if (parts.size() < 2) return false;
  std::from_chars(parts[0].data(), parts[0].data() + parts[0].size(), major);
  std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), minor);
  return major == kMajor && minor >= kLeastMinor;
}

// {"status": {"error": "…"}}
std::string reason(const Json& body) {
  auto error = qdrant_text(qdrant_at(body, "status"), "error");
  return error.empty() ? "it does not say why" : error;
}

}  // namespace

const Json& qdrant_at(const Json& object, std::string_view key) {
  static const Json kNothing;
  if (!object.is_object()) return kNothing;
  const auto found = object.find(key);
  return found == object.end() ? kNothing : *found;
}

std::string qdrant_text(const Json& object, std::string_view key) {
  const Json& found = qdrant_at(object, key);
  return found.is_string() ? found.get<std::string>() : std::string();
}

std::uint64_t qdrant_number(const Json& object, std::string_view key) {
  const Json& found = qdrant_at(object, key);
  return found.is_number_integer() ? found.get<std::uint64_t>() : 0;
}

QdrantClient::QdrantClient(EngineHttp engine)
    : engine_(std::move(engine)), pool_(std::max(1U, engine_.options().parallel)) {}

Result<Json> QdrantClient::read(const std::string& path, std::string body) {
  const bool copies = options().replicas > 0;
  return ask("POST", copies ? path + "?consistency=majority" : path, std::move(body), EngineHttp::Patience::read);
}

Result<Json> QdrantClient::write(std::string_view method, const std::string& path, std::string body) {
  return ask(method, path + "?wait=true&ordering=strong", std::move(body), EngineHttp::Patience::write);
}

Result<Json> QdrantClient::shape(std::string_view method, const std::string& path, std::string body) {
  return ask(method, path, std::move(body), EngineHttp::Patience::write);
}

Result<void> QdrantClient::each(std::size_t count, const std::function<Result<void>(std::size_t)>& work) {
  std::vector<Result<void>> results(count);
  const std::size_t lanes = std::min<std::size_t>(count, std::max(1U, options().parallel));
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  const auto run = [&](std::size_t) {
    for (std::size_t i = next++; i < count && !failed; i = next++) {
      results[i] = work(i);
      if (!results[i]) failed = true;
    }
  };
  if (lanes <= 1) {
    run(0);
  } else {
    pool_.parallel_for(lanes, run);
  }
  for (auto& result : results) EIDETIC_CHECK(std::move(result));
  return {};
}

Result<void> QdrantClient::greet() {
  if (greeted_) return {};
  EIDETIC_TRY(const auto answer, engine_.exchange({.path = "/", .patience = EngineHttp::Patience::read}));
  const std::string title = qdrant_text(answer.body, "title");
  if (!title.contains("qdrant")) {
    return fail(ErrorCode::conflict,
                fmt::format("at {} there is no Qdrant: GET / gives status {}{}", engine_.address().base, answer.status,
                            title.empty() ? "" : fmt::format(" and the title '{}'", title)));
  }
  const std::string version = qdrant_text(answer.body, "version");
  if (!is_known(version)) {
    return fail(ErrorCode::conflict, fmt::format("{} is of version '{}'; {}.{} and above within {}.x are known", name(),
                                                 version, kMajor, kLeastMinor, kMajor));
  }
  greeted_ = true;
  return {};
}

Result<Json> QdrantClient::ask(std::string_view method, const std::string& path, std::string body,
                               EngineHttp::Patience patience) {
  EIDETIC_CHECK(greet());
  EIDETIC_TRY(
      auto answer,
      engine_.exchange({.method = std::string(method), .path = path, .body = std::move(body), .patience = patience}));
  if (answer.ok()) {
    const auto result = answer.body.is_object() ? answer.body.find("result") : answer.body.end();
    if (result != answer.body.end()) return std::move(*result);
    return fail(ErrorCode::conflict, fmt::format("{} answers {} {} with something else than Qdrant's API has", name(),
                                                 method, path.substr(0, path.find('?'))));
  }
  const std::string said = fmt::format("{} refuses {} {} (status {}): {}", name(), method,
                                       path.substr(0, path.find('?')), answer.status, reason(answer.body));
  if (answer.status == 404) return fail(ErrorCode::not_found, said);
  if (answer.status == 413) return fail(ErrorCode::overloaded, said + "; lower bulk_bytes, or raise its limit");
  if (answer.status == 408 || answer.status >= 500) return fail(ErrorCode::unreachable, said);
  return fail(ErrorCode::conflict, said);
}

}  // namespace eidetic
