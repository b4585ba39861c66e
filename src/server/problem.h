// Errors as HTTP answers them: problem documents (RFC 9457).
#pragma once

#include <string>
#include <string_view>

namespace eidetic {

inline constexpr std::string_view kProblemContentType = "application/problem+json";

// `code` is one of the codes of docs/openapi.yaml; the type is urn:eidetic:error:<code>, the title follows from it.
[[nodiscard]] std::string problem_document(unsigned status, std::string_view code, std::string_view detail,
                                           std::string_view request_id);

}  // namespace eidetic
