#include "cluster/lucene_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace eidetic {
namespace {

constexpr std::string_view kDiskHint =
    "; its disk is too full for more (see cluster.routing.allocation.disk.watermark): make room there";

Result<EngineVersion> parse_version(std::string_view text, std::string_view engine) {
  EngineVersion version;
  const char* const end = text.data() + text.size();
  const auto major = std::from_chars(text.data(), end, version.major);
  const bool dotted = major.ec == std::errc() && major.ptr != end && *major.ptr == '.';
  if (dotted && std::from_chars(major.ptr + 1, end, version.minor).ec == std::errc()) return version;
  return fail(ErrorCode::conflict, fmt::format("{} says that its version is '{}'", engine, text));
}

bool is_blocked(const EngineFailure& failure) { return failure.type == "cluster_block_exception"; }

}  // namespace

const Json& part_of(const Json& answer, std::initializer_list<std::string_view> names) {
  static const Json kNone;
  const Json* at = &answer;
  for (const auto name : names) {
    if (!at->is_object()) return kNone;
    const auto found = at->find(name);
    if (found == at->end()) return kNone;
    at = &*found;
  }
  return *at;
}

std::uint64_t count_in(const Json& answer, std::initializer_list<std::string_view> names) {
  const Json& part = part_of(answer, names);
  return part.is_number_unsigned() ? part.get<std::uint64_t>() : 0;
}

std::string text_in(const Json& answer, std::initializer_list<std::string_view> names) {
  const Json& part = part_of(answer, names);
  return part.is_string() ? part.get<std::string>() : std::string();
}

bool EngineFailure::passes() const {
  return status == 429 || status == 502 || status == 503 || status == 504 ||
         type == "cluster_block_exception";  // 403: a disk that is full, until somebody makes room
}

EngineFailure failure_of(long status, const Json& answer) {
  EngineFailure failure{.status = status, .type = {}, .reason = text_in(answer, {"error"})};
  const Json* error = &part_of(answer, {"error"});
  if (!error->is_object()) {
    if (failure.reason.empty()) failure.reason = fmt::format("status {}", status);
    return failure;
  }
  // Of a search, that of the first part that failed; then what caused it.
  if (const Json& shards = part_of(*error, {"failed_shards"}); shards.is_array() && !shards.empty()) {
    if (const Json& reason = part_of(shards.front(), {"reason"}); reason.is_object()) error = &reason;
  }
  for (const Json* cause = error; cause->is_object(); cause = &part_of(*cause, {"caused_by"})) error = cause;
  failure.type = text_in(*error, {"type"});
  failure.reason = text_in(*error, {"reason"});
  std::ranges::replace(failure.reason, '\n', ' ');
  return failure;
}

LuceneClient::LuceneClient(EngineHttp engine, EngineVersion least)
    : engine_(std::move(engine)), least_(least), pool_(std::max(1U, engine_.options().parallel)) {}

Result<EngineVersion> LuceneClient::ask_version() const {
  EIDETIC_TRY(auto answer, engine_.exchange({.path = "/"}));
  const bool asked_opensearch = engine_.address().kind == ClusterKind::opensearch;
  std::string product = "Elasticsearch";
  std::string number;
  if (answer.ok()) {
    number = text_in(answer.body, {"version", "number"});
    if (text_in(answer.body, {"version", "distribution"}) == "opensearch") product = "OpenSearch";
  } else if (answer.status == 405) {
    // Elasticsearch without its modules, which only says it of its nodes.
    EIDETIC_TRY(answer, engine_.exchange({.path = "/_nodes?filter_path=nodes.*.version"}));
    if (const Json& nodes = part_of(answer.body, {"nodes"}); nodes.is_object() && !nodes.empty()) {
      number = text_in(nodes.front(), {"version"});
    }
  }
  const std::string_view wanted = to_string(engine_.address().kind);
  const std::string needed = fmt::format("{} {}.{} or newer is needed", wanted, least_.major, least_.minor);
  if (number.empty()) {
    return fail(ErrorCode::conflict, fmt::format("{} answers, but not as {} does (status {}); {}", engine_.name(),
                                                 wanted, answer.status, needed));
  }
  if ((product == "OpenSearch") != asked_opensearch) {
    return fail(ErrorCode::conflict,
                fmt::format("at {} there is {} {}, and the URL says {}: write {}://…", engine_.address().base, product,
                            number, wanted, product == "OpenSearch" ? "opensearch" : "elasticsearch"));
  }
  EIDETIC_TRY(const auto version, parse_version(number, engine_.name()));
  if (version < least_) {
    return fail(ErrorCode::conflict, fmt::format("{} is of version {}; {}", engine_.name(), number, needed));
  }
  return version;
}

Result<EngineVersion> LuceneClient::version() {
  const std::scoped_lock lock(version_mutex_);
  if (version_) return *version_;
  EIDETIC_TRY(version_, ask_version());
  return *version_;
}

Result<LuceneClient::Reply> LuceneClient::ask(EngineHttp::Call call) {
  EIDETIC_CHECK(version());
  EIDETIC_TRY(auto answer, engine_.exchange(call));
  Reply reply;
  if (!answer.ok()) reply.failure = failure_of(answer.status, answer.body);
  reply.body = std::move(answer.body);
  return reply;
}

Result<Json> LuceneClient::demand(EngineHttp::Call call, std::string_view what) {
  EIDETIC_TRY(auto reply, ask(std::move(call)));
  if (reply.failure) return std::unexpected(error_of(*reply.failure, what));
  return std::move(reply.body);
}

Error LuceneClient::error_of(const EngineFailure& failure, std::string_view what) const {
  const auto say = [&](ErrorCode code, std::string_view hint) {
    return Error{code, fmt::format("{}: {}: {}{}", name(), what, failure.reason, hint)};
  };
  if (failure.is_no_index()) return say(ErrorCode::not_found, "");
  if (is_blocked(failure)) return say(ErrorCode::unreachable, kDiskHint);
  if (failure.passes() || failure.status >= 500) return say(ErrorCode::unreachable, "");
  if (failure.status == 409) return say(ErrorCode::conflict, "");
  if (failure.type.contains("too_many") && failure.type.contains("clauses")) {
    return say(ErrorCode::unsupported,
               "; the filter has more tests than it takes at once (indices.query.bool.max_clause_count)");
  }
  if (failure.reason.contains("nested depth") || failure.reason.contains("nesting depth")) {
    return say(ErrorCode::unsupported,
               "; the filter is nested deeper than it takes (indices.query.bool.max_nested_depth)");
  }
  if (failure.reason.contains("allow_expensive_queries")) {
    return say(ErrorCode::unsupported, "; set search.allow_expensive_queries there to true");
  }
  return say(ErrorCode::internal, "");
}

}  // namespace eidetic
