// Any bytes as a form: a first line that is the content type (empty: a usual one), then the body.
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "server/multipart.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto end = std::min(input.find('\n'), input.size());
  const std::string_view body = input.substr(std::min(end + 1, input.size()));
  const auto parts =
      eidetic::parse_multipart(end == 0 ? "multipart/form-data; boundary=xyz" : input.substr(0, end), body);
  if (!parts) return 0;
  if (parts->size() > eidetic::kMaxFormParts) std::abort();
  const char* last = body.data();
  for (const auto& part : *parts) {
    if (!eidetic::is_utf8(part.name) || !eidetic::is_utf8(part.filename)) std::abort();
    if (part.body.empty()) continue;
    if (part.body.data() < last || part.body.data() + part.body.size() > body.data() + body.size()) std::abort();
    last = part.body.data() + part.body.size();
  }
  return 0;
}
