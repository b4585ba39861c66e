// A filter and, after the first zero byte, the metadata of an item for it.
#include <cstdint>
#include <string_view>

#include "eidetic/filter.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto end = std::min(input.find('\0'), size);
  const auto filter = eidetic::parse_filter(input.substr(0, end));
  if (!filter) return 0;
  eidetic::Item item;
  item.metadata = input.substr(std::min(end + 1, size));
  (void)filter->matches(item);
  return 0;
}
