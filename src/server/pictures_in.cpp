#include "server/pictures_in.h"

#include <fmt/format.h>

#include "base/file.h"
#include "server/api.h"
#include "server/json_in.h"
#include "server/multipart.h"

namespace eidetic {

bool is_raw_picture(std::string_view media_type) {
  return media_type.starts_with("image/") || media_type == "application/octet-stream";
}

std::vector<std::byte> to_bytes(std::string_view text) {
  const auto bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

Result<Form> read_form(const HttpRequest& request) {
  EIDETIC_TRY(const auto parts, parse_multipart(request.content_type, request.body));
  Form form{.files = {}, .fields = request.uri.query};
  for (const FormPart& part : parts) {
    if (part.name == "file") {
      if (part.body.empty()) return fail(ErrorCode::invalid_argument, "file: the picture is empty");
      form.files.push_back({part.filename, to_bytes(part.body)});
    } else if (!form.fields.emplace(part.name, part.body).second) {
      return fail(ErrorCode::invalid_argument, fmt::format("the field '{}' is given twice", part.name));
    }
  }
  if (form.files.empty()) return fail(ErrorCode::invalid_argument, "the form has no part 'file'");
  return form;
}

std::expected<NewItem, Problem> read_picture(const HttpRequest& request) {
  const std::string type = media_type(request.content_type);
  NewItem item;
  if (type == "application/json") {
    EIDETIC_ANSWER_TRY(item, parse_picture(request.body));
  } else if (type == "multipart/form-data") {
    EIDETIC_ANSWER_TRY(auto form, read_form(request));
    if (form.files.size() > 1)
      return std::unexpected(Problem(400, "invalid_argument", "the form has more than one file"));
    item.bytes = std::move(form.files.front().bytes);
  } else if (is_raw_picture(type)) {
    if (request.body.empty()) return std::unexpected(Problem(400, "invalid_argument", "the body is empty"));
    item.bytes = to_bytes(request.body);
  } else {
    return wrong_media_type(request, "image/*, application/octet-stream, application/json and multipart/form-data");
  }
  return item;
}

Result<std::uint32_t> read_size(const HttpRequest& request) {
  constexpr std::uint32_t kDefault = 256;
  Parameters parameters(request.uri.query);
  EIDETIC_TRY(const auto size, parameters.integer("size", kMinThumbnail, kMaxThumbnail));
  EIDETIC_CHECK(parameters.finish());
  return size ? static_cast<std::uint32_t>(*size) : kDefault;
}

}  // namespace eidetic
