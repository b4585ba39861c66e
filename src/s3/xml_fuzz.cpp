// Answers of a store, as anybody may write them.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "s3/xml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view xml(reinterpret_cast<const char*>(data), size);
  (void)eidetic::parse_failure(xml);
  (void)eidetic::parse_upload_id(xml, "fuzz");
  (void)eidetic::parse_completed(xml, "fuzz");
  if (const auto page = eidetic::parse_page(xml, "fuzz")) {
    for (const auto& object : page->objects) {
      if (object.key.empty()) __builtin_trap();
    }
  }
  return 0;
}
