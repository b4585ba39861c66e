#include "server/problem.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/json.h"

namespace eidetic {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 17> kTitles = {{
    {"invalid_argument", "The request is not valid"},
    {"unauthorized", "A token is needed"},
    {"forbidden", "The token's role does not allow it"},
    {"not_found", "Not found"},
    {"method_not_allowed", "Not a method of this path"},
    {"timeout", "It took too long"},
    {"already_exists", "There is one already"},
    {"too_large", "Larger than the server takes"},
    {"unsupported_media_type", "Not a content type of this path"},
    {"unsupported", "Not supported"},
    {"corrupt", "Not what it claims to be"},
    {"too_many_requests", "Too many requests"},
    {"unavailable", "Not available"},
    {"overloaded", "Too much to do"},
    {"unreachable", "What the server needs does not answer"},
    {"conflict", "Not as this server knows it"},
    {"internal", "A fault of the server"},
}};

std::string_view title_of(std::string_view code) noexcept {
  for (const auto& [known, title] : kTitles) {
    if (known == code) return title;
  }
  return "Error";
}

}  // namespace

std::string problem_document(unsigned status, std::string_view code, std::string_view detail,
                             std::string_view request_id) {
  return dump_json({{"type", fmt::format("urn:eidetic:error:{}", code)},
                    {"title", title_of(code)},
                    {"status", status},
                    {"detail", detail},
                    {"code", code},
                    {"request_id", request_id}});
}

}  // namespace eidetic
