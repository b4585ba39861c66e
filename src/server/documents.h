// Documents that are part of the program: made of docs/openapi.yaml and docs_page.html when it is built.
#pragma once

#include <string_view>

namespace eidetic {

[[nodiscard]] std::string_view openapi_yaml_text();
[[nodiscard]] std::string_view openapi_json_text();
[[nodiscard]] std::string_view docs_page_text();

}  // namespace eidetic
