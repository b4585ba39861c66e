// Any bytes as a request target: what is taken is clean, and reads the same when it is written and read again.
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "server/uri.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = eidetic::parse_request_target({reinterpret_cast<const char*>(data), size});
  if (!parsed) return 0;
  std::string written;
  for (const auto& segment : parsed->segments) {
    if (!eidetic::is_utf8(segment) || segment.contains('\0')) std::abort();
    written += "/" + eidetic::percent_encode(segment);
  }
  if (written.empty()) written = "/";
  char separator = '?';
  for (const auto& [name, value] : parsed->query) {
    written += separator + eidetic::percent_encode(name) + "=" + eidetic::percent_encode(value);
    separator = '&';
  }
  const auto again = eidetic::parse_request_target(written);
  if (!again || again->segments != parsed->segments || again->query != parsed->query) std::abort();
  return 0;
}
