// Forms with files: multipart/form-data (RFC 7578, over RFC 2046). Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

struct FormPart {
  std::string name;
  std::string filename = {};      // "" where the part has none; a name, never to be used as a path
  std::string content_type = {};  // as it was sent, "text/plain" where it was not
  std::string_view body = {};     // into the parsed body
};

inline constexpr std::size_t kMaxFormParts = 1000;
inline constexpr std::size_t kMaxPartHeaderBytes = 8192;

// The parts of a body, in order. content_type is the whole header: multipart/form-data; boundary=…  invalid_argument
// saying what is missing or wrong and in which part; overloaded beyond the limits. `body` must outlive the parts.
[[nodiscard]] Result<std::vector<FormPart>> parse_multipart(std::string_view content_type, std::string_view body);

// The first part of that name; null where there is none.
[[nodiscard]] const FormPart* find_part(const std::vector<FormPart>& parts, std::string_view name) noexcept;

}  // namespace eidetic
