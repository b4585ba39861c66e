#include "server/http_message.h"

#include "base/log.h"
#include "base/text.h"
#include "server/problem.h"

namespace eidetic {

std::string media_type(std::string_view content_type) {
  return to_lower(trim(content_type.substr(0, content_type.find(';'))));
}

Problem::Problem(const Error& error) : code(to_string(error.code)), detail(error.message) {
  switch (error.code) {
    case ErrorCode::invalid_argument: status = 400; return;
    case ErrorCode::not_found: status = 404; return;
    case ErrorCode::already_exists:
    case ErrorCode::conflict: status = 409; return;
    case ErrorCode::unsupported: status = 422; return;
    case ErrorCode::overloaded:
    case ErrorCode::unreachable:
      status = 503;
      retry_after_s = 5;
      return;
    case ErrorCode::unavailable:
      status = 503;
      retry_after_s = 30;
      detail = "the server's storage cannot do this now; its log says why";
      break;
    case ErrorCode::corrupt:
    case ErrorCode::internal:
      status = 500;
      detail = "the server failed; its log says why";
      break;
  }
  log(LogLevel::error, "{}: {}", code, error.message);
}

Problem picture_problem(const Error& error) {
  const auto told = [&](unsigned status) { return Problem(status, to_string(error.code), error.message); };
  switch (error.code) {
    case ErrorCode::invalid_argument: return told(400);
    case ErrorCode::overloaded: return {413, "too_large", error.message};
    case ErrorCode::not_found:
    case ErrorCode::unsupported:
    case ErrorCode::corrupt:
    case ErrorCode::unavailable: return told(422);
    case ErrorCode::unreachable:
    case ErrorCode::conflict:
    case ErrorCode::already_exists:
    case ErrorCode::internal: break;
  }
  return {error};
}

HttpResponse problem_response(const Problem& problem, std::string_view request_id) {
  HttpResponse response;
  response.status = problem.status;
  response.content_type = kProblemContentType;
  response.body = problem_document(problem.status, problem.code, problem.detail, request_id);
  if (problem.retry_after_s > 0) response.headers.emplace_back("Retry-After", std::to_string(problem.retry_after_s));
  if (problem.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"eidetic\"");
  return response;
}

}  // namespace eidetic
