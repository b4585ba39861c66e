// Pictures as requests carry them: the body itself, or parts of a form.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/engine.h"

#include "server/http_message.h"
#include "server/parameters.h"

namespace eidetic {

// image/* or application/octet-stream: the body is a picture as it stands.
[[nodiscard]] bool is_raw_picture(std::string_view media_type);

struct Form {
  struct File {
    std::string name;  // as the client calls it; empty: not at all
    std::vector<std::byte> bytes;
  };
  std::vector<File> files;    // of the parts `file`
  Parameters::Values fields;  // of all other parts, with the query parameters beside them
};
// A multipart/form-data body. invalid_argument: no form, no part `file`, an empty one, a field given twice.
[[nodiscard]] Result<Form> read_form(const HttpRequest& request);

// Exactly one picture, in any of the forms: raw, form, or JSON.
[[nodiscard]] std::expected<NewItem, Problem> read_picture(const HttpRequest& request);

// The parameter `size` of a small picture, and no other.
[[nodiscard]] Result<std::uint32_t> read_size(const HttpRequest& request);

[[nodiscard]] std::vector<std::byte> to_bytes(std::string_view text);

}  // namespace eidetic
